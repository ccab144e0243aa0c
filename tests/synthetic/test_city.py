"""A small city: the same twice, and consistent with every constraint and kept counter."""

import hashlib
import re
from datetime import date, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Refused
from qunli.kernel.words import search_tokens
from qunli.people.identity import parse_id_number
from qunli.people.models import Person
from qunli.synthetic import loading, rows, services
from qunli.synthetic import schema as city_schema
from qunli.synthetic.city import FILLED, draw
from qunli.synthetic.schema import Stage
from qunli.volunteering.models import Activity, Team, Volunteer
from qunli.volunteering.selectors import WORDS_BACK
from tests import database

TODAY = date(2026, 3, 5)
SCALE = 0.0005
NONE_OF = {
    "minutes that are not the ledger's": """
        SELECT v.id FROM volunteering_volunteer v
        LEFT JOIN (SELECT person_id, sum(minutes) AS m FROM service_hours_hourentry GROUP BY 1) h USING (person_id)
        WHERE v.minutes <> COALESCE(h.m, 0)""",
    "taken places that are not the sign-ups'": """
        SELECT p.id FROM volunteering_post p WHERE taken <> (
            SELECT count(*) FROM volunteering_signup s
            WHERE s.post_id = p.id AND s.state IN ('confirmed', 'attended', 'no_show'))""",
    "activities that are not the sum of their posts": """
        SELECT a.id FROM volunteering_activity a
        LEFT JOIN (SELECT activity_id, sum(places) AS places, sum(taken) AS taken FROM volunteering_post GROUP BY 1) p
            ON p.activity_id = a.id
        WHERE (a.places, a.taken) IS DISTINCT FROM (p.places, p.taken)""",
    "teams with other members than they count": """
        SELECT t.id FROM volunteering_team t WHERE members <> (
            SELECT count(*) FROM volunteering_membership m WHERE m.team_id = t.id AND m.state = 'active')""",
    "people in two places at once": """
        SELECT a.id FROM volunteering_signup a JOIN volunteering_signup b
            ON a.person_id = b.person_id AND a.id < b.id AND a.during && b.during
            AND a.state IN ('attended', 'confirmed') AND b.state IN ('attended', 'confirmed')""",
    "people who signed up before they registered": """
        SELECT s.id FROM volunteering_signup s JOIN volunteering_volunteer v USING (person_id)
        WHERE s.created_at < v.registered_at""",
    "people too young for their activity": """
        SELECT s.id FROM volunteering_signup s JOIN people_person p ON p.id = s.person_id
        JOIN volunteering_activity a ON a.id = s.activity_id
        WHERE age((a.starts_at AT TIME ZONE 'Asia/Shanghai')::date, p.birth_date) < make_interval(years => a.min_age)""",
    "sign-ups for another activity than their post's, or another time": """
        SELECT s.id FROM volunteering_signup s JOIN volunteering_post p ON p.id = s.post_id
        JOIN volunteering_activity a ON a.id = s.activity_id
        WHERE p.activity_id <> a.id OR s.during <> tstzrange(a.starts_at, a.ends_at)""",
    "attended sign-ups without a record, or records without one": """
        SELECT s.id FROM volunteering_signup s FULL JOIN service_hours_servicerecord r ON r.sign_up_id = s.id
        WHERE (s.state = 'attended') <> (r.id IS NOT NULL) OR r.person_id <> s.person_id OR r.activity_id <> s.activity_id""",
    "minutes that are not the presence clipped to the activity": """
        SELECT r.id FROM service_hours_servicerecord r JOIN volunteering_activity a ON a.id = r.activity_id
        WHERE r.minutes <> floor(extract(epoch FROM
            least(r.signed_out_at, a.ends_at) - greatest(r.signed_in_at, a.starts_at)) / 60)""",
    "records that count and are not in the ledger, or the other way round": """
        SELECT r.id FROM service_hours_servicerecord r
        LEFT JOIN (SELECT record_id, sum(minutes) AS m FROM service_hours_hourentry GROUP BY 1) h ON h.record_id = r.id
        WHERE COALESCE(h.m, 0) <> CASE WHEN r.state IN ('verified', 'confirmed', 'corrected', 'disputed')
        THEN r.minutes ELSE 0 END""",
    "chains of entries that do not reverse the one before": """
        SELECT e.id FROM service_hours_hourentry e LEFT JOIN service_hours_hourentry p
            ON p.record_id = e.record_id AND p.turn = e.turn - 1
        WHERE e.turn > 0 AND (p.id IS NULL OR e.kind = 'reversal' AND (e.reverses_id <> p.id OR e.minutes <> -p.minutes))""",
    "waiting people while a place is free": """
        SELECT s.id FROM volunteering_signup s JOIN volunteering_post p ON p.id = s.post_id
        WHERE s.state = 'waiting' AND p.taken < p.places""",
    "activities that took place without anybody": """
        SELECT a.id FROM volunteering_activity a WHERE a.state = 'closed' AND NOT EXISTS (
            SELECT FROM service_hours_servicerecord r WHERE r.activity_id = a.id
            AND r.state IN ('verified', 'confirmed', 'corrected', 'disputed'))""",
    "teams under another level or another division": """
        SELECT t.id FROM volunteering_team t JOIN volunteering_team p ON p.id = t.parent_id
        JOIN divisions_division d ON d.id = t.division_id JOIN divisions_division e ON e.id = p.division_id
        WHERE NOT starts_with(d.path, e.path)
          
           OR (t.level, p.level) NOT IN (
               ('corps', 'city'), ('district', 'city'), ('street', 'district'), ('community', 'street'))""",
    "minors without a guardian's consent": """
        SELECT p.id FROM people_person p JOIN volunteering_volunteer v ON v.person_id = p.id
        WHERE p.birth_date > date '2026-03-05' - interval '18 years' AND NOT EXISTS (
            SELECT FROM people_consent c JOIN people_guardianship g ON g.minor_id = c.person_id AND g.guardian_id = c.given_by_id
            WHERE c.person_id = p.id AND c.purpose = 'minor')""",
    "volunteers who have not consented": """
        SELECT v.id FROM volunteering_volunteer v WHERE (
            SELECT count(*) FROM people_consent c WHERE c.person_id = v.person_id
            AND purpose IN ('registration', 'identity')) <> 2""",
    "teams whose leader holds no posting": """
        SELECT t.id FROM volunteering_team t WHERE NOT EXISTS (
            SELECT FROM access_posting p WHERE p.unit = 'team:' || t.id AND p.role = 'team_leader'
            AND p.person_id = t.applicant_id)""",
    "foreign keys or checks that were not validated": "SELECT oid FROM pg_constraint WHERE NOT convalidated",
    "triggers that stayed off": """
        SELECT t.oid FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgenabled = 'D' AND c.relnamespace = current_schema()::regnamespace""",
}


def plain(definition: str) -> str:
    """A definition without casts and brackets: PostgreSQL writes `x IN (...)` another way when it reads its own text again."""
    return re.sub(r"::character varying|::text|[()\[\] ]", "", definition)


def schema() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1")
        indexes = sorted(plain(definition) for (definition,) in cursor.fetchall())
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2"
        )
        return [*indexes, *((table, name, plain(definition)) for table, name, definition in cursor.fetchall())]


def digests() -> dict[str, str]:
    """A digest of the rows of each table that is filled, in the order of their keys."""
    found = {}
    tables = [table.name for table in draw(scale=SCALE, seed=1, today=TODAY, city="510100000000", wording="w")]
    with connection.cursor() as cursor:
        for table in tables:
            digest = hashlib.sha256()
            with cursor.copy(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT (FORMAT BINARY)") as copy:  # noqa: S608
                for block in copy:
                    digest.update(block)
            found[table] = digest.hexdigest()
    return found


@pytest.mark.django_db(transaction=True)
def test_a_city_is_consistent_and_the_same_for_a_seed() -> None:
    before = schema()
    report = services.synthesize(scale=SCALE, seed=1, today=TODAY)
    assert schema() == before, "every index and constraint is there again"
    written = {entry.table: entry.rows for entry in report}
    assert written["volunteering_volunteer"] == 1950
    assert written["volunteering_team"] == 20
    with connection.cursor() as cursor:
        for what, query in NONE_OF.items():
            cursor.execute(query)
            assert cursor.fetchall() == [], what
        cursor.execute("SELECT count(*) FROM service_hours_servicerecord WHERE state <> 'void'")
        assert cursor.fetchone() == (5500,)
        cursor.execute("SELECT count(*) FROM volunteering_activity WHERE state = 'closed'")
        assert cursor.fetchone() == (448,)
    assert Activity.objects.filter(state="published", starts_at__date__gt=TODAY).count() > 20
    assert Team.objects.filter(sponsor__in=["social_org", "enterprise"]).count() == 2
    searched = datetime(2026, 3, 5, tzinfo=SHANGHAI) - WORDS_BACK
    over = Activity.objects.filter(state="closed")
    assert not over.filter(starts_at__gte=searched, search=[]).exists(), "what a search covers has its words"
    for activity in over.select_related("team", "division").order_by("-starts_at")[:20]:
        told = (activity.title, activity.team.name, activity.address, activity.division.name, activity.get_category_display())
        assert activity.search == search_tokens(" ".join(told))
    for person in Person.objects.order_by("id")[:50]:
        number = parse_id_number(person.id_number or "", today=TODAY)
        assert (number.birth_date, number.sex) == (person.birth_date, person.sex)
    # New rows go on after those that were written.
    last = Volunteer.objects.order_by("-id").values_list("id", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('volunteering_volunteer', 'id'))")
        assert cursor.fetchone() == (last + 1,)

    with pytest.raises(Refused) as refused:
        services.synthesize(scale=SCALE, seed=1, today=TODAY)
    assert refused.value.code == "not_empty"

    one = digests()
    database.empty(None)
    services.synthesize(scale=SCALE, seed=1, today=TODAY)
    assert digests() == one
    database.empty(None)
    services.synthesize(scale=SCALE, seed=2, today=TODAY)
    assert all(digest != one[table] for table, digest in digests().items() if table != "people_guardianship")


@pytest.mark.django_db(transaction=True)
def test_a_load_that_fails_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema()
    monkeypatch.setattr("qunli.synthetic.attendance.RECORD_COLUMNS", ("id", "no_such_column"))
    with pytest.raises(Exception, match="no_such_column"):
        loading.write(draw(scale=SCALE, seed=1, today=TODAY, city="510100000000", wording="w"))
    assert not Person.objects.exists()
    assert schema() == before


@pytest.mark.django_db
def test_a_scale_that_cannot_be_is_told_by_the_command() -> None:
    with pytest.raises(CommandError, match="规模不合适"):
        call_command("synthesize", scale=9.0)


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_writing_left_is_refused_to_others_and_mended_by_the_next() -> None:
    before = schema()
    with transaction.atomic(), connection.cursor() as cursor:
        city_schema.strip(cursor, FILLED)
    filled = {table.name: table for table in draw(scale=SCALE, seed=1, today=TODAY, city="510100000000", wording="w")}
    persons = filled["people_person"]
    with connection.cursor() as cursor:
        cursor.execute(f"SET {city_schema.WRITER} = 'on'")
        with cursor.copy(f"COPY people_person ({', '.join(persons.columns)}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(b"".join([rows.SIGNATURE, persons.parts[0](), rows.TRAILER]))
        cursor.execute(f"RESET {city_schema.WRITER}")
    # Some of it was back already when it was killed.
    city_schema.pay([city_schema.owed(Stage.INDEX)[0][1]])
    city_schema.pay([next(s for t, s in city_schema.owed(Stage.FOREIGN) if "REFERENCES divisions_division" in s)])

    with pytest.raises(OperationalError, match="script/manage synthesize"):
        Volunteer.objects.create(person_id=1001, number="1", division_id=1, registered_at=timezone.now())
    assert services.mend()
    assert not Person.objects.exists()
    assert schema() == before
    assert not services.mend()


@pytest.mark.django_db(transaction=True)
def test_two_do_not_write_at_the_same_time() -> None:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [loading.LOCK])
        with pytest.raises(Refused) as refused:
            services.synthesize(scale=SCALE, seed=1, today=TODAY)
        assert refused.value.code == "busy"
    finally:
        other.close()
