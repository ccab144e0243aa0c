"""What people type. Each form gives one value object of the services; a refusal of a service is shown at its field."""

from qunli.volunteering.forms.activities import ActivityForm, BasePosts, PostForm, PostFormSet, SignUpForForm, typed
from qunli.volunteering.forms.finding import FindForm, FindTeamForm, FindVolunteerForm
from qunli.volunteering.forms.matching import AskForm, DeclineForm, MatchForm, PlanForm
from qunli.volunteering.forms.registering import (
    ConsentForm,
    GuardianCodeForm,
    GuardianForm,
    IdentityForm,
    OfferForm,
    free_times_of,
    guardian_answers,
)
from qunli.volunteering.forms.teams import MoveForm, ReasonForm, TeamForm

__all__ = [
    "ActivityForm",
    "AskForm",
    "BasePosts",
    "ConsentForm",
    "DeclineForm",
    "FindForm",
    "FindTeamForm",
    "FindVolunteerForm",
    "GuardianCodeForm",
    "GuardianForm",
    "IdentityForm",
    "MatchForm",
    "MoveForm",
    "OfferForm",
    "PlanForm",
    "PostForm",
    "PostFormSet",
    "ReasonForm",
    "SignUpForForm",
    "TeamForm",
    "free_times_of",
    "guardian_answers",
    "typed",
]
