"""The duty roster: who may enter it, what is refused by row, and hours that clash with it."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from qunli.kernel.errors import Refused
from qunli.service_hours.integrity.keeping import check_all, check_shifts
from qunli.service_hours.models import DutyShift, Finding
from qunli.service_hours.services import load_duty
from tests.service_hours.conftest import World, at

NIGHT = at(2, 40, days=1)
HEAD = "手机号码,区划代码,开始,结束\n"


def roster(world: World, *rows: str) -> list[str]:
    return (HEAD + "\n".join(rows)).splitlines()


@pytest.mark.parametrize(
    ("since", "until", "clashes"),
    [("08:30", "17:00", True), ("10:59", "12:00", True), ("11:00", "17:00", False), ("06:00", "09:00", False)],
)
def test_hours_on_paid_duty_are_found(world: World, since: str, until: str, clashes: bool) -> None:
    person = world.volunteer()
    record = world.verified(person)
    world.verified(world.volunteer())
    row = f"{person.phone},{world.team.division.code},2026-03-05 {since},2026-03-05 {until}"
    assert load_duty(lines=roster(world, row), by=world.actor(world.worker), now=NIGHT) == (1, 0)
    assert load_duty(lines=roster(world, row), by=world.actor(world.worker), now=NIGHT) == (0, 1)
    assert check_all(now=NIGHT) == int(clashes)
    assert [(one.record_id, one.kind, one.facts) for one in Finding.objects.all()] == (
        [(record.pk, "on-duty", {"on_duty": True})] if clashes else []
    )


def test_wrong_rows_are_named_and_nothing_is_written(world: World) -> None:
    phone, code = world.worker.phone, world.team.division.code
    good = f"{phone},{code},2026-03-05 08:30,2026-03-05 17:00"
    wrong = (
        f"{phone},{code},2026-03-05 17:00,2026-03-05 08:30",
        f"{phone},000000000000,2026-03-05 08:30,2026-03-05 17:00",
        f"13900009999,{code},2026-03-05 08:30,2026-03-05 17:00",
        f"{phone},{code},8:30,2026-03-05 17:00",
    )
    with pytest.raises(Refused) as refused:
        load_duty(lines=roster(world, good, *wrong), by=world.actor(world.worker), now=NIGHT)
    lines = str(refused.value.message).splitlines()
    assert [line[:5] for line in lines] == ["第 3 行", "第 4 行", "第 5 行", "第 6 行"]
    with pytest.raises(Refused) as refused:
        load_duty(lines=["a,b"], by=world.actor(world.worker), now=NIGHT)
    assert refused.value.code == "headings"
    with pytest.raises(Refused):
        load_duty(lines=roster(world, good), by=world.actor(world.leader), now=NIGHT)
    assert not DutyShift.objects.exists()


def test_who_sees_a_shift(world: World) -> None:
    row = f"{world.worker.phone},{world.team.division.code},2026-03-05 08:30,2026-03-05 17:00"
    load_duty(lines=roster(world, row), by=world.actor(world.officer), now=NIGHT)
    seen = {who.name: DutyShift.objects.visible_to(world.actor(who)).count() for who in (world.worker, world.officer, world.leader)}
    assert seen == {world.worker.name: 1, world.officer.name: 1, world.leader.name: 0}


def test_the_command(world: World, tmp_path: Path) -> None:
    file, out = tmp_path / "duty.csv", StringIO()
    file.write_text(HEAD + f"{world.worker.phone},{world.team.division.code},2026-03-05 08:30,2026-03-05 17:00\n", "utf-8-sig")
    call_command("load_duty", str(file), stdout=out)
    assert out.getvalue() == "duty: 1 new, 0 known\n"
    file.write_text("x\n")
    with pytest.raises(CommandError, match="表头"):
        call_command("load_duty", str(file))


@pytest.mark.parametrize(("since", "clashes"), [("08:30", True), ("11:30", False)])
def test_a_roster_that_comes_long_afterwards_finds_older_hours(world: World, since: str, clashes: bool) -> None:
    person, late = world.volunteer(), at(9, days=200)
    record = world.verified(person)
    world.verified(world.volunteer())
    row = f"{person.phone},{world.team.division.code},2026-03-05 {since},2026-03-05 17:00"
    load_duty(lines=roster(world, row), by=world.actor(world.worker), now=late)
    assert check_all(now=late) == 0
    shifts = list(DutyShift.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'service_hours.check_rostered'")
        assert [args for (args,) in cursor.fetchall()] == [f'{{"shifts": {shifts}}}']
    assert check_shifts(shifts, now=late) == int(clashes)
    assert check_shifts(shifts, now=late) == 0
    assert [(one.record_id, one.kind) for one in Finding.objects.all()] == ([(record.pk, "on-duty")] if clashes else [])
