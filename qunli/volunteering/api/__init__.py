"""The room in the public API: all that its pages do."""

from ninja import Router

from qunli.volunteering.api.activities import router as activities
from qunli.volunteering.api.matching import router as matching
from qunli.volunteering.api.registration import router as registration
from qunli.volunteering.api.sign_ups import router as sign_ups
from qunli.volunteering.api.teams import router as teams
from qunli.volunteering.api.volunteers import router as volunteers

router = Router(tags=["volunteering"])
router.add_router("", activities)
router.add_router("", sign_ups)
router.add_router("", teams)
router.add_router("", registration)
router.add_router("", volunteers)
router.add_router("", matching)
