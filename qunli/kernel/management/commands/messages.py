"""Message catalogues: message ids are Chinese and stand in the code; each room keeps its English in its own django.po."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation.template import templatize

KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
LANGUAGE = "en"
FORMAT_FLAGS = ("python-format", "python-brace-format")


class Command(BaseCommand):
    help = "List the messages that have no English, add them to the catalogues (--write), compile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rooms", nargs="*", help="only these rooms (`shared` is the shared templates)")
        parser.add_argument(
            "--write", action="store_true", help="add missing messages with empty English, drop those no longer used"
        )
        parser.add_argument("--check", action="store_true", help="fail when one is missing, unused or has other placeholders")

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        rooms = [
            (room, folder / LANGUAGE / "LC_MESSAGES" / "django.po", extracted(sources)) for room, folder, sources in catalogues()
        ]
        catalogs = {room: load(path) for room, path, _used in rooms}
        everything = {(message.id, message.context) for _room, _path, used in rooms for message in used}
        for room, path, used in rooms:
            if options["rooms"] and room not in options["rooms"]:
                continue
            kept, shared = catalogs[room], catalogs["shared"]
            wanted = everything if room == "shared" else {(message.id, message.context) for message in used}
            if options["write"]:
                kept = catalogs[room] = merged(used, kept, shared, wanted)
                if len(kept):
                    save(path, kept)
            problems = sorted([*differences(used, kept, shared, wanted), *contradictions(room, catalogs)])
            found += len(problems)
            for problem in problems:
                self.stdout.write(f"{room}: {problem}")
            if path.exists():
                with open(path.with_suffix(".mo"), "wb") as file:
                    write_mo(file, kept)
        if found and options["check"]:
            raise CommandError(f"{found} messages to mend: script/manage messages --write adds the missing ones to django.po.")
        if not found:
            self.stdout.write("Every message has its English.")


def catalogues() -> Iterator[tuple[str, Path, list[Path]]]:
    """(room, its locale folder, its source files); `shared` is the templates and the configuration outside the rooms."""
    root: Path = settings.ROOT
    shared = [*(root / "config").rglob("*.py"), *(root / "templates").rglob("*.html"), *(root / "templates").rglob("*.txt")]
    yield "shared", root / "locale", shared
    for app in sorted((root / "qunli").iterdir()):
        if (app / "__init__.py").exists():
            templates = [*(app / "templates").rglob("*.html"), *(app / "templates").rglob("*.txt")]
            code = [file for file in app.rglob("*.py") if "migrations" not in file.parts]
            yield app.name, app / "locale", [*code, *templates]


def extracted(files: list[Path]) -> Catalog:
    """The messages of the sources, with the files that name them."""
    catalog = new_catalog()
    for file in sorted(files):
        text = file.read_text()
        if file.suffix != ".py":
            text = templatize(text, origin=str(file))
        place = str(file.relative_to(settings.ROOT))
        for line, message, context in messages_of(text):
            flags = () if file.suffix == ".py" else ("python-format",)
            catalog.add(message, locations=[(place, line)], context=context, flags=flags)
    return catalog


def messages_of(text: str) -> Iterator[tuple[int, Any, str | None]]:
    """(line, id or (id, plural), context) of every call of a function of KEYWORDS."""
    for line, function, given, _comments in extract_python(BytesIO(text.encode()), KEYWORDS, (), {"encoding": "utf-8"}):
        values = list(given) if isinstance(given, list | tuple) else [given]
        context = None
        if str(function).startswith(("pgettext", "npgettext")):
            context, values = values[0], values[1:]
        wanted = values[:2] if str(function).startswith(("ngettext", "npgettext")) else values[:1]
        if wanted and all(isinstance(value, str) and value for value in wanted):
            yield line, tuple(wanted) if len(wanted) == 2 else wanted[0], context


def new_catalog() -> Catalog:
    return Catalog(locale=LANGUAGE, project="Qunli", last_translator="Qunli", language_team="Qunli", fuzzy=False)


def load(path: Path) -> Catalog:
    if not path.exists():
        return new_catalog()
    with open(path, "rb") as file:
        return read_po(file, locale=LANGUAGE)


def save(path: Path, catalog: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        write_po(file, catalog, width=132, omit_header=False, sort_output=True, ignore_obsolete=True, no_location=True)


def merged(used: Catalog, kept: Catalog, shared: Catalog, wanted: set[Any]) -> Catalog:
    """What is used, with the English that is there; what the shared catalogue says already is not asked for again."""
    result = new_catalog()
    result.mime_headers = kept.mime_headers if len(kept) else result.mime_headers
    for message in kept:
        if message.id and (message.id, message.context) in wanted:
            result[message.id] = message
    for message in used:
        if message.id and not result.get(message.id, message.context) and not shared.get(message.id, message.context):
            result.add(message.id, "", context=message.context, flags=message.flags - {"fuzzy"})
    return result


def differences(used: Catalog, kept: Catalog, shared: Catalog, wanted: set[Any]) -> Iterator[str]:
    """A sentence per message that is missing, fuzzy, unused, or whose English has other placeholders."""
    for message in used:
        if not message.id:
            continue
        place = ":".join(map(str, message.locations[0])) if message.locations else ""
        found = kept.get(message.id, message.context) or shared.get(message.id, message.context)
        if found is None or not all(strings(found)):
            yield f"{place}: no English for {message.id!r}"
        elif found.fuzzy:
            yield f"{place}: fuzzy English for {message.id!r}"
        else:
            found.flags |= message.flags & set(FORMAT_FLAGS)
            for error in found.check(kept):
                yield f"{place}: {message.id!r}: {error}"
    for message in kept:
        if message.id and (message.id, message.context) not in wanted:
            yield f"no longer used: {message.id!r}"


def contradictions(room: str, catalogs: dict[str, Catalog]) -> Iterator[str]:
    """A sentence per message that another room says otherwise: Django knows one English for a message, whichever room asks."""
    for message in catalogs[room]:
        for other, catalog in catalogs.items():
            found = catalog.get(message.id, message.context) if message.id and other != room else None
            if found and strings(found) != strings(message):
                said = f"{message.string!r} here, {found.string!r} in {other}"
                yield f"{message.id!r} is {said}: say one of them, or give one a context (pgettext)"


def strings(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, list | tuple) else [message.string or ""]
