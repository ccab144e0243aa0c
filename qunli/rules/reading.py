"""Reading the folder of rule files: the catalogue of facts under `facts/`, rule sets everywhere else, all mistakes at once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from qunli.rules.documents import Document, Mistake, open_document
from qunli.rules.parsing import fact_type, parse
from qunli.rules.rulesets import FactType, RuleSet

FACTS = "facts"
APART = ("calendar.toml",)
"""Dated data of the kernel that are no rules."""


@dataclass
class Reading:
    facts: dict[str, FactType] = field(default_factory=dict)
    rule_sets: list[tuple[str, RuleSet]] = field(default_factory=list)
    """With the file that each stands in."""
    mistakes: list[Mistake] = field(default_factory=list)


def read_folder(folder: Path) -> Reading:
    """Facts and rule sets of a folder, with every mistake in them."""
    reading = Reading()
    catalogue = read_catalogue(folder, reading)
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        if name.startswith(f"{FACTS}/") or name in APART:
            continue
        document = open_document(file, name)
        found = parse(document, catalogue) if document.data else None
        if not document.data and not document.mistakes:
            document.wrong((), _("文件是空的。"))
        reading.mistakes += document.mistakes
        if found:
            reading.rule_sets.append((name, found))
    _check_periods(reading)
    return reading


def read_catalogue(folder: Path, reading: Reading) -> dict[str, Any]:
    """The plain entries of all facts by name, also read into `reading.facts`."""
    catalogue: dict[str, Any] = {}
    where: dict[str, str] = {}
    for file in _files(folder / FACTS):
        document = open_document(file, file.relative_to(folder).as_posix())
        document.only(document.data, (), ("facts",))
        for name, entry in document.table(document.data, (), "facts").items():
            path = ("facts", name)
            if name in catalogue:
                document.wrong(path, _("事实“%(name)s”在 %(file)s 里已经有了。") % {"name": name, "file": where[name]})
                continue
            before = len(document.mistakes)
            fact = fact_type(document, name, entry, path)
            if len(document.mistakes) == before:
                catalogue[name], where[name], reading.facts[name] = entry, document.name, fact
        reading.mistakes += document.mistakes
    return catalogue


def restore(content: str, effective_to: date | None = None) -> RuleSet:
    """The rule set of a stored version. Raises ValueError when the text does not make one."""
    stored = json.loads(content)
    data = stored["rules"] | ({"effective_to": effective_to.isoformat()} if effective_to else {})
    document = Document(data.get("key", ""), data)
    found = parse(document, stored["facts"])
    if found is None:
        raise ValueError("; ".join(str(mistake) for mistake in document.mistakes))
    return found


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.toml"))


def _check_periods(reading: Reading) -> None:
    """One version of a key and issuer a day. The database holds the same; here the file is named."""
    seen: dict[tuple[str, str], list[tuple[str, RuleSet]]] = {}
    for name, rules in reading.rule_sets:
        others = seen.setdefault((rules.key, rules.issuer), [])
        for other_name, other in others:
            if _overlap(rules, other):
                facts = {"key": rules.key, "other": other_name}
                message = _("与 %(other)s 的有效期重叠（%(key)s）。请给较早的一份写上 effective_to。") % facts
                reading.mistakes.append(Mistake(name, 1, "effective_from", message))
        others.append((name, rules))


def _overlap(one: RuleSet, other: RuleSet) -> bool:
    return (other.effective_to is None or one.effective_from < other.effective_to) and (
        one.effective_to is None or other.effective_from < one.effective_to
    )
