"""Addresses of the room."""

from django.urls import path

from qunli.volunteering.views import finding, leading, managing, registering, signing, teams

app_name = "volunteering"
urlpatterns = [
    path("activities/", finding.activities, name="activities"),
    path("activities/led/", leading.led, name="led"),
    path("activities/queue/", leading.queue, name="queue"),
    path("activities/<int:pk>/", finding.activity, name="activity"),
    path("activities/<int:pk>/sign-up/", signing.sign_up, name="sign_up"),
    path("activities/<int:pk>/edit/", leading.edit, name="edit"),
    path("activities/<int:pk>/submit/", leading.act, {"verb": "submit"}, name="submit"),
    path("activities/<int:pk>/approve/", leading.act, {"verb": "approve"}, name="approve"),
    path("activities/<int:pk>/return/", leading.stop, {"verb": "return"}, name="return"),
    path("activities/<int:pk>/cancel/", leading.stop, {"verb": "cancel"}, name="cancel"),
    path("activities/<int:pk>/copy/", leading.copy, name="copy"),
    path("activities/<int:pk>/people/", leading.people, name="people"),
    path("activities/<int:pk>/people/add/", leading.add_person, name="add_person"),
    path("activities/sign-ups/<int:pk>/cancel/", signing.cancel, name="cancel_sign_up"),
    path("teams/", teams.teams, name="teams"),
    path("teams/apply/", teams.apply, name="apply"),
    path("teams/<int:pk>/", teams.team, name="team"),
    path("teams/<int:pk>/again/", teams.again, name="apply_again"),
    path("teams/<int:pk>/approve/", teams.decide, {"verb": "approve"}, name="approve_team"),
    path("teams/<int:pk>/reject/", teams.decide, {"verb": "reject"}, name="reject_team"),
    path("teams/<int:pk>/dissolve/", teams.decide, {"verb": "dissolve"}, name="dissolve_team"),
    path("teams/<int:pk>/join/", teams.join, name="join"),
    path("teams/<int:pk>/members/", teams.members, name="members"),
    path("teams/<int:pk>/activities/new/", leading.create, name="create"),
    path("teams/members/<int:pk>/approve/", teams.membership, {"verb": "approve"}, name="approve_member"),
    path("teams/members/<int:pk>/reject/", teams.reject_member, name="reject_member"),
    path("teams/members/<int:pk>/leader/", teams.membership, {"verb": "make_leader"}, name="make_leader"),
    path("teams/members/<int:pk>/member/", teams.membership, {"verb": "unmake_leader"}, name="unmake_leader"),
    path("teams/members/<int:pk>/leave/", teams.membership, {"verb": "leave"}, name="leave"),
    path("teams/members/<int:pk>/transfer/", teams.transfer, name="transfer"),
    path("volunteer/", registering.me, name="me"),
    path("volunteer/register/", registering.register, name="register"),
    path("volunteer/register/<int:step>/", registering.register_step, name="register_step"),
    path("volunteer/register/forget/", registering.forget_draft, name="forget_draft"),
    path("volunteer/profile/", registering.profile, name="profile"),
    path("volunteer/deregister/", registering.deregister, name="deregister"),
    path("volunteers/", managing.volunteers, name="volunteers"),
    path("volunteers/<int:pk>/suspend/", managing.suspend, name="suspend"),
    path("volunteers/<int:pk>/restore/", managing.restore, name="restore"),
    path("volunteer/activities/", signing.mine, name="mine"),
]
