"""Files: every mistake is found with file, line, name and remedy; what is loaded stays as it was."""

from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone, translation

from qunli.kernel.actor import SYSTEM
from qunli.rules import selectors, services
from qunli.rules.facts import provided
from qunli.rules.models import Version
from qunli.rules.positions import lines
from qunli.rules.reading import read_folder, restore
from qunli.rules.terms import Unfit

FACTS = """\
[facts.age]
type = "integer"
min = 0
max = 150
unit = "age"
zh = "年龄"
en = "age"
ask = { zh = "多少岁？", en = "How old?" }
cost = 1

[facts.kind]
type = "choice"
zh = "类别"
en = "kind"
ask = { zh = "哪一类？", en = "Which kind?" }
cost = 0
options.one = { zh = "甲", en = "one" }
options.two = { zh = "乙", en = "two" }
"""
RULES = """\
key = "sample"
issuer = "default"
title = { zh = "示例", en = "Sample" }
source = { zh = "来源", en = "source" }
authority = { zh = "部门", en = "office" }
certainty = "design"
effective_from = 2020-01-01
decides = "first"

[parameters.adult]
value = 18
zh = "成年"
en = "adult"

[results.letter]
type = "choice"
zh = "字母"
en = "letter"
options.a = { zh = "甲", en = "A" }
options.b = { zh = "乙", en = "B" }

[[rules]]
key = "grown"
zh = "成年"
en = "Grown up"
when.all = [
  { fact = "age", ge = { formula = "adult" } },
  { fact = "kind", eq = "one" },
]
results = { letter = "a" }

[[rules]]
key = "rest"
zh = "其他"
en = "The rest"
results = { letter = "b" }
"""


def folder_with(tmp_path: Path, rules: str = RULES, facts: str = FACTS) -> Path:
    (tmp_path / "facts").mkdir(exist_ok=True)
    (tmp_path / "facts" / "all.toml").write_text(facts)
    (tmp_path / "sample.toml").write_text(rules)
    return tmp_path


def test_the_files_of_the_house_are_right() -> None:
    reading = read_folder(settings.ROOT / "rulesets")
    assert not reading.mistakes
    assert {rules.key for _file, rules in reading.rule_sets} >= {"service-counts", "hour-confidence", "volunteer-stars"}


def test_a_stored_version_says_what_the_file_said() -> None:
    for _file, rules in read_folder(settings.ROOT / "rulesets").rule_sets:
        again = restore(rules.content, rules.effective_to)
        assert again.content == rules.content
        assert again.asking_order == rules.asking_order


@pytest.mark.parametrize(
    ("before", "after", "line", "field", "says"),
    [
        ('fact = "age", ge', 'fact = "aeg", ge', 27, "rules[1].when.all[1].fact", "aeg"),
        ('formula = "adult"', 'formula = "adlut"', 27, "rules[1].when.all[1].ge.formula", "adlut"),
        ('formula = "adult"', 'formula = "age / 2"', 27, "rules[1].when.all[1].ge.formula", "round"),
        ('formula = "adult"', 'formula = "adult // age"', 27, "rules[1].when.all[1].ge.formula", "max(…, 1)"),
        ('formula = "adult"', "formula = \"__import__('os')\"", 27, "rules[1].when.all[1].ge.formula", "__import__"),
        ('formula = "adult"', 'formula = "age.real"', 27, "rules[1].when.all[1].ge.formula", "age.real"),
        ('formula = "adult"', 'formula = "age +"', 27, "rules[1].when.all[1].ge.formula", "age +"),
        ('formula = "adult"', 'formula = "kind"', 27, "rules[1].when.all[1].ge", "integer"),
        ('formula = "adult"', f'formula = "{" * ".join(["age"] * 10)}"', 27, "rules[1].when.all[1].ge.formula", "64"),
        ('eq = "one"', 'eq = "three"', 28, "rules[1].when.all[2].eq", "one"),
        ('eq = "one"', 'gt = "one"', 28, "rules[1].when.all[2].gt", "eq"),
        ('letter = "a"', 'letter = "z"', 30, "rules[1].results.letter", "a、b"),
        ('key = "rest"', 'key = "grown"', 33, "rules[2].key", "grown"),
        ("effective_from = 2020-01-01", 'effective_from = "soon"', 7, "effective_from", "2026-03-05"),
        (
            "effective_from = 2020-01-01",
            "effective_from = 2020-01-01\neffective_to = 2019-01-01",
            8,
            "effective_to",
            "effective_to",
        ),
        ('decides = "first"', 'decides = "last"', 8, "decides", "first"),
        ('certainty = "design"', 'certianty = "design"', 6, "certianty", "certainty"),
        ('en = "Grown up"\n', "", 22, "rules[1].en", "en"),
        ('key = "sample"', "key = ", 1, "", "TOML"),
        ("value = 18", 'value = "many"', 11, "parameters.adult.value", "many"),
        ('results = { letter = "b" }', "", 32, "rules[2].results", "letter"),
        ('results = { letter = "b" }', 'when = { }\nresults = { letter = "b" }', 36, "rules[2].when", "all"),
    ],
)
def test_mistakes_name_line_and_remedy(tmp_path: Path, before: str, after: str, line: int, field: str, says: str) -> None:
    assert before in RULES
    found = read_folder(folder_with(tmp_path, RULES.replace(before, after, 1))).mistakes
    assert any((m.file, m.line, m.field) == ("sample.toml", line, field) and says in m.message for m in found), found
    with translation.override("en"):
        assert all(str(m).isascii() or "“" in str(m) or "…" in str(m) or "、" in str(m) for m in read_folder(tmp_path).mistakes)


def test_mistakes_of_the_catalogue(tmp_path: Path) -> None:
    found = read_folder(
        folder_with(tmp_path, facts=FACTS.replace("max = 150\n", "").replace("cost = 0\n", "cost = 900\n"))
    ).mistakes
    assert [(m.file, m.line, m.field) for m in found if m.file.startswith("facts/")] == [
        ("facts/all.toml", 1, "facts.age.max"),
        ("facts/all.toml", 15, "facts.kind.cost"),
    ]


def test_two_files_of_one_period_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "twin.toml").write_text(RULES.replace("2020-01-01", "2024-01-01"))
    assert [m.file for m in read_folder(folder).mistakes] == ["twin.toml"]
    (folder / "sample.toml").write_text(RULES.replace("2020-01-01", "2020-01-01\neffective_to = 2024-01-01"))
    assert not read_folder(folder).mistakes


def test_lines_of_every_way_to_write_a_value() -> None:
    text = """\
a = '''x
y''' # [no]
[t.u]
b.c = [
  1, # one
  { d = "]", e = ['}'] },
]
[[v]]
"k.k" = 1
[v.w]
z = 2020-01-01
[[v]]
q = 1.5
"""
    found = lines(text)
    assert found["a",] == 1
    assert found["t", "u", "b", "c", 1, "e", 0] == 6
    assert found["v", 0, "k.k"] == 9
    assert found["v", 0, "w", "z"] == 11
    assert found["v", 1, "q"] == 13


def test_providers_are_in_the_catalogue() -> None:
    assert provided() <= set(selectors.catalogue())


@pytest.fixture
def loading(db: None) -> object:
    """What a test loads is forgotten with its transaction."""
    selectors.forget()
    yield
    selectors.forget()


def load(folder: Path) -> services.Loaded:
    return services.load(folder, by=SYSTEM, now=timezone.now())


@pytest.mark.usefixtures("loading")
def test_loading_again_changes_nothing_and_a_change_makes_a_revision(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    assert load(folder).created == ["sample default 2020-01-01"]
    assert load(folder).unchanged == 1
    first = services.evaluate("sample", {"age": 18, "kind": "one"}, on=date(2026, 1, 1))
    assert first.results == {"letter": "a"}
    folder_with(tmp_path, RULES.replace("value = 18", "value = 21"))
    assert services.load(folder, by=SYSTEM, now=timezone.now(), write=False).revised
    assert services.evaluate("sample", {"age": 18, "kind": "one"}, on=date(2026, 1, 1)).results == {"letter": "a"}
    assert load(folder).revised == ["sample default 2020-01-01"]
    assert services.evaluate("sample", {"age": 18, "kind": "one"}, on=date(2026, 1, 1)).results == {"letter": "b"}
    versions = Version.objects.filter(key="sample").order_by("revision")
    assert [(each.revision, each.superseded_at is None) for each in versions] == [(1, False), (2, True)]


@pytest.mark.usefixtures("loading")
def test_an_end_is_set_and_the_next_version_follows(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    load(folder)
    folder_with(tmp_path, RULES.replace("2020-01-01", "2020-01-01\neffective_to = 2025-01-01"))
    (folder / "next.toml").write_text(RULES.replace("2020-01-01", "2025-01-01").replace("value = 18", "value = 16"))
    loaded = load(folder)
    assert (loaded.closed, loaded.created) == (["sample default 2020-01-01"], ["sample default 2025-01-01"])
    facts = {"age": 17, "kind": "one"}
    assert services.evaluate("sample", facts, on=date(2024, 12, 31)).results == {"letter": "b"}
    assert services.evaluate("sample", facts, on=date(2025, 1, 1)).results == {"letter": "a"}


@pytest.mark.usefixtures("loading")
def test_the_city_comes_before_the_nation_and_the_nation_before_the_sample(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    for issuer, value in (("national", 30), (settings.CITY_CODE, 40)):
        (folder / f"{issuer}.toml").write_text(RULES.replace('"default"', f'"{issuer}"').replace("value = 18", f"value = {value}"))
    load(folder)
    assert services.parameters("sample", on=date(2026, 1, 1)) == {"adult": 40}


@pytest.mark.usefixtures("loading")
def test_nothing_is_loaded_while_there_is_a_mistake(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, RULES.replace('fact = "age"', 'fact = "aeg"'))
    errors = StringIO()
    with pytest.raises(CommandError, match="nothing was loaded"):
        call_command("load_rules", folder, stderr=errors)
    assert "sample.toml" in errors.getvalue()
    assert not Version.objects.filter(key="sample").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "update rules_version set content = content || ' '",
        "update rules_version set effective_from = effective_from - 1",
        "update rules_version set digest = '\\x00'",
        "delete from rules_version",
        "truncate rules_version cascade",
        "update rules_version set effective_to = '2030-01-01'; update rules_version set effective_to = '2040-01-01'",
    ],
)
def test_the_database_keeps_versions_as_they_are(statement: str) -> None:
    with pytest.raises(DatabaseError, match="rules"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_database_refuses_two_versions_of_one_day() -> None:
    version = Version.objects.get(key="volunteer-stars")
    version.pk, version.effective_from = None, date(2024, 1, 1)
    with pytest.raises(IntegrityError, match="rules_version_one_a_day"), transaction.atomic():
        version.save(force_insert=True)


def test_formulas_too_deep_or_too_long_are_refused() -> None:
    from qunli.rules.formulas import parse

    for text in (
        "(" * 200 + "1" + ")" * 200 + " +",
        "-" * 60 + "1",
        "1 + " * 200 + "1",
        "9" * 30,
        "'text'",
        "lambda: 1",
        "[1][0]",
        "x",
    ):
        with pytest.raises(Unfit):
            parse(text, {})
