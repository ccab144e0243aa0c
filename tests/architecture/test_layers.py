"""A room uses only the rooms below it, by code and by foreign key, and only through its doors."""

from django.apps import apps
from django.db import models

from tests.architecture.house import QUNLI, height, imports, layers, may_use, rooms, spot

DOORS = {"services", "selectors", "models", "enums", "perms", "states"}
"""What another room may import. A package of that name counts with all that is in it."""
OPEN_ROOMS = {"kernel"}
"""The kernel is made of doors."""
ALSO_OPEN = {
    # room.module: why another room may import it
    "divisions.forms": "the field with which every form chooses a division",
    "people.identity": "pure checks of identity numbers, names and phones",
    "people.wordings": "the texts of consents, with their versions",
    "access.roles": "roles and permissions as data, read once from roles.toml",
    "rules.facts": "where a room says which facts it has on record",
    "volunteering.matching": "what fits a volunteer, for the home page",
    "accounts.preferences": "theme, elder mode and language of whoever reads a page",
    "accounts.scopes": "the names of what a token may be narrowed to",
    "accounts.sessions": "the digest of a session's key, for the one statement of a sign-up",
    "accounts.middleware": "how seldom a session is touched, for the one statement of a sign-up",
    "audit.context": "address and id of the request, for the one statement of a sign-up",
}


def test_every_room_has_its_place() -> None:
    placed = [room for layer in layers() for room in layer]
    assert sorted(placed) == sorted(set(placed)), "a room stands in two layers"
    assert not set(rooms()) - set(placed), "rooms without a place in [tool.importlinter] of pyproject.toml"


def test_imports_go_down() -> None:
    wrong = [
        f"{spot(i.file, i.line)}: {i.room} imports {i.target}"
        for i in imports()
        if (other := i.target.split(".")[0]) in rooms() and not may_use(i.room, other)
    ]
    assert not wrong, "\n".join(wrong)


def test_other_rooms_are_entered_by_their_doors() -> None:
    wrong = []
    for i in imports():
        other, *rest = i.target.split(".")
        if other not in rooms() or other == i.room or other in OPEN_ROOMS:
            continue
        module = rest[0] if rest else ""
        if module not in DOORS and f"{other}.{module}" not in ALSO_OPEN:
            wrong.append(f"{spot(i.file, i.line)}: {i.room} imports {i.target}; call {other}.services or {other}.selectors")
    assert not wrong, "\n".join(wrong)


def test_private_names_stay_private() -> None:
    wrong = [
        f"{spot(i.file, i.line)}: {i.target}.{i.name}"
        for i in imports()
        if i.target.split(".")[0] != i.room and (i.name.startswith("_") or any(p.startswith("_") for p in i.target.split(".")))
    ]
    assert not wrong, "\n".join(wrong)


def test_open_modules_exist() -> None:
    places = {name: QUNLI / name.replace(".", "/") for name in ALSO_OPEN}
    missing = [name for name, place in places.items() if not place.with_suffix(".py").exists() and not place.is_dir()]
    assert not missing


def test_foreign_keys_go_down() -> None:
    wrong = []
    for model in apps.get_models():
        room = model._meta.app_label
        if room not in rooms():
            continue
        for field in model._meta.get_fields(include_hidden=True):
            if isinstance(field, models.ForeignKey | models.ManyToManyField) and field.related_model is not None:
                other = field.related_model._meta.app_label
                if other in rooms() and not may_use(room, other):
                    wrong.append(f"{model._meta.label}.{field.name} points up to {other}")
    assert not wrong, "\n".join(wrong)


def test_the_kernel_knows_nobody() -> None:
    assert height("kernel") == 0
    assert not list(apps.get_app_config("kernel").get_models()), "the kernel has no models"
