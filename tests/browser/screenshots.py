"""`script/screenshots`: the main pages of the demonstration city in a real browser, into docs/pictures, for the README.

A server of its own runs in this process; people are signed in as `script/manage demo_login` does it. Each picture is a window, not
a whole page: what a person sees first. WebP, so that all of them together stay under 3 MB.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from qunli.service_hours.models import Certificate  # noqa: E402
from qunli.synthetic.demonstration import building, signing_in  # noqa: E402
from qunli.volunteering.models import Activity  # noqa: E402

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
ARGS = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
QUALITY = 80
LIMIT = 3_000_000


@dataclass(frozen=True)
class Picture:
    """One window. `look` is a theme and "elder" as the cookie has them: "dark.elder"."""

    name: str
    path: str
    role: str = ""
    desk: bool = False
    language: str = "zh-hans"
    look: str = "light."

    @property
    def file(self) -> Path:
        mode = "en" if self.language == "en" else "zh"
        theme, _, elder = self.look.partition(".")
        parts = [
            self.name,
            "desk" if self.desk else "phone",
            mode,
            *([theme] if theme != "light" else []),
            *([elder] if elder else []),
        ]
        return PICTURES / f"{'-'.join(parts)}.webp"


def pictures() -> list[Picture]:
    now = timezone.now()
    running = Activity.objects.filter(state="published", starts_at__lte=now, ends_at__gt=now).order_by("-id").first()
    if running is None:
        raise SystemExit("No activity of the demonstration runs now: run script/manage demo_people, then this again.")
    certificate = Certificate.objects.filter(state="issued").order_by("id").first()
    if certificate is None:
        raise SystemExit("The demonstration has no certificate: run script/server --reset, then this again.")
    open_one = (
        Activity.objects.filter(state="published", starts_at__gt=now, team=running.team).order_by("starts_at").first() or running
    )
    return [
        Picture("welcome", "/", desk=True),
        Picture("home", "/", "volunteer"),
        Picture("home", "/", "volunteer", language="en"),
        Picture("home", "/", "volunteer", look="light.elder"),
        Picture("home", "/", "volunteer", look="dark."),
        Picture("home", "/", "district_officer", desk=True),
        Picture("activities", "/activities/", "volunteer", desk=True),
        Picture("activity", f"/activities/{open_one.pk}/", "volunteer"),
        Picture("activity", f"/activities/{open_one.pk}/", "volunteer", desk=True, language="en"),
        Picture("day", f"/day/{running.pk}/screen/", "team_leader"),
        Picture("records", "/records/", "volunteer", desk=True),
        Picture("verify", f"/verify/{certificate.number}/"),
        Picture("divisions", "/divisions/", "city_officer", desk=True, look="dark."),
        Picture("components", "/gallery", desk=True),
    ]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the pictures are the output."""


@contextmanager
def server() -> Iterator[str]:
    """The application at an address of its own."""
    found = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    found.set_app(get_wsgi_application())
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        thread.join()


def take(browser: Browser, base: str, picture: Picture, cookies: dict[str, dict[str, str]]) -> int:
    """Take one picture; its size in bytes. Ends the command for a page that is not there."""
    context = browser.new_context(**(DESK if picture.desk else PHONE))
    wanted = {"django_language": picture.language, "qunli_look": picture.look}
    context.add_cookies([{"name": name, "value": value, "url": base} for name, value in wanted.items()])
    if picture.role:
        context.add_cookies([{**cookies[picture.role], "url": base}])  # type: ignore[typeddict-item]
    page = context.new_page()
    answer = page.goto(base + picture.path)
    if answer is None or not answer.ok:
        raise SystemExit(f"{picture.path} cannot be shown: {answer and answer.status}")
    theme, _, elder = picture.look.partition(".")
    # The account's own choice comes before the cookie: the picture shows what that choice would look like.
    page.evaluate(
        "([t, e]) => { document.documentElement.dataset.theme = t; document.documentElement.toggleAttribute('data-elder', e) }",
        [theme, bool(elder)],
    )
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    data = BytesIO()
    Image.open(BytesIO(page.screenshot())).convert("RGB").save(data, "WEBP", quality=QUALITY, method=6)
    picture.file.write_bytes(data.getvalue())
    context.close()
    return len(data.getvalue())


def main(names: list[str]) -> None:
    """Take all pictures, or those whose names are given."""
    call_command("migrate", verbosity=0)
    if not building.exists():
        call_command("load_divisions")
        call_command("synthesize", scale=0.001)
    building.refresh(now=timezone.now())
    wanted = [picture for picture in pictures() if not names or picture.name in names]
    roles = {picture.role for picture in wanted if picture.role}
    cookies = {}
    for role in roles:
        cookie = signing_in.sign_in(role, now=timezone.now())["cookie"]
        cookies[role] = {"name": str(cookie["name"]), "value": str(cookie["value"])}
    PICTURES.mkdir(parents=True, exist_ok=True)
    total = 0
    with server() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("QUNLI_CHROMIUM") or None, args=ARGS)
        for picture in wanted:
            size = take(browser, base, picture, cookies)
            total += size
            print(f"{picture.file.relative_to(PICTURES.parents[1])}  {size // 1000} kB")
        browser.close()
    print(f"{len(wanted)} pictures, {total / 1e6:.1f} MB")
    if total > LIMIT:
        raise SystemExit(f"More than {LIMIT / 1e6:.0f} MB: lower QUALITY or take fewer.")


if __name__ == "__main__":
    main(sys.argv[1:])
