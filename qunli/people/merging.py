"""One person in two records: everything of the one moves to the other, and can be put back.

What moves is found in the model registry. A row that a constraint keeps from moving (both are members of one team, both signed up
for one activity) stays with the merged record; the room that owns it may say what becomes of it (`services.on_merge_conflict`).
Where both have a row of which a person has one only (both are volunteers), what hangs on the one moves to the other. `Merge.moved`
tells each step with what was there before; undoing goes through it again and leaves alone what was changed since.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import pgtrigger
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection, models, transaction
from django.utils.translation import gettext as _

from qunli.audit import services as audit
from qunli.kernel.actor import Actor
from qunli.kernel.clock import local_date
from qunli.kernel.errors import Denied, Refused
from qunli.people.enums import Decision, IdKind, Suspicion
from qunli.people.models import Duplicate, Merge, Person
from qunli.people.perms import Permission, may_merge
from qunli.people.registry import Reference, references, registered

FILLED = ("sex", "birth_date", "phone", "email", "division_id")
"""What the kept record takes from the other where it has nothing itself. The identity is taken together with its kind."""
DIGESTS = {"phone": "phone_digest"}


def merge(*, kept: Person, gone: Person, reason: str, by: Actor, now: datetime) -> Merge:
    """Make `gone` part of `kept`. Raises Refused when they cannot be one person."""
    if not (may_merge(by, kept) and may_merge(by, gone)):
        raise Denied(Permission.MERGE)
    reason = " ".join(reason.split())
    if len(reason) < 4:
        raise Refused(_("请写明合并的依据，至少 4 个字。"), code="reason", field="reason")
    if kept.pk == gone.pk:
        raise Refused(_("请选择两份不同的档案。"), code="same", field="gone")
    with transaction.atomic():
        locked = {p.pk: p for p in Person.objects.select_for_update().filter(pk__in=[kept.pk, gone.pk]).order_by("pk")}
        kept, gone = locked[kept.pk], locked[gone.pk]
        _check_one_person(kept, gone)
        for guard in registered.guards:
            guard(kept=kept, gone=gone, by=by, now=now)
        steps: list[dict[str, Any]] = []
        gone.merged_into = kept
        gone.save(update_fields=["merged_into", "updated_at"])
        filled = _fill(kept, gone)
        if filled:
            steps.append({"filled": filled})
        steps += list(_move(gone, kept, now))
        entry = Merge.objects.create(kept=kept, gone=gone, reason=reason, moved=steps, merged_at=now, merged_by_id=by.person_id)
        pair = {"one_id": min(kept.pk, gone.pk), "other_id": max(kept.pk, gone.pk)}
        Duplicate.objects.filter(**pair, decision="").update(decision=Decision.MERGED, decided_at=now, decided_by=by.person_id)
        facts = {"gone": f"person:{gone.pk}", "merge": entry.pk, "rows": sum(len(s.get("pks", ())) for s in steps)}
        audit.record("people.merge", f"person:{kept.pk}", by=by, **facts)
    return entry


def _check_one_person(kept: Person, gone: Person) -> None:
    if kept.merged_into_id or gone.merged_into_id:
        raise Refused(_("其中一份档案已经合并过，请刷新页面。"), code="merged", field="gone")
    if kept.erased_at or gone.erased_at:
        raise Refused(_("其中一份档案已经注销，不能合并。"), code="erased", field="gone")
    same_kind = kept.id_number and gone.id_number and kept.id_kind == gone.id_kind
    if same_kind and kept.id_kind != IdKind.PASSPORT and kept.id_number != gone.id_number:
        raise Refused(_("两份档案的证件号码不同，不是同一个人。"), code="identity", field="gone")
    if kept.birth_date and gone.birth_date and kept.birth_date != gone.birth_date:
        raise Refused(_("两份档案的出生日期不同，请先核对证件。"), code="birth_date", field="gone")
    if kept.sex and gone.sex and kept.sex != gone.sex:
        raise Refused(_("两份档案的性别不同，请先核对证件。"), code="sex", field="gone")


def _fill(kept: Person, gone: Person) -> list[str]:
    names = [name for name in FILLED if not getattr(kept, name) and getattr(gone, name)]
    names += [DIGESTS[name] for name in names if name in DIGESTS]
    if not kept.id_number and gone.id_number:
        names += ["id_kind", "id_number", "id_digest"]
    for name in names:
        setattr(kept, name, getattr(gone, name))
    if names:
        kept.save(update_fields=[*names, "updated_at"])
    return names


def _move(source: models.Model, target: models.Model, now: datetime) -> Iterator[dict[str, Any]]:
    """Steps taken: {"model", "field", "from", "to", "pks"} for rows moved, {"model", "pk", "stays", "set"} for rows that stayed."""
    for reference in references(type(source)):
        if reference.model is type(source):
            continue
        column = reference.field.attname
        rows = reference.model._base_manager.filter(**{column: source.pk}).order_by("pk")
        if reference.single:
            row = rows.first()
            other = reference.model._base_manager.filter(**{column: target.pk}).first() if row else None
            if row and other:
                yield _stay(reference, row, other, now)
                yield from _move(row, other, now)
                continue
        pks = list(rows.values_list("pk", flat=True))
        moved = _repoint(reference, pks, target.pk)
        if moved:
            told = {"model": reference.label, "field": column, "from": source.pk, "to": target.pk}
            yield told | {"pks": moved}
        for row in reference.model._base_manager.filter(pk__in=set(pks) - set(moved)).order_by("pk"):
            yield _stay(reference, row, None, now)


def _repoint(reference: Reference, pks: list[Any], to: Any) -> list[Any]:
    """Those of the rows that now point to `to`: all at once, else one by one as the constraints allow."""
    if not pks:
        return []
    rows = reference.model._base_manager
    try:
        with transaction.atomic():
            rows.filter(pk__in=pks).update(**{reference.field.attname: to})
        return pks
    except DatabaseError:
        moved = []
        for pk in pks:
            try:
                with transaction.atomic():
                    rows.filter(pk=pk).update(**{reference.field.attname: to})
                moved.append(pk)
            except DatabaseError:
                continue
        return moved


def _stay(reference: Reference, row: models.Model, other: models.Model | None, now: datetime) -> dict[str, Any]:
    """A row that stays, with what its room sets on it: {"set": {column: [before, after]}}."""
    resolver = registered.resolvers.get(reference.label)
    values = resolver(row, other, now) if resolver else {}
    changes = {}
    for name, value in values.items():
        column = row._meta.get_field(name)
        before = column.value_to_string(row) if getattr(row, column.attname) is not None else None  # type: ignore[union-attr]
        setattr(row, name, value)
        after = column.value_to_string(row) if value is not None else None  # type: ignore[union-attr]
        changes[name] = [before, after]
    if changes:
        row.save(update_fields=list(changes))
    return {"model": reference.label, "pk": row.pk, "stays": reference.field.name, "set": changes}


def undo(*, merge: Merge, by: Actor, now: datetime) -> list[str]:
    """Put everything back where it was. Returns what could not be put back because it was changed since, as "model:pk"."""
    if not may_merge(by, merge.kept):
        raise Denied(Permission.MERGE)
    with transaction.atomic():
        merge = Merge.objects.select_for_update().select_related("kept", "gone").get(pk=merge.pk)
        if merge.undone_at:
            raise Refused(_("这次合并已经撤销过。"), code="undone")
        if merge.kept.merged_into_id:
            raise Refused(_("保留的档案后来又并入了另一份档案，请先撤销那一次合并。"), code="merged")
        left: list[str] = []
        filled: list[str] = []
        for step in merge.moved:
            filled += step.get("filled", [])
        if filled:
            _empty(merge.kept, filled)
        merge.gone.merged_into = None
        merge.gone.save(update_fields=["merged_into", "updated_at"])
        # In the order of the merge: rows that a person has one of come first, so that counters find their owner in place.
        for step in merge.moved:
            if "pks" in step:
                left += _put_back(step)
            elif "set" in step:
                left += _restore(step)
        merge.undone_at, merge.undone_by_id = now, by.person_id
        merge.save(update_fields=["undone_at", "undone_by"])
        Duplicate.objects.filter(one__in=[merge.kept, merge.gone], other__in=[merge.kept, merge.gone]).update(
            decision="", decided_at=None, decided_by=None
        )
        audit.record(
            "people.undo_merge", f"person:{merge.kept_id}", by=by, gone=f"person:{merge.gone_id}", merge=merge.pk, left=left
        )
    return left


def _empty(kept: Person, filled: list[str]) -> None:
    for name in filled:
        if name == "id_kind":
            kept.id_kind = IdKind.RESIDENT
        else:
            setattr(kept, name, "" if name == "sex" else None)
    kept.save(update_fields=[*filled, "updated_at"])


def _put_back(step: dict[str, Any]) -> list[str]:
    model = apps.get_model(step["model"])
    rows = model._base_manager.filter(pk__in=step["pks"], **{step["field"]: step["to"]})
    found = list(rows.values_list("pk", flat=True))
    model._base_manager.filter(pk__in=found).update(**{step["field"]: step["from"]})
    return [f"{step['model']}:{pk}" for pk in step["pks"] if pk not in set(found)]


def _restore(step: dict[str, Any]) -> list[str]:
    if not step["set"]:
        return []
    model = apps.get_model(step["model"])
    name = f"{step['model']}:{step['pk']}"
    try:
        row = model._base_manager.get(pk=step["pk"])
    except ObjectDoesNotExist:
        return [name]
    values: dict[str, Any] = {}
    for attribute, (before, after) in step["set"].items():
        column = model._meta.get_field(attribute)
        now = column.value_to_string(row) if getattr(row, column.attname) is not None else None
        if now != after:
            return [name]
        values[attribute] = None if before is None else column.to_python(before)
    machines = [f"{model._meta.label}:{t.name}" for t in getattr(model._meta, "triggers", ()) if isinstance(t, pgtrigger.FSM)]
    try:
        # The way back is none of the state machine's: it undoes a step that was never to be.
        with transaction.atomic(), pgtrigger.ignore(*machines) if machines else nullcontext():
            model._base_manager.filter(pk=row.pk).update(**values)
    except DatabaseError:
        return [name]
    return []


def dismiss(*, duplicate: Duplicate, by: Actor, now: datetime) -> None:
    """The two are different people: they are not offered again."""
    if not (may_merge(by, duplicate.one) and may_merge(by, duplicate.other)):
        raise Denied(Permission.MERGE)
    with transaction.atomic():
        decided = Duplicate.objects.filter(pk=duplicate.pk, decision="").update(
            decision=Decision.DIFFERENT, decided_at=now, decided_by=by.person_id
        )
        if decided:
            audit.record("people.dismiss_duplicate", f"person:{duplicate.one_id}", by=by, other=f"person:{duplicate.other_id}")


FIND = """
    INSERT INTO people_duplicate (one_id, other_id, reason, found_on, decision)
    SELECT p.id, q.id, %(reason)s, %(today)s, ''
    FROM people_person p
    JOIN people_person q ON q.phone_digest = p.phone_digest AND q.name = p.name AND q.birth_date = p.birth_date AND q.id > p.id
    WHERE p.merged_into_id IS NULL AND q.merged_into_id IS NULL AND p.erased_at IS NULL AND q.erased_at IS NULL
    ON CONFLICT (one_id, other_id) DO NOTHING
"""


def find_duplicates(*, now: datetime) -> int:
    """Look for records that look alike over all people, such as after a bulk load: one statement. Returns how many were new."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, {"reason": Suspicion.SAME_CONTACT.value, "today": local_date(now)})
        return int(cursor.rowcount)
