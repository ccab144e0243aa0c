"""A photo from the day's page and the word of who was served: on the volunteer's phone, on theirs, at the leader's desk."""

import io
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from PIL import Image, ImageDraw

from qunli.accounts.preferences import COOKIE
from qunli.notices.models import DemoSms
from qunli.service_hours.models import ServiceRecord
from tests import factories
from tests.browser.conftest import DESK, PHONE, Visitor
from tests.conftest import FrozenClock


def photo() -> bytes:
    drawn = Image.new("RGB", (800, 600), (196, 214, 190))
    ImageDraw.Draw(drawn).ellipse((300, 180, 500, 420), fill=(178, 76, 92))
    written = io.BytesIO()
    drawn.save(written, "JPEG")
    return written.getvalue()


def picture(window: Visitor, name: str) -> None:
    """For whoever wants to look: QUNLI_PICTURES names a folder."""
    if folder := os.environ.get("QUNLI_PICTURES"):
        window.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_photo_and_word(visitor: Callable[..., Visitor], frozen_now: FrozenClock) -> None:
    team = factories.team()
    leader = factories.leader(team, name="王队长").person
    started = frozen_now.now.replace(microsecond=0) - timedelta(hours=2)
    activity = factories.activity(team, title="上门陪伴", starts_at=started, hours=1.5, created_by=leader)
    person = factories.volunteer(factories.person(name="陈远山")).person
    record = factories.record(
        factories.sign_up(person, factories.post(activity), state="attended"),
        signed_out_at=started + timedelta(minutes=90), out_method="code", minutes=90, state="draft",
    )  # fmt: skip

    mine = visitor(PHONE).sign_in(factories.account(person))
    mine.open(f"/day/{activity.pk}/").get_by_text("添加现场照片").click()
    picture(mine, "day")
    mine.page.locator("input[type=file]").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    mine.press("上传照片")
    assert mine.page.url.endswith(f"/records/{record.pk}/")
    mine.page.locator("summary", has_text="请服务对象确认").click()
    mine.page.locator("#id_phone").fill("13900001111")
    mine.press("发确认短信")
    picture(mine, "record")

    link = re.search(r"/served/[\w-]+/", DemoSms.objects.latest("pk").text)
    assert link
    served = visitor(PHONE)
    served.open(link[0])
    picture(served, "served")
    foreign = visitor(PHONE, "en")
    assert "Did the volunteers come?" in foreign.open(link[0]).title()
    picture(foreign, "served-en")
    assert "陈**" in served.text()
    served.press("来过")
    picture(served, "served-done")
    assert "已收到您的答复" in served.text()

    desk = visitor(DESK).sign_in(leader.accounts.first() or factories.account(leader))
    desk.open(f"/records/{record.pk}/")
    picture(desk, "desk")
    assert "确认来过" in desk.text()
    desk.open(f"/records/activity/{activity.pk}/")
    picture(desk, "desk-all")
    elder = visitor(PHONE)
    elder.context.add_cookies([{"name": COOKIE, "value": "auto.elder", "url": elder.server}])
    elder.open(link[0])
    picture(elder, "elder")
    assert ServiceRecord.objects.get(pk=record.pk).photos.count() == 1
