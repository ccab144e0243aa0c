"""The web server's entry: Django, with the verb that thousands want at once answered before it."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# A page computes for about 10 ms: let it run to its end, or to its next query, before another thread takes the interpreter; with
# Python's own 5 ms two pages hold each other up.
sys.setswitchinterval(0.05)
django_application = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402

from qunli.volunteering.hot import HotSignUps  # noqa: E402 - needs the registry that the line above sets up

_ = get_resolver().url_patterns  # imports every room's views and API now, so that the first visitor does not wait for them

application = HotSignUps(django_application)
