"""Triggers that keep the counters: one mechanism, whoever writes the rows.

`Post.taken` counts sign-ups that hold a place: confirmed, attended and missed ones (who did not come held the place all the same).
The check `taken <= places` on the post is the last word on capacity.
"""

import pgtrigger

_EVENTS = pgtrigger.Insert | pgtrigger.UpdateOf("state") | pgtrigger.Delete  # type: ignore[no-untyped-call]

POST_TAKEN = pgtrigger.Trigger(
    name="post_taken",
    when=pgtrigger.After,
    operation=_EVENTS,
    declare=[("delta", "integer")],
    func="""
        delta := COALESCE((NEW.state IN ('confirmed', 'attended', 'no_show'))::int, 0)
            - COALESCE((OLD.state IN ('confirmed', 'attended', 'no_show'))::int, 0);
        IF delta <> 0 THEN
            UPDATE volunteering_post SET taken = taken + delta WHERE id = COALESCE(NEW.post_id, OLD.post_id);
        END IF;
        RETURN NULL;
    """,
)

ACTIVITY_PLACES = pgtrigger.Trigger(
    name="activity_places",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("places", "taken") | pgtrigger.Delete,  # type: ignore[no-untyped-call]
    func="""
        UPDATE volunteering_activity
        SET places = places + COALESCE(NEW.places, 0) - COALESCE(OLD.places, 0),
            taken = taken + COALESCE(NEW.taken, 0) - COALESCE(OLD.taken, 0)
        WHERE id = COALESCE(NEW.activity_id, OLD.activity_id);
        RETURN NULL;
    """,
)

TEAM_MEMBERS = pgtrigger.Trigger(
    name="team_members",
    when=pgtrigger.After,
    operation=_EVENTS,
    declare=[("delta", "integer")],
    func="""
        delta := COALESCE((NEW.state = 'active')::int, 0) - COALESCE((OLD.state = 'active')::int, 0);
        IF delta <> 0 THEN
            UPDATE volunteering_team SET members = members + delta WHERE id = COALESCE(NEW.team_id, OLD.team_id);
        END IF;
        RETURN NULL;
    """,
)
