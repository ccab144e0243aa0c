"""From what stands in a file (or in a stored version) to a rule set."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from qunli.kernel.lists import listed
from qunli.rules import conditions, formulas, kinds, terms
from qunli.rules.conditions import COMPARISONS, Among, Condition, Not
from qunli.rules.documents import Document, Table
from qunli.rules.enums import Audience, Certainty, Decides
from qunli.rules.kinds import Kind, Type
from qunli.rules.positions import Path
from qunli.rules.rulesets import ON, FactType, Parameter, ResultType, Rule, RuleSet, Value
from qunli.rules.terms import Constant, Fact, Named, Term, Unfit

KEY = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
NAME = re.compile(r"[a-z][a-z0-9_]*")
HEAD = (
    "key", "issuer", "title", "about", "source", "authority", "certainty", "audience", "decides", "effective_from", "effective_to",
    "parameters", "values", "results", "rules", "outcome",
)  # fmt: skip
FACT = ("type", "min", "max", "digits", "options", "unit", "zh", "en", "ask", "cost", "room", "personal")
SHAPED = ("type", "digits", "options", "unit", "zh", "en")
OPERATORS = (*COMPARISONS, "in", "between", "present", "has", "covers")
DEEPEST = 12


def fact_type(document: Document, name: str, entry: Table, path: Path) -> FactType:
    """One fact of the catalogue."""
    document.only(entry, path, FACT)
    if not NAME.fullmatch(name) or name == ON:
        document.wrong(path, _("事实的名称用小写字母、数字和下划线，且不能是 on。"))
    return FactType(
        name=name,
        type=document.type(entry, path),
        label=document.label(entry, path),
        question=document.words(entry, path, "ask"),
        unit=document.unit(entry, path),
        cost=document.number(entry, path, "cost", 0, 100),
        room=document.text(entry, path, "room", ""),
        personal=document.flag(entry, path, "personal"),
        options=document.options(entry, path) if "options" in entry else {},
    )


def parse(document: Document, catalogue: Mapping[str, Any]) -> RuleSet | None:
    """The rule set of a document; None when it holds mistakes. `catalogue`: the plain entries of all facts, by name."""
    return _Parser(document, catalogue).rule_set()


class _Parser:
    def __init__(self, document: Document, catalogue: Mapping[str, Any]) -> None:
        self.document = document
        self.wrong = document.wrong
        self.data = document.data
        self.catalogue = catalogue
        # The catalogue's own mistakes are told where it is read, not in every rule set.
        self.aside = Document(document.name, {})
        self.facts = {name: fact_type(self.aside, name, entry, ()) for name, entry in catalogue.items()}
        self.names: dict[str, Term] = {name: Fact(name, fact.type) for name, fact in self.facts.items()}
        self.names[ON] = Fact(ON, kinds.DATE)
        self.results: dict[str, ResultType] = {}

    def rule_set(self) -> RuleSet | None:
        document, data = self.document, self.data
        document.only(data, (), HEAD)
        key = document.text(data, (), "key")
        if key and not KEY.fullmatch(key):
            self.wrong(("key",), _("名称用小写字母、数字和连字符，例如 volunteer-stars。"))
        since, until = document.date(data, (), "effective_from"), document.date(data, (), "effective_to", required=False)
        if since and until and until <= since:
            self.wrong(("effective_to",), _("失效日期（effective_to，不再有效的第一天）要晚于生效日期。"))
        decides = Decides(document.one_of(data, (), "decides", Decides.values))
        parameters = {name: self._parameter(name, entry) for name, entry in document.table(data, (), "parameters").items()}
        values = {name: self._value(name, entry) for name, entry in document.table(data, (), "values").items()}
        self.results = {name: self._result_type(name, entry) for name, entry in document.table(data, (), "results").items()}
        rules = self._rules(decides)
        outcome = self._results(data.get("outcome", {}), ("outcome",), whole=decides == Decides.ALL)
        if outcome and decides != Decides.ALL:
            self.wrong(("outcome",), _("outcome 只用于 decides = “all”；其他情况在每条规则里写 results。"))
        head = {
            "title": document.words(data, (), "title"),
            "about": document.words(data, (), "about", required=False),
            "source": document.words(data, (), "source"),
            "authority": document.words(data, (), "authority"),
            "certainty": Certainty(document.one_of(data, (), "certainty", Certainty.values)),
            "audience": Audience(document.one_of(data, (), "audience", Audience.values, Audience.PUBLIC)),
        }
        issuer = document.one_of(data, (), "issuer", self._issuers(data))
        if document.mistakes or since is None:
            return None
        used = self._used(values, rules, outcome)
        return RuleSet(
            key=key, issuer=issuer, decides=decides, effective_from=since, effective_to=until,
            facts={name: self.facts[name] for name in used}, parameters=parameters, values=values, results=self.results,
            rules=rules, outcome=outcome, content=self._content(used), **head,  # type: ignore[arg-type]
        )  # fmt: skip

    def _issuers(self, data: Table) -> list[str]:
        """The nation, the platform's own samples, or a city by its code."""
        issuer = data.get("issuer")
        return ["national", "default", *([issuer] if isinstance(issuer, str) and re.fullmatch(r"[0-9A-Z]{12}", issuer) else [])]

    def _content(self, used: list[str]) -> str:
        """The file without comments and without its end, with the facts that it uses: the same text whenever the same is meant."""
        rules = {key: value for key, value in self.data.items() if key != "effective_to"}
        facts = {name: self.catalogue[name] for name in used}
        return json.dumps({"rules": rules, "facts": facts}, ensure_ascii=False, separators=(",", ":"))

    def _used(self, values: Mapping[str, Value], rules: tuple[Rule, ...], outcome: Mapping[str, Term]) -> list[str]:
        names = {name for value in values.values() for name in value.term.names()}
        for rule in rules:
            names |= set(rule.when.names()) if rule.when is not None else set()
            names |= {name for term in rule.results.values() for name in term.names()}
        names |= {name for term in outcome.values() for name in term.names()}
        return [name for name in self.facts if name in names]

    # --- What has a name ------------------------------------------------------------

    def _named(self, path: Path, name: str) -> None:
        if not NAME.fullmatch(name):
            self.wrong(path, _("名称用小写字母、数字和下划线。"))
        elif name in self.names:
            self.wrong(path, _("“%(name)s”已经是一个事实或参数的名称，请换一个。") % {"name": name})

    def _parameter(self, name: str, entry: Table) -> Parameter:
        path: Path = ("parameters", name)
        self.document.only(entry, path, (*SHAPED, "value", "clause"))
        self._named(path, name)
        type_ = self.document.type({"type": "integer", **entry}, path, bounded=False)
        written = 0
        try:
            written = type_.write(entry.get("value"))
        except ValueError as error:
            self.wrong((*path, "value"), str(error))
        exact = type_ if not type_.is_number else kinds.number(written, written, type_.digits)
        self.names[name] = Named(name, Constant(written, exact))
        return Parameter(
            name=name,
            type=type_,
            value=written,
            label=self.document.label(entry, path),
            unit=self.document.unit(entry, path),
            clause=self.document.words(entry, path, "clause", required=False),
            options=self.document.options(entry, path) if "options" in entry else {},
        )

    def _value(self, name: str, entry: Table) -> Value:
        path: Path = ("values", name)
        self.document.only(entry, path, ("formula", "zh", "en", "unit"))
        self._named(path, name)
        term = self._formula(self.document.text(entry, path, "formula"), (*path, "formula"))
        self.names[name] = Named(name, term)
        return Value(name, term, self.document.label(entry, path), self.document.unit(entry, path))

    def _result_type(self, name: str, entry: Table) -> ResultType:
        path: Path = ("results", name)
        self.document.only(entry, path, SHAPED)
        if not NAME.fullmatch(name):
            self.wrong(path, _("名称用小写字母、数字和下划线。"))
        type_ = self.document.type(entry, path, bounded=False)
        options = self.document.options(entry, path) if "options" in entry else {}
        return ResultType(name, type_, self.document.label(entry, path), self.document.unit(entry, path), options)

    # --- Rules ------------------------------------------------------------

    def _rules(self, decides: Decides) -> tuple[Rule, ...]:
        entries = self.data.get("rules", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.wrong(("rules",), _("规则要写成 [[rules]]，一条一段。"))
            return ()
        if not entries and not self.data.get("parameters"):
            self.wrong(("rules",), _("至少要有一条规则 [[rules]] 或一个参数 [parameters.名称]。"))
        rules = tuple(self._rule(entry, ("rules", place), decides) for place, entry in enumerate(entries))
        keys: set[str] = set()
        for place, rule in enumerate(rules):
            if rule.key in keys:
                self.wrong(("rules", place, "key"), _("规则名称“%(key)s”重复。") % {"key": rule.key})
            keys.add(rule.key)
            if rule.when is None and (decides != Decides.FIRST or place + 1 < len(rules)):
                self.wrong(("rules", place), _("缺少条件 when；只有 decides = “first” 的最后一条可以没有条件。"))
        return rules

    def _rule(self, entry: Table, path: Path, decides: Decides) -> Rule:
        document = self.document
        document.only(entry, path, ("key", "zh", "en", "clause", "source", "when", "results"))
        key = document.text(entry, path, "key")
        if key and not KEY.fullmatch(key):
            self.wrong((*path, "key"), _("名称用小写字母、数字和连字符。"))
        if decides == Decides.ALL and entry.get("results"):
            self.wrong((*path, "results"), _("decides = “all” 的结果写在 [outcome] 里。"))
        return Rule(
            key=key,
            text=document.label(entry, path),
            clause=document.words(entry, path, "clause", required=False),
            source=document.words(entry, path, "source", required=False),
            when=self._condition(entry["when"], (*path, "when"), 0) if "when" in entry else None,
            results=self._results(entry.get("results", {}), (*path, "results"), whole=decides == Decides.FIRST),
        )

    def _results(self, entry: Any, path: Path, whole: bool) -> dict[str, Term]:
        """Values or formulas for named results; `whole`: every declared result must be there."""
        if not isinstance(entry, dict):
            self.wrong(path, _("结果要写成 { 名称 = 值 }。"))
            return {}
        self.document.only(entry, path, self.results)
        if whole:
            for name in self.results:
                if name not in entry:
                    self.wrong(path, _("缺少结果“%(name)s”。") % {"name": name})
        found = {}
        for name, result in self.results.items():
            if name in entry:
                found[name] = self._fitting(self._term(entry[name], result.type, (*path, name)), result.type, (*path, name))
        return found

    def _fitting(self, term: Term, type_: Type, path: Path) -> Term:
        if term.type.is_number and type_.is_number:
            if term.type.digits > type_.digits:
                message = _("结果最多 %(digits)d 位小数，请用 round(…, %(digits)d) 取整。") % {"digits": type_.digits}
                self.wrong(path, message)
                return term
            try:
                return terms.scaled(term, type_.digits)
            except Unfit as unfit:
                self.wrong(path, str(unfit))
        elif (term.type.kind, term.type.options) != (type_.kind, type_.options):
            facts = {"kind": term.type.kind.value, "wanted": type_.kind.value}
            self.wrong(path, _("结果是“%(kind)s”，声明的是“%(wanted)s”。") % facts)
        return term

    # --- Conditions ------------------------------------------------------------

    def _condition(self, entry: Any, path: Path, depth: int) -> Condition:
        nothing = conditions.Present("present", (Fact(ON, kinds.DATE),))
        if not isinstance(entry, dict) or not entry or depth > DEEPEST:
            self.wrong(path, _('条件要写成 { all = […] }、{ any = […] }、{ not = {…} } 或 { fact = "名称", ge = 14 }。'))
            return nothing
        for word, make in (("all", conditions.every), ("any", conditions.some)):
            if word in entry:
                self.document.only(entry, path, (word,))
                items = entry[word]
                if not isinstance(items, list) or not items:
                    self.wrong((*path, word), _("“%(word)s”要是一个不空的列表。") % {"word": word})
                    return nothing
                return make(tuple(self._condition(item, (*path, word, place), depth + 1) for place, item in enumerate(items)))
        if "not" in entry:
            self.document.only(entry, path, ("not",))
            return Not(self._condition(entry["not"], (*path, "not"), depth + 1))
        return self._comparison(entry, path) or nothing

    def _comparison(self, entry: Table, path: Path) -> Condition | None:
        self.document.only(entry, path, ("fact", "formula", *OPERATORS))
        if ("fact" in entry) == ("formula" in entry):
            self.wrong(path, _("条件要有 fact 或 formula 其中一个。"))
            return None
        if "fact" in entry:
            name = self.document.text(entry, path, "fact")
            left = self.names.get(name) if name in self.facts or name == ON else None
            if left is None:
                self.wrong((*path, "fact"), _("目录里没有事实“%(name)s”，请写进 rulesets/facts/。") % {"name": name})
                return None
        else:
            left = self._formula(self.document.text(entry, path, "formula"), (*path, "formula"))
        operators = [key for key in entry if key in OPERATORS]
        if not operators:
            known = listed(OPERATORS)
            self.wrong(path, _("缺少比较：%(known)s。") % {"known": known})
            return None
        try:
            return conditions.every(tuple(self._test(left, key, entry[key], (*path, key)) for key in operators))
        except Unfit as unfit:
            self.wrong((*path, operators[0]), str(unfit))
            return None

    def _test(self, left: Term, op: str, right: Any, path: Path) -> Condition:
        match op:
            case "present":
                if right is not True:
                    raise Unfit(_("写成 present = true。"))
                return conditions.present(left)
            case "in":
                if not isinstance(right, list) or not right or left.type.kind == Kind.SET:
                    raise Unfit(_("in 要写成不空的列表，例如 in = [1, 2]；集合用 has。"))
                values = [self._constant(value, left.type, (*path, place)) for place, value in enumerate(right)]
                sides = terms.aligned(left, *values) if left.type.is_number else (left, *values)
                return Among("in", (sides[0],), tuple(side.value for side in sides[1:] if isinstance(side, Constant)))
            case "between":
                if not isinstance(right, list) or len(right) != 2:
                    raise Unfit(_("between 要写成 [最小, 最大]，两端都算在内。"))
                low, high = (self._term(value, left.type, (*path, place)) for place, value in enumerate(right))
                return conditions.every((conditions.compare("ge", left, low), conditions.compare("le", left, high)))
            case "has":
                return conditions.covers(left, self._constant([right], left.type, path))
            case "covers":
                return conditions.covers(left, self._term(right, left.type, path))
        return conditions.compare(op, left, self._term(right, left.type, path))

    def _term(self, entry: Any, type_: Type, path: Path) -> Term:
        """`{ formula = "..." }`, or a value of this type."""
        if isinstance(entry, dict):
            self.document.only(entry, path, ("formula",))
            return self._formula(self.document.text(entry, path, "formula"), (*path, "formula"))
        return self._constant(entry, type_, path)

    def _constant(self, value: Any, type_: Type, path: Path) -> Constant:
        try:
            if type_.is_number:
                text = str(value) if isinstance(value, str) else value
                digits = max(kinds.literal(text)[1].digits, type_.digits) if isinstance(text, str) else type_.digits
                wide = Type(Kind.DECIMAL if digits else Kind.INTEGER, 1 - kinds.LIMIT, kinds.LIMIT - 1, digits)
                written = wide.write(value)
                return Constant(written, kinds.number(written, written, digits))
            return Constant(type_.write(value), type_)
        except (ValueError, ArithmeticError) as error:
            self.wrong(path, str(error) if isinstance(error, ValueError) else _("要填数字。"))
            return Constant(type_.low, type_)

    def _formula(self, text: str, path: Path) -> Term:
        try:
            return formulas.parse(text, self.names)
        except Unfit as unfit:
            self.wrong(path, str(unfit))
            return Constant(0, kinds.integer(0, 0))
