"""The pictures of the README: real pages of the demonstration in a real browser. script/screenshots runs it with the database up.

A picture is a line of `SHOTS`; `script/screenshots NAME...` takes only those whose name contains one of the words.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the browser's loop runs in this thread

import django  # noqa: E402

django.setup()

from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from bench import ground  # noqa: E402
from qunli.service_hours.models import Certificate  # noqa: E402
from qunli.volunteering.models import Activity  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1360, "height": 860}, "device_scale_factor": 1.5}
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDTHS = {"phone": 640, "desk": 1360}
"""Pixels of the pictures, at most."""


def running() -> int:
    """An activity of the demonstration that goes on now."""
    now = timezone.now()
    return Activity.objects.filter(starts_at__lte=now, ends_at__gte=now).order_by("-pk").values_list("pk", flat=True)[0]


def coming() -> int:
    """One of the next activities."""
    return Activity.objects.filter(starts_at__gt=timezone.now(), state="published").order_by("-pk").values_list("pk", flat=True)[0]


def certificate() -> str:
    return Certificate.objects.order_by("-pk").values_list("number", flat=True)[0]


@dataclass(frozen=True)
class Shot:
    """One picture; `elder` and `tongue` are what the visitor's browser asks for, so they need `role` to be empty."""

    name: str
    role: str
    path: Callable[[], str]
    device: str = "phone"
    elder: bool = False
    tongue: str = "zh-CN"
    dark: bool = False
    """The visitor's device is dark; a theme that "follows the device" follows."""


SHOTS = [
    Shot("home-phone-zh", "volunteer", lambda: reverse("web:home")),
    Shot("activities-desk-zh", "volunteer", lambda: reverse("volunteering:activities"), "desk"),
    Shot("activity-phone-zh", "resident", lambda: reverse("volunteering:activity", args=[coming()])),
    Shot("day-phone-zh", "team_leader", lambda: reverse("service_hours:screen", args=[running()])),
    Shot("records-phone-zh", "volunteer", lambda: reverse("service_hours:records")),
    Shot("verify-phone-zh", "", lambda: reverse("service_hours:verify_number", args=[certificate()])),
    Shot("elder-phone-zh", "", lambda: reverse("web:home"), elder=True),
    Shot("home-phone-en", "", lambda: reverse("web:home"), tongue="en-US"),
    Shot("home-desk-zh", "community_worker", lambda: reverse("web:home"), "desk"),
    Shot("welcome-desk-zh", "", lambda: reverse("web:home"), "desk"),
    Shot("home-phone-zh-dark", "volunteer", lambda: reverse("web:home"), dark=True),
    Shot("divisions-desk-zh-dark", "city_officer", lambda: reverse("divisions:browse"), "desk", dark=True),
    Shot("components-desk-zh", "", lambda: reverse("web:gallery"), "desk"),
    Shot("queue-desk-zh", "street_officer", lambda: reverse("volunteering:queue"), "desk"),
    Shot("matches-phone-zh", "volunteer", lambda: reverse("volunteering:matches")),
    Shot("cases-desk-zh", "community_worker", lambda: reverse("cases:queue"), "desk"),
    Shot("rules-desk-zh", "city_officer", lambda: reverse("rules:detail", args=["volunteer-stars"]), "desk"),
    Shot("stars-desk-zh", "district_officer", lambda: reverse("service_hours:star_proposals"), "desk"),
    Shot("due-phone-zh", "team_leader", lambda: reverse("service_hours:due")),
    Shot("seals-phone-zh", "", lambda: reverse("service_hours:seals")),
]


def sign_in(role: str) -> dict[str, Any]:
    """The session cookie of the demonstration's person of a role."""
    run = subprocess.run([sys.executable, "manage.py", "demo_login", role], cwd=ROOT, capture_output=True, text=True, check=True)
    cookie: dict[str, Any] = json.loads(run.stdout)["cookie"]
    return cookie


def take(browser: Browser, address: str, shot: Shot) -> Path:
    """Open the page, wait until it is still, keep it as WebP."""
    device: dict[str, Any] = PHONE if shot.device == "phone" else DESK
    look = {**device, "color_scheme": "dark" if shot.dark else "light"}
    context = browser.new_context(**look, locale=shot.tongue, timezone_id="Asia/Shanghai", reduced_motion="reduce")
    cookies = [sign_in(shot.role)] if shot.role else []
    if shot.elder:
        cookies.append({"name": "qunli_look", "value": "auto.elder"})
    context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": address} for cookie in cookies])
    page = context.new_page()
    answer = page.goto(address + shot.path(), wait_until="networkidle")
    if answer is None or answer.status >= 400:
        raise SystemExit(f"{shot.name}: {page.url} answered {answer.status if answer else 'nothing'}")
    page.evaluate("document.fonts.ready")
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.thumbnail((WIDTHS[shot.device], 4000))
        file = PICTURES / f"{shot.name}.webp"
        image.save(file, quality=82, method=6)
    context.close()
    return file


def main(words: list[str]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    shots = [shot for shot in SHOTS if not words or any(word in shot.name for word in words)]
    with ground.server(ground.free_port()) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["QUNLI_CHROMIUM"], args=QUIET)
        for shot in shots:
            file = take(browser, f"http://{host}", shot)
            print(f"{file.relative_to(ROOT)}  {file.stat().st_size // 1024} kB", flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
