"""The map of addresses. Each room has its own urls.py; the API stands under /api/v1/."""

from django.urls import URLPattern, URLResolver, include, path

from config import health
from config.api import api_urls

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.health),
    path("metrics", health.metrics),
    path("", include("qunli.web.urls")),
    path("", include("qunli.accounts.urls")),
    path("", include("qunli.audit.urls")),
    path("", include("qunli.people.urls")),
    path("", include("qunli.divisions.urls")),
    path("", include("qunli.volunteering.urls")),
    path("", include("qunli.cases.urls")),
    path("", include("qunli.service_hours.urls")),
    path("", include("qunli.access.urls")),
    path("", include("qunli.notices.urls")),
    path("", include("qunli.files.urls")),
    path("", include("qunli.rules.urls")),
    path("api/v1/", api_urls),
]

handler400 = "qunli.web.errors.bad_request"
handler403 = "qunli.web.errors.denied"
handler404 = "qunli.web.errors.not_found"
handler500 = "qunli.web.errors.failed"
