"""The sign-up path without the framework: the same answer as the ordinary one, and Django's own word for all that is not plain."""

import io
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.middleware.csrf import _mask_cipher_secret
from django.utils import timezone

from qunli.accounts.models import Account, Session
from qunli.accounts.services import SessionCookie, open_session, sign_out_everywhere
from qunli.audit.models import Event
from qunli.divisions.enums import Level
from qunli.kernel.actor import SYSTEM
from qunli.volunteering import hot
from qunli.volunteering.models import Post, SignUp
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


class Browser:
    """A signed-in volunteer who posts to the WSGI application, hot or ordinary."""

    def __init__(self, **person: Any) -> None:
        self.volunteer = factories.volunteer(**person)
        self.account = Account.objects.create_user(person=self.volunteer.person)
        self.cookie: SessionCookie = open_session(self.account)
        self.ordinary = WSGIHandler()
        self.went_on = 0
        self.hot = hot.HotSignUps(self._ordinary)

    def _ordinary(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        self.went_on += 1
        return self.ordinary(environ, start)

    def post(self, post: Post, *, hot: bool = True, **more: Any) -> tuple[int, dict[str, str]]:
        cookies = {self.cookie.name: self.cookie.value, "csrftoken": self.cookie.csrf} | more.pop("cookies", {})
        form = {"post": post.pk, "csrfmiddlewaretoken": self.cookie.csrf} | more.pop("form", {})
        body = urlencode(form).encode()
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/activities/{post.activity_id}/sign-up/",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "HTTP_HOST": "localhost:8000",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        } | more
        told: list[Any] = []
        app: Any = self.hot if hot else self.ordinary
        response = app(
            {k: v for k, v in environ.items() if v is not None}, lambda status, headers, *_: told.append((status, headers))
        )
        list(response)
        if hasattr(response, "close"):
            response.close()
        status, headers = told[0]
        return int(status[:3]), {name: value.strip() for name, value in headers}


@pytest.fixture
def post() -> Post:
    activity = factories.activity(starts_at=timezone.now() + timedelta(days=2), state="published")
    return activity.posts.get() if activity.posts.exists() else factories.post(activity, places=2)


@pytest.fixture
def visitor() -> Browser:
    return Browser()


def test_the_answer_is_the_ordinary_one_to_the_last_header(visitor: Browser, post: Post) -> None:
    other = Browser()
    quick, slow = visitor.post(post), other.post(post, hot=False)
    assert visitor.went_on == 0
    for _status, headers in (quick, slow):
        assert len(headers.pop("X-Request-ID")) == 32
    cookies = [headers.pop("Set-Cookie") for _status, headers in (quick, slow)]
    # The signature carries the second in which it was made; the message is what counts.
    assert cookies[0].split(":")[0].split("=", 1)[1]
    assert cookies[0].split(";")[1:] == cookies[1].split(";")[1:]
    assert {k: set(v.split("; ")) for k, v in quick[1].items()} == {k: set(v.split("; ")) for k, v in slow[1].items()}
    assert quick[0] == slow[0] == 302
    assert SignUp.objects.filter(post=post, state="confirmed").count() == 2


def test_a_sign_up_is_in_the_audit_with_address_and_request(visitor: Browser, post: Post) -> None:
    _status, headers = visitor.post(post, REMOTE_ADDR="192.0.2.7")
    event = Event.objects.get(verb="volunteering.sign_up")
    assert (event.address, event.request_id) == ("192.0.2.7", headers["X-Request-ID"])
    assert event.actor == f"account:{visitor.account.pk}"


def test_a_double_click_is_one_sign_up(visitor: Browser, post: Post) -> None:
    assert visitor.post(post)[0] == visitor.post(post)[0] == 302
    assert visitor.went_on == 0
    assert SignUp.objects.filter(post=post).count() == 1


def test_a_masked_token_and_the_header_are_as_good_as_the_secret(visitor: Browser, post: Post) -> None:
    masked = _mask_cipher_secret(visitor.cookie.csrf)
    assert visitor.post(post, form={"csrfmiddlewaretoken": masked})[0] == 302
    assert visitor.post(post, form={"csrfmiddlewaretoken": ""}, HTTP_X_CSRFTOKEN=visitor.cookie.csrf)[0] == 302
    assert visitor.went_on == 0


def test_signing_out_everywhere_holds_at_once(visitor: Browser, post: Post) -> None:
    sign_out_everywhere(account=visitor.account, by=SYSTEM, now=timezone.now())
    status, headers = visitor.post(post)
    assert status == 302
    assert headers["Location"].startswith("/accounts/")
    assert visitor.went_on == 1
    assert not SignUp.objects.exists()


@pytest.mark.parametrize("change", ["deactivated", "expired"])
def test_a_session_that_holds_no_more_leads_to_signing_in(visitor: Browser, post: Post, change: str) -> None:
    if change == "deactivated":
        Account.objects.filter(pk=visitor.account.pk).update(is_active=False)
    else:
        Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert visitor.post(post)[1]["Location"].startswith("/accounts/")
    assert not SignUp.objects.exists()


@pytest.mark.parametrize(
    "forged",
    [
        {"form": {"csrfmiddlewaretoken": "x" * 32}},
        {"form": {"csrfmiddlewaretoken": "x" * 64}},
        {"form": {"csrfmiddlewaretoken": "é" * 64}},
        {"form": {"csrfmiddlewaretoken": ""}},
        {"cookies": {"csrftoken": ""}},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
    ],
)
def test_a_forged_form_is_refused_by_django(visitor: Browser, post: Post, forged: dict[str, Any]) -> None:
    assert visitor.post(post, **forged)[0] == 403
    assert visitor.went_on == 1
    assert not SignUp.objects.exists()


@pytest.mark.parametrize("host", ["evil.example", "localhost:8000@evil.example", "localhost:x", "localhost:８０"])
def test_another_host_is_refused_by_django(visitor: Browser, post: Post, host: str) -> None:
    assert visitor.post(post, HTTP_HOST=host)[0] == 400
    assert not SignUp.objects.exists()


def test_a_role_that_needs_a_second_factor_is_asked_for_it(visitor: Browser, post: Post) -> None:
    factories.posting(visitor.volunteer.person, "street_officer", factories.division(Level.STREET))
    Session.objects.all().delete()
    visitor.cookie = open_session(visitor.account, second_factor=False)
    assert "second" in visitor.post(post)[1]["Location"]
    assert not SignUp.objects.exists()


@pytest.mark.parametrize(
    "unusual",
    [
        {"cookies": {"messages": "old"}},
        {"CONTENT_TYPE": "multipart/form-data; boundary=x"},
        {"form": {"post": "seven"}},
        {"form": {"post": "9" * 18}},
        {"CONTENT_LENGTH": ""},
    ],
)
def test_what_is_unusual_goes_to_django_with_its_body(visitor: Browser, post: Post, unusual: dict[str, Any]) -> None:
    visitor.post(post, **unusual)
    assert visitor.went_on == 1
    if "cookies" in unusual:
        assert SignUp.objects.filter(post=post).count() == 1


def test_who_is_late_is_told_and_may_wait(visitor: Browser, post: Post) -> None:
    Post.objects.filter(pk=post.pk).update(places=1)
    visitor.post(post)
    late = Browser()
    late.post(post)
    assert not SignUp.objects.filter(person=late.volunteer.person).exists()
    late.post(post, form={"wait": "1"})
    assert late.went_on == 0
    assert SignUp.objects.get(person=late.volunteer.person).state == "waiting"


def test_the_message_is_in_the_reader_s_language(visitor: Browser, post: Post) -> None:
    from bench.race import message

    Account.objects.filter(pk=visitor.account.pk).update(language="en")
    status, headers = visitor.post(post)
    assert (status, headers["Content-Language"]) == (302, "en")
    assert message(headers["Set-Cookie"]).isascii()
    _status, headers = visitor.post(post, cookies={settings.LANGUAGE_COOKIE_NAME: "zh-hans"})
    assert headers["Content-Language"] == "zh-hans"
    assert visitor.went_on == 0
