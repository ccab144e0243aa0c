"""Signing up: one guarded SQL statement that settles everything and writes everything, or writes nothing and says why.

What it settles: the person is an active volunteer; the activity is published and has not begun; age on the day; the guardian's
consent of a minor; the skills of the post; double sign-up; overlap in time; capacity. What it writes: the sign-up, the audit
event, the notice. `Post.taken` and `Activity.taken` follow by trigger (`counters.py`).

How it settles: the facts are read from the statement's snapshot; then activity and post are locked (in this order, everywhere)
and what may have changed meanwhile (published, begun, time, free places) is read again from the locked rows, as READ COMMITTED
does. The insert has ON CONFLICT DO NOTHING, which covers the unique index (a double click) and the exclusion constraint
(overlap) alike, so the statement never raises and never leaves a counter behind; an insert that lost such a race comes back as
"raced", as does one that found the last place gone under its lock (was it the person's own other click?), and running the
statement again, with a new snapshot, names the reason. It needs no transaction around it and no retry on serialization failures.
A post that is full in the snapshot already is answered without a lock.

For a path without the ORM (`bench`, the lean view): `statement(who)` takes as `who` a SELECT that gives one row with the
columns `person_id bigint, actor text, address inet, request_id text, language text` (session, account and person looked up in the
same statement); no row, no outcome: not signed in. `PARAMETERS` are the others. Prepared well: every parameter is cast. Read the
result with `Outcome(*row)`; when `outcome.raced`, run the same statement again (at most `TRIES` in all). Afterwards nothing
else is to be done: the notice is an in-site message, read where it stands.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext_lazy as _

from qunli.audit.context import origin
from qunli.kernel.actor import Actor
from qunli.people import selectors as people

TRIES = 3
PARAMETERS = ("post", "wait", "now")
AGES = {"adult": people.ADULT, "own_income": people.OWN_INCOME}
"""Of the rules "post-eligibility", of which the statement says the same (tests/volunteering/test_eligibility.py)."""
NOTICES = {"confirmed": "volunteering/sign_up_confirmed", "waiting": "volunteering/sign_up_waiting"}
"""What the person reads afterwards, by the state of the sign-up."""

WHO = """
    SELECT %(person)s::bigint AS person_id, %(actor)s::text AS actor, %(address)s::inet AS address,
        %(request_id)s::text AS request_id,
        NULL::text AS language
"""

_FACTS = """
WITH who AS ({who}),
facts AS (
    SELECT w.person_id, w.actor, w.address, w.request_id, w.language, p.id AS post_id,
        a.id AS activity_id, a.title, a.state, a.starts_at, a.ends_at, a.min_age,
        a.max_age, p.taken, p.places, p.skills, v.skills AS own_skills,
        EXTRACT(YEAR FROM age((a.starts_at AT TIME ZONE 'Asia/Shanghai')::date, h.birth_date))::int AS age,
        (SELECT s.id FROM volunteering_signup s
         WHERE s.person_id = w.person_id AND s.activity_id = a.id AND s.state <> 'cancelled') AS already,
        (SELECT s.activity_id FROM volunteering_signup s
         WHERE s.person_id = w.person_id AND s.state = 'confirmed' AND s.during && tstzrange(a.starts_at, a.ends_at)
            AND s.activity_id <> a.id
         LIMIT 1) AS clash,
        EXISTS (SELECT FROM people_consent c
                WHERE c.person_id = w.person_id AND c.purpose = 'minor' AND c.withdrawn_at IS NULL)
            OR (h.self_supporting_on IS NOT NULL
                AND h.birth_date <= (a.starts_at AT TIME ZONE 'Asia/Shanghai')::date - interval '{own_income} years') AS consented
    FROM who w
    JOIN people_person h ON h.id = w.person_id
    JOIN volunteering_post p ON {posts}
    JOIN volunteering_activity a ON a.id = p.activity_id
    LEFT JOIN volunteering_volunteer v ON v.person_id = w.person_id AND v.state = 'active'
)"""

_DEED = """,
verdict AS (
    SELECT *, CASE
        WHEN already IS NOT NULL THEN 'already'
        WHEN state <> 'published' OR {until} <= %(now)s::timestamptz THEN 'closed'
        WHEN own_skills IS NULL THEN 'not_volunteer'
        WHEN age IS NULL THEN 'age_unknown'
        WHEN age < min_age THEN 'too_young'
        WHEN age > max_age THEN 'too_old'
        WHEN age < {adult} AND NOT consented THEN 'consent_missing'
        WHEN NOT skills <@ own_skills THEN 'skills_missing'
        WHEN clash IS NOT NULL THEN 'overlap'
        WHEN taken >= places AND NOT %(wait)s::boolean THEN 'full'
    END AS refusal
    FROM facts
),
place AS (
    SELECT a.state = 'published' AND a.{until} > %(now)s::timestamptz AS open, p.taken < p.places AS free,
        p.taken <> v.taken AS moved,
        tstzrange(a.starts_at, a.ends_at) AS during
    FROM verdict v
    JOIN volunteering_activity a ON a.id = v.activity_id
    JOIN volunteering_post p ON p.id = v.post_id
    WHERE v.refusal IS NULL
    FOR NO KEY UPDATE OF a, p
),
signed AS (
    INSERT INTO volunteering_signup (post_id, activity_id, person_id, state, during, created_at, changed_at)
    SELECT v.post_id, v.activity_id, v.person_id, CASE WHEN place.free THEN 'confirmed' ELSE 'waiting' END, place.during,
        %(now)s::timestamptz, %(now)s::timestamptz
    FROM verdict v CROSS JOIN place
    WHERE place.open AND (place.free OR %(wait)s::boolean)
    ON CONFLICT DO NOTHING
    RETURNING id, state
),
audited AS (
    INSERT INTO audit_event (at, actor, person_id, verb, subject, facts, address, request_id)
    SELECT %(now)s::timestamptz, v.actor, v.person_id, 'volunteering.sign_up', 'activity:' || v.activity_id,
        jsonb_build_object('sign_up', signed.id, 'post', v.post_id, 'state', signed.state), v.address, v.request_id
    FROM signed CROSS JOIN verdict v
),
told AS (
    INSERT INTO notices_notice (person_id, template, facts, url, created_at)
    SELECT v.person_id,
        CASE signed.state WHEN 'confirmed' THEN '{confirmed}' ELSE '{waiting}' END,
        jsonb_build_object('title', v.title,
            'starts_at', to_char(lower(place.during) AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI')),
        '/activities/' || v.activity_id || '/', %(now)s::timestamptz
    FROM signed CROSS JOIN verdict v CROSS JOIN place
)
SELECT
    CASE
        WHEN signed.id IS NOT NULL THEN signed.state
        WHEN v.refusal IS NOT NULL THEN v.refusal
        WHEN NOT place.open THEN 'closed'
        WHEN NOT place.free AND NOT place.moved AND NOT %(wait)s::boolean THEN 'full'
        ELSE 'raced'
    END AS outcome,
    v.activity_id, signed.id AS sign_up, CASE WHEN v.refusal = 'already' THEN v.already ELSE v.clash END AS other,
    v.min_age, v.max_age, v.language
FROM verdict v LEFT JOIN place ON true LEFT JOIN signed ON true
"""

MESSAGES = {
    "confirmed": _("报名成功。"),
    "waiting": _("已进入候补。有人取消时会按先后顺序自动补上，并通知您。"),
    "full": _("这个岗位已经报满。可以进入候补，有人取消时会自动补上。"),
    "already": _("您已经报过名了，不用再报。"),
    "overlap": _("这个时间您已经报名了另一个活动。请先取消那一个，再来报名。"),
    "too_young": _("活动当天您还没有到最小年龄 %(min_age)s 周岁。"),
    "too_old": _("活动当天您已经超过最大年龄 %(max_age)s 周岁。"),
    "age_unknown": _("资料里没有出生日期，无法核对年龄。请先补充个人资料。"),
    "consent_missing": _("未满十八周岁，需要监护人先同意。请监护人登录后在“我的资料”里同意，或到社区办理。"),
    "skills_missing": _("这个岗位需要的技能，您的资料里还没有。请换一个岗位，或先补充技能。"),
    "not_volunteer": _("报名前请先登记为志愿者，只要三步。"),
    "closed": _("活动已经停止报名。"),
    "raced": _("同一时刻的操作太多，这次没有报上，也没有占用名额。请再点一次。"),
    "missing": _("没有这个岗位，活动可能已经改动。请刷新页面。"),
}
"""What a person is told, by outcome."""


OF_ANOTHER = {
    "already": _("这名志愿者已经报过名了。"),
    "overlap": _("这名志愿者在这个时间已经报名了另一个活动。"),
    "too_young": _("活动当天这名志愿者还没有到最小年龄 %(min_age)s 周岁。"),
    "too_old": _("活动当天这名志愿者已经超过最大年龄 %(max_age)s 周岁。"),
    "age_unknown": _("这名志愿者的资料里没有出生日期，无法核对年龄。"),
    "consent_missing": _("这名志愿者未满十八周岁，监护人还没有同意。"),
    "skills_missing": _("这名志愿者没有这个岗位需要的技能。"),
    "not_volunteer": _("这名志愿者现在不能报名：已暂停或注销。"),
}
"""What a leader is told who signs another person up."""


class Outcome(NamedTuple):
    """One row of the statement."""

    code: str
    activity: int | None = None
    sign_up: int | None = None
    """Primary key of the new sign-up."""
    other: int | None = None
    """The sign-up that exists already (code "already"), or the activity that overlaps (code "overlap")."""
    min_age: int | None = None
    max_age: int | None = None
    language: str | None = None
    """Of the account, where `who` looked it up."""

    @property
    def raced(self) -> bool:
        return self.code == "raced"

    @property
    def accepted(self) -> bool:
        return self.code in ("confirmed", "waiting")

    @property
    def about_another(self) -> str:
        """The same for somebody who signs another person up."""
        told = OF_ANOTHER.get(self.code)
        return self.message if told is None else str(told) % {"min_age": self.min_age, "max_age": self.max_age}

    @property
    def message(self) -> str:
        return str(MESSAGES[self.code]) % {"min_age": self.min_age, "max_age": self.max_age}


def statement(who: str = WHO, until: str = "starts_at") -> str:
    """The statement, with psycopg's named parameters; `who` as the module says, `until` the column up to which one may sign up."""
    return (_FACTS + _DEED).format(who=who, until=until, posts="p.id = %(post)s::bigint", **AGES, **NOTICES)


def facts() -> str:
    """The reading part alone, for all posts of `%(activity)s`: what the panel "why I can or cannot sign up" shows."""
    columns = "post_id, own_skills IS NOT NULL, age, skills, COALESCE(own_skills, '{{}}'), already, clash, consented"
    names = {"who": WHO, "posts": "p.activity_id = %(activity)s::bigint", **AGES}
    return (_FACTS + f" SELECT {columns} FROM facts ORDER BY post_id").format(**names)  # noqa: S608


_OWN = statement()
_ON_THE_SPOT = statement(until="ends_at")


def run(*, post: int, person: int, by: Actor, now: datetime, wait: bool, on_the_spot: bool = False) -> Outcome:
    """The statement for `person`, asked for by `by`. Who may ask for whom is decided by `services`.

    `on_the_spot`: the leader takes in who comes without a sign-up, until the activity ends.
    """
    where = origin.get()
    values: dict[str, Any] = {
        "person": person,
        "actor": by.label[:60],
        "address": where.address,
        "request_id": where.request_id,
        "post": post,
        "wait": wait,
        "now": now,
    }
    with connection.cursor() as cursor:
        for _attempt in range(TRIES):
            cursor.execute(_ON_THE_SPOT if on_the_spot else _OWN, values)
            row = cursor.fetchone()
            if row is None:
                return Outcome("missing")
            outcome = Outcome(*row)
            if not outcome.raced:
                return outcome
    return outcome
