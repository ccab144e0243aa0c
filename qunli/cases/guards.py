"""Triggers: what no single row can check, and the counters of the three rates, whoever writes."""

import pgtrigger

OWNER_LEVEL = pgtrigger.Trigger(
    name="owner_level",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("owner_division_id"),  # type: ignore[no-untyped-call]
    func="""
        SELECT level INTO NEW.owner_level FROM divisions_division WHERE id = NEW.owner_division_id;
        RETURN NEW;
    """,
)

ONE_LEAD = pgtrigger.Trigger(
    name="one_lead",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("lead_id"),  # type: ignore[no-untyped-call]
    condition=pgtrigger.Condition("NEW.lead_id IS NOT NULL"),
    func="""
        IF EXISTS (SELECT FROM cases_case WHERE id = NEW.lead_id AND lead_id IS NOT NULL)
           OR EXISTS (SELECT FROM cases_case WHERE lead_id = NEW.id) THEN
            RAISE EXCEPTION 'a lead case is itself no repeat, and a repeat leads none' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """,
)


def _limit(name: str) -> str:
    return f"(v.content::jsonb #>> '{{rules,parameters,{name},value}}')::int"


def closed_too_soon(row: str) -> str:
    """Finds a row when the failed contacts of a case lie closer together than its version of the rules asks for."""
    local = f"({row}.{{}} AT TIME ZONE 'Asia/Shanghai')::date"
    return f"""
        SELECT FROM rules_version v WHERE v.id = {row}.follow_up_id AND (
            {row}.failed_last_at < {row}.failed_first_at
                + make_interval(hours => {_limit("failed_contact_hours")} * ({_limit("failed_contacts")} - 1))
            OR {local.format("failed_last_at")} < {local.format("failed_first_at")} + {_limit("failed_contact_span")}
        )
    """


SPACED = pgtrigger.Trigger(
    name="spaced",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("state"),  # type: ignore[no-untyped-call]
    condition=pgtrigger.Condition("NEW.state = 'archived' AND NEW.rated_at IS NULL AND NEW.failed_contacts >= 3"),
    func=f"""
        IF EXISTS ({closed_too_soon("NEW")}) THEN
            RAISE EXCEPTION 'the failed contacts of case % lie too close together', NEW.number USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    """,
)

_COUNTED = """ARRAY[
    1,
    ({row}.dispatched_at IS NOT NULL AND {row}.lead_id IS NULL)::int,
    ({row}.dispatched_at IS NOT NULL AND {row}.lead_id IS NULL AND {row}.contacted_at <= {row}.contact_until)::int,
    ({row}.rated_at IS NOT NULL AND {row}.lead_id IS NULL)::int,
    ({row}.solved IS TRUE AND {row}.lead_id IS NULL)::int,
    ({row}.satisfied IS TRUE AND {row}.lead_id IS NULL)::int,
    ({row}.state = 'archived' AND {row}.rated_at IS NULL)::int,
    ({row}.lead_id IS NOT NULL)::int,
    ({row}.round > 0)::int
]"""
"""What a case adds to each counter, in the order of Tally's columns; a comparison with a missing moment adds nothing."""
_MONTH = "date_trunc('month', {row}.received_at AT TIME ZONE 'Asia/Shanghai')::date"
_COLUMNS = ("received", "dispatched", "responded", "surveyed", "solved", "satisfied", "unreached", "repeats", "reopened")


def _add(row: str, sign: str) -> str:
    values = ", ".join(f"{sign}coalesce(counted[{n}], 0)" for n in range(1, len(_COLUMNS) + 1))
    sums = ", ".join(f"{name} = cases_tally.{name} + excluded.{name}" for name in _COLUMNS)
    return f"""
        INSERT INTO cases_tally (kind, division_id, month, {", ".join(_COLUMNS)})
        VALUES ({row}.kind, {row}.division_id, {_MONTH.format(row=row)}, {values})
        ON CONFLICT (division_id, month, kind) DO UPDATE SET {sums};
    """  # noqa: S608


TALLY = pgtrigger.Trigger(
    name="tally",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    declare=[("counted", "integer[]")],
    func=f"""
        IF TG_OP = 'UPDATE' AND (OLD.kind, OLD.division_id, {_MONTH.format(row="OLD")})
            = (NEW.kind, NEW.division_id, {_MONTH.format(row="NEW")}) AND {_COUNTED.format(row="OLD")} IS NOT DISTINCT FROM
            {_COUNTED.format(row="NEW")} THEN
            RETURN NULL;
        END IF;
        IF TG_OP <> 'INSERT' THEN
            counted := {_COUNTED.format(row="OLD")};
            {_add("OLD", "-")}
        END IF;
        IF TG_OP <> 'DELETE' THEN
            counted := {_COUNTED.format(row="NEW")};
            {_add("NEW", "")}
        END IF;
        RETURN NULL;
    """,
)
"""One row a division, month and kind: the rates of any division are sums over a few rows, not counts over all cases."""
