"""Policies that every model obeys."""

from django.apps import apps
from django.db import models

from tests.architecture.house import rooms

CASCADES = {
    # child.field: goes with its parent, because it is a part of it and means nothing without it
    "people.Guardianship.minor",
    "people.Consent.person",
    "people.Duplicate.one",
    "people.Duplicate.other",
    "notices.Notice.person",
    "notices.Preference.person",
    "notices.Delivery.notice",
    "notices.Feed.person",
    "accounts.Session.account",
    "accounts.Token.account",
    "volunteering.Post.activity",
    "volunteering.RegistrationDraft.account",
    "volunteering.MatchPreference.volunteer",
    "volunteering.Proposal.plan",
}
SET_NULLS = {
    # child.field: survives its parent
    "accounts.Account.person",
    "service_hours.Photo.attachment",
}
WITHOUT_BY = {
    # model.field: why nobody is named
    "people.Person.created_at": "the audit names who registered",
    "people.Person.updated_at": "the audit names each change",
    "people.Person.erased_at": "the audit names who",
    "files.Attachment.created_at": "owner",
    "people.Consent.withdrawn_at": "withdrawn by whoever may give it; the audit names them",
    "rules.Version.loaded_at": "the audit names who loaded it",
    "rules.Version.superseded_at": "the audit names who loaded what came after it",
    "divisions.Change.created_at": "the audit names who loaded it",
    "volunteering.Volunteer.registered_at": "by the person",
    "volunteering.RegistrationDraft.updated_at": "by the person",
    "volunteering.Team.created_at": "the audit names who applied",
    "volunteering.Membership.applied_at": "by the volunteer",
    "volunteering.Membership.joined_at": "the audit names who approved",
    "volunteering.Membership.left_at": "by the volunteer",
    "volunteering.Activity.starts_at": "a time of the plan",
    "volunteering.Activity.ends_at": "a time of the plan",
    "volunteering.SignUp.created_at": "by the person",
    "volunteering.Invitation.expires_at": "a time of the plan",
    "volunteering.Invitation.answered_at": "by the person, or by nobody",
    "volunteering.SignUp.changed_at": "the audit names who",
    "volunteering.ResidentRequest.starts_at": "a time of the wish",
    "cases.Case.received_at": "the case's events name who",
    "cases.Case.dispatched_at": "the case's events name who",
    "cases.Case.contacted_at": "the case's events name who",
    "cases.Case.rated_at": "by the requester, or the events name who visited back",
    "cases.Case.failed_first_at": "the case's events name who",
    "cases.Case.failed_last_at": "the case's events name who",
    "cases.Case.urged_at": "by the requester",
    "service_hours.ServiceRecord.signed_in_at": "method and recorded_by tell",
    "service_hours.ServiceRecord.signed_out_at": "method and recorded_by tell",
    "service_hours.LateStatement.stated_at": "sent_by",
    "service_hours.LateStatement.received_at": "sent_by",
    "service_hours.Photo.taken_at": "by the camera's clock",
    "service_hours.ServedStatement.answered_at": "by who holds the phone, or the audit names who entered their code",
    "service_hours.SamplingRound.drawn_at": "by the system",
    "service_hours.StarProposal.proposed_at": "by the system",
    "service_hours.Certificate.revoked_at": "the audit names who",
}


MACHINERY = {"accounts", "notices"}
"""Rooms of sessions, codes and deliveries: nobody decides there, the row's owner is the actor."""


def own_fields() -> list[tuple[str, models.Field]]:  # type: ignore[type-arg]
    return [
        (f"{model._meta.label}.{field.name}", field)
        for model in apps.get_models()
        if model._meta.app_label in rooms()
        for field in model._meta.local_fields
        if not (field.remote_field and getattr(field.remote_field, "parent_link", False))
    ]


def test_on_delete_by_policy() -> None:
    """Nothing disappears because something else was deleted, but for the parts that are named here."""
    wrong = []
    for label, field in own_fields():
        if not isinstance(field, models.ForeignKey):
            continue
        expected = models.CASCADE if label in CASCADES else models.SET_NULL if label in SET_NULLS else models.PROTECT
        actual = field.remote_field.on_delete
        if actual is not expected:
            wrong.append(f"{label} is {actual.__name__}; the policy says {expected.__name__}")
    assert not wrong, "\n".join(wrong)


def test_at_has_by() -> None:
    """A moment at which somebody decided names the decider beside it."""
    fields = dict(own_fields())
    wrong = [
        label
        for label, field in fields.items()
        if isinstance(field, models.DateTimeField)
        and label.endswith("_at")
        and label not in WITHOUT_BY
        and field.model._meta.app_label not in MACHINERY
        and label.removesuffix("_at") + "_by" not in fields
    ]
    assert not wrong, f"no _by beside: {wrong}"


def test_exceptions_are_needed() -> None:
    labels = {label for label, _ in own_fields()}
    stale = [label for label in [*CASCADES, *SET_NULLS, *WITHOUT_BY] if label not in labels]
    assert not stale, f"exceptions for fields that are gone: {stale}"


def test_dates_are_aware_and_named() -> None:
    wrong = [
        label
        for label, field in own_fields()
        if type(field) is models.DateTimeField
        and not label.endswith(("_at", ".at", "_until", "_since", ".since", ".until", ".last_login"))
    ]
    assert not wrong, f"moments end in _at: {wrong}"


def test_identity_is_never_plain() -> None:
    """Identity numbers, phones and addresses of people are stored encrypted, wherever they stand."""
    wrong = [
        label
        for label, field in own_fields()
        if label.rsplit(".", 1)[1] in {"id_number", "phone", "email", "guardian_phone", "mobile"}
        and isinstance(field, models.CharField | models.TextField)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_model_has_a_name_for_people() -> None:
    wrong = [
        model._meta.label
        for model in apps.get_models()
        if model._meta.app_label in rooms() and str(model._meta.verbose_name).isascii() and not model._meta.auto_created
    ]
    assert not wrong, f"verbose_name in Chinese, please: {wrong}"
