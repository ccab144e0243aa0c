from django.urls import path, re_path

from qunli.service_hours.views import certificates, day, evidence, findings, late, records

app_name = "service_hours"

urlpatterns = [
    path("day/", day.days, name="days"),
    path("day/<int:activity>/", day.day, name="day"),
    re_path(r"^day/(?P<activity>\d{1,18})/(?P<way>in|out)/$", day.sign, name="sign"),
    re_path(r"^day/(?P<activity>\d{1,18})/(?P<way>in|out)/place/$", day.sign_by_place, name="sign_by_place"),
    path("day/<int:activity>/screen/", day.screen, name="screen"),
    path("day/<int:activity>/screen/code/", day.screen_code, name="screen_code"),
    path("day/<int:activity>/screen/people/", day.screen_people, name="screen_people"),
    re_path(r"^day/(?P<activity>\d{1,18})/people/(?P<sign_up>\d{1,18})/(?P<way>in|out)/$", day.sign_for, name="sign_for"),
    path("day/<int:activity>/offline/", late.kit, name="offline"),
    re_path(r"^day/(?P<activity>\d{1,18})/(?P<way>in|out)/late/$", late.sign, name="sign_late"),
    re_path(
        r"^day/(?P<activity>\d{1,18})/people/(?P<sign_up>\d{1,18})/(?P<way>in|out)/late/$", late.sign_for, name="sign_late_for"
    ),
    path("day/<int:activity>/walk-in/", day.walk_in, name="walk_in"),
    path("records/", records.records, name="records"),
    path("records/ledger/", records.ledger, name="ledger"),
    path("records/queue/", records.queue, name="queue"),
    re_path(r"^records/queue/(?P<which>submit|verify|disputed)/$", records.queue, name="queue_of"),
    path("records/activity/<int:activity>/", records.activity_records, name="activity_records"),
    re_path(r"^records/activity/(?P<activity>\d{1,18})/(?P<verb>submit|verify)/$", records.many, name="many"),
    path("records/<int:record>/", records.record, name="record"),
    path("records/activity/<int:activity>/served/", evidence.ask_all, name="ask_served_all"),
    path("records/<int:record>/photos/", evidence.add_photo, name="add_photo"),
    path("records/<int:record>/photos/<int:photo>/remove/", evidence.remove_photo, name="remove_photo"),
    path("records/<int:record>/served/", evidence.ask, name="ask_served"),
    path("records/<int:record>/served/code/", evidence.tell_code, name="tell_code"),
    path("served/<str:token>/", evidence.served, name="served"),
    path("records/<int:record>/<slug:verb>/", records.change, name="change"),
    path("findings/", findings.findings, name="findings"),
    path("findings/<int:finding>/", findings.finding, name="finding"),
    path("findings/<int:finding>/reply/", findings.reply, name="reply"),
    path("findings/<int:finding>/decide/", findings.decide, name="decide"),
    path("certificates/", certificates.certificates, name="certificates"),
    path("certificates/issue/", certificates.issue, name="issue"),
    path("certificates/<str:number>/", certificates.certificate, name="certificate"),
    path("certificates/<str:number>/pdf/", certificates.pdf, name="certificate_pdf"),
    path("verify/", certificates.verify, name="verify"),
    path("verify/seals/", certificates.seals, name="seals"),
    path("verify/seals.json", certificates.seals_json, name="seals_json"),
    path("verify/verify_certificate.py", certificates.verifier, name="verifier"),
    path("verify/<str:number>/", certificates.verify_number, name="verify_number"),
]
