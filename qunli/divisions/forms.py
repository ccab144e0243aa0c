"""Choosing a division in a form: by name, pinyin or initials, or step by step from the city down."""

from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qunli.divisions.enums import ChangeKind, Level
from qunli.divisions.models import Division
from qunli.divisions.selectors import Node, find, tree
from qunli.divisions.services import Opening
from qunli.kernel.lists import listed


class Picked(NamedTuple):
    """What a picker sends: the code of a chosen radio button, or words that were typed."""

    code: str
    words: str


class Choice(NamedTuple):
    """A division as the picker offers it."""

    code: str
    name: str
    """Names from the district down."""
    short: str
    selectable: bool
    deeper: bool
    """Has divisions below it that may be chosen."""


def choice(node: Node, levels: frozenset[int]) -> Choice:
    below = bool(tree().children.get(node.id)) and any(level > node.level for level in levels)
    return Choice(node.code, tree().full_name(node), node.name, node.level in levels, below)


def searched(words: str, levels: frozenset[int], limit: int = 12) -> list[Choice]:
    """Divisions of the wanted levels that match `words`, best first."""
    found = [node for node in find(words, limit=200) if node.level in levels]
    return [choice(node, levels) for node in found[:limit]]


def below(code: str, levels: frozenset[int]) -> list[Choice]:
    """The division itself, when it may be chosen, and those directly below it; the city for an unknown code."""
    all_of_them = tree()
    node = all_of_them.by_code.get(code) or next(iter(all_of_them.children.get(None, [])), None)
    if node is None:
        return []
    own = [choice(node, levels)._replace(deeper=False)] if node.level in levels else []
    children = [choice(child, levels) for child in all_of_them.children.get(node.id, [])]
    return own + [child for child in children if child.selectable or child.deeper]


class DivisionInput(forms.Widget):
    """A search field whose results are radio buttons. Without script: type, send, choose among what was found."""

    template_name = "divisions/_picker.html"
    input_type = "search"

    def __init__(self, levels: frozenset[int] = frozenset(Level.values), attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.levels = levels

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Picked:
        return Picked(data.get(name, "").strip(), data.get(f"{name}_words", "").strip())

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and f"{name}_words" not in data

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        picked = value if isinstance(value, Picked) else Picked(str(value or ""), "")
        node = tree().by_code.get(picked.code)
        chosen = choice(node, self.levels) if node else None
        context["widget"] |= {
            "chosen": chosen,
            "words": "" if chosen else picked.words,
            "choices": searched(picked.words, self.levels) if picked.words and not chosen else [],
            "levels": ",".join(str(level) for level in sorted(self.levels)),
        }
        return context


class DivisionField(forms.Field):
    """A division in force. `levels` are those that may be chosen; all by default. Cleans to a Division."""

    widget = DivisionInput
    default_error_messages = {
        "required": _("请选择区域。"),
        "unknown": _("没有找到“%(words)s”。请输入社区、街道或区县的名称、拼音或首字母。"),
        "several": _("请在下面选一个。"),
        "level": _("请选到%(levels)s。"),
    }

    def __init__(self, *, levels: tuple[Level, ...] = tuple(Level), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = frozenset(int(level) for level in levels)
        self.widget.levels = self.levels

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Division):
            return value.code
        if isinstance(value, int):
            node = tree().by_id.get(value)
            return node.code if node else ""
        return value

    def clean(self, value: Any) -> Division | None:
        picked = value if isinstance(value, Picked) else Picked(str(value or ""), "")
        node = tree().by_code.get(picked.code)
        if node is None and picked.words:
            found = searched(picked.words, self.levels)
            exact = [one for one in found if picked.words in (one.name, one.short)]
            if len(found) == 1 or len(exact) == 1:
                node = tree().by_code[(exact or found)[0].code]
            else:
                raise ValidationError(self.error_messages["several" if found else "unknown"], "division", {"words": picked.words})
        if node is None:
            if self.required:
                raise ValidationError(self.error_messages["required"], "required")
            return None
        if node.level not in self.levels:
            names = listed(Level(level).label for level in sorted(self.levels))
            raise ValidationError(self.error_messages["level"], "level", {"levels": names})
        return Division.objects.get(pk=node.id)

    def has_changed(self, initial: Any, data: Any) -> bool:
        code = data.code if isinstance(data, Picked) else str(data or "")
        return bool(self.prepare_value(initial) or "") != bool(code) or str(self.prepare_value(initial) or "") != code


class ChangeForm(forms.Form):
    kind = forms.ChoiceField(label=_("变更类型"), choices=ChangeKind.choices)
    before = forms.CharField(
        label=_("变更前"), widget=forms.Textarea(attrs={"rows": 3}), help_text=_("每行一个 12 位区划代码。"), max_length=2000
    )
    after = forms.CharField(
        label=_("变更后"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("每行一个：12 位代码，空格，名称。例如 510104099000 锦华街道"),
        max_length=4000,
    )
    parent = DivisionField(
        label=_("新的上级"), required=False, levels=(Level.CITY, Level.DISTRICT, Level.STREET), help_text=_("只在改隶时填写。")
    )
    on = forms.DateField(label=_("生效日期"), widget=forms.DateInput(attrs={"type": "date"}))
    document = forms.CharField(label=_("批准文号"), max_length=120)

    def clean_before(self) -> list[Division]:
        codes = self.cleaned_data["before"].split()
        found = {division.code: division for division in Division.objects.filter(code__in=codes, valid_to=None)}
        unknown = [code for code in codes if code not in found]
        if unknown:
            raise forms.ValidationError(gettext("没有现行的区划代码：%(codes)s"), params={"codes": listed(unknown)})
        return [found[code] for code in dict.fromkeys(codes)]

    def clean_after(self) -> list[Opening]:
        openings: list[Opening] = []
        for number, line in enumerate(self.cleaned_data["after"].splitlines(), 1):
            code, _space, name = line.strip().partition(" ")
            if not code:
                continue
            if len(code) != 12 or not code.isalnum() or not name.strip():
                raise forms.ValidationError(gettext("第 %(line)d 行应为 12 位代码、空格、名称。"), params={"line": number})
            openings.append(Opening(code.upper(), name.strip()))
        return openings

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("kind") == ChangeKind.TRANSFER and "parent" in data and data["parent"] is None:
            self.add_error("parent", gettext("改隶要选择新的上级。"))
        return data
