"""Triggers that keep the ledger of hours right, whoever writes to it.

They run once per statement over all of its rows, so that a bulk load pays for them once.
"""

import pgtrigger

_CHAIN = pgtrigger.Trigger(
    name="chain",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="new_values"),  # type: ignore[no-untyped-call]
    func="""
        IF EXISTS (
            SELECT 1 FROM new_values n
            LEFT JOIN service_hours_hourentry p ON p.record_id = n.record_id AND p.turn = n.turn - 1
            WHERE n.turn > 0 AND (
                p.id IS NULL OR n.person_id <> p.person_id
                OR (n.kind = 'reversal' AND (n.reverses_id <> p.id OR n.minutes <> -p.minutes))
            )
        ) THEN
            RAISE EXCEPTION 'hour entry does not continue the chain of its record'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hour_entry_chain';
        END IF;
        IF EXISTS (
            SELECT 1 FROM new_values n JOIN service_hours_servicerecord r ON r.id = n.record_id WHERE r.person_id <> n.person_id
        ) THEN
            RAISE EXCEPTION 'hour entry names another person than its record'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hour_entry_person_of_record';
        END IF;
        RETURN NULL;
    """,
)

_ADD = pgtrigger.Trigger(
    name="keep_totals",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="new_values"),  # type: ignore[no-untyped-call]
    func="""
        -- One order of locks for all, so that two bulk verifications of the same volunteers never wait for each other.
        PERFORM 1 FROM volunteering_volunteer v WHERE v.person_id IN (SELECT person_id FROM new_values)
            ORDER BY v.id FOR NO KEY UPDATE;
        UPDATE volunteering_volunteer v SET minutes = v.minutes + d.minutes
            FROM (SELECT person_id, sum(minutes) AS minutes FROM new_values GROUP BY person_id) d
            WHERE v.person_id = d.person_id AND d.minutes <> 0;
        RETURN NULL;
    """,
)

_MOVE = pgtrigger.Trigger(
    name="move_totals",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    referencing=pgtrigger.Referencing(old="old_values", new="new_values"),  # type: ignore[no-untyped-call]
    func="""
        PERFORM 1 FROM volunteering_volunteer v
            WHERE v.person_id IN (SELECT person_id FROM new_values UNION SELECT person_id FROM old_values)
            ORDER BY v.id FOR NO KEY UPDATE;
        -- Summed anew rather than shifted: in a merge the volunteer's row may have moved with its total before its entries do.
        UPDATE volunteering_volunteer v SET minutes = d.minutes
            FROM (
                SELECT concerned.person_id, COALESCE(sum(e.minutes), 0) AS minutes
                FROM (SELECT person_id FROM new_values UNION SELECT person_id FROM old_values) concerned
                LEFT JOIN service_hours_hourentry e ON e.person_id = concerned.person_id
                GROUP BY concerned.person_id
            ) d
            WHERE v.person_id = d.person_id AND v.minutes <> d.minutes;
        RETURN NULL;
    """,
)

_NEVER_EMPTIED = pgtrigger.Trigger(
    name="never_emptied",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'the ledger of hours is append-only' USING ERRCODE = 'restrict_violation';",
)

LEDGER = [_CHAIN, _ADD, _MOVE, _NEVER_EMPTIED]
