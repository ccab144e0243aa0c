"""What a file really is: decided by its content, never by its name or by what the browser says. Pure."""

import io
import math
import warnings
from datetime import datetime
from typing import Any, NamedTuple

import puremagic
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from qunli.kernel.clock import SHANGHAI
from qunli.kernel.errors import Refused

LIMIT = 10 * 1024 * 1024
"""Bytes of one attachment."""
PIXELS = 50_000_000
"""A picture larger than this is refused before it is decoded: a small file may hold a huge one."""
ENDINGS = {"image/jpeg": ("jpg", "jpeg"), "image/png": ("png",), "image/webp": ("webp",), "application/pdf": ("pdf",)}
"""What may be attached, and the endings that its name may have."""
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
ACTIVE = (b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile", b"/OpenAction", b"/XFA")
"""What a PDF of a paper never needs."""


class Origin(NamedTuple):
    """Where (degrees; WGS-84, or GCJ-02 as some phones write) and when a picture says that it was taken."""

    longitude: float | None
    latitude: float | None
    taken_at: datetime | None


class Content(NamedTuple):
    data: bytes
    content_type: str


def checked(name: str, data: bytes) -> Content:
    """The content to be kept: pictures are drawn anew, so that no metadata (place, device) and nothing hidden stays.

    Raises Refused at `file`: "empty", "too_big", "kind" (not one of the allowed), "content" (it is not what its name says, is
    damaged, or does things that a paper does not).
    """
    if not data:
        raise Refused(_("这个文件是空的，请重新选择。"), code="empty", field="file")
    if len(data) > LIMIT:
        raise Refused(_("文件超过 %(mb)d MB，请压缩后再上传。") % {"mb": LIMIT // 1024 // 1024}, code="too_big", field="file")
    found = kind_of(data)
    if found not in ENDINGS:
        raise Refused(
            _("只能上传照片（JPG、PNG、WebP）或 PDF。这个文件的内容不是这些类型。"), code="kind", field="file", kind=found
        )
    ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if ending not in ENDINGS[found]:
        message = _("文件名是“.%(ending)s”，内容却是 %(kind)s。请选择原来的文件，不要改扩展名。") % {
            "ending": ending,
            "kind": found,
        }
        raise Refused(message, code="content", field="file", kind=found)
    if found == "application/pdf":
        _check_pdf(data)
        return Content(data, found)
    return Content(_redrawn(data, found), found)


def origin_of(data: bytes) -> Origin:
    """What the metadata of a picture say; nothing for what they leave out, or what cannot be."""
    try:
        with Image.open(io.BytesIO(data), formats=list(FORMATS.values())) as picture:
            if picture.width * picture.height > PIXELS:
                return Origin(None, None, None)  # a PNG is drawn to find its metadata
            exif = picture.getexif()
            own, place = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        longitude, latitude = _degrees(place, 3, 4, "W", 180), _degrees(place, 1, 2, "S", 90)
        moment = _moment(own)
    except Exception:  # whatever a hand-made file makes the reader stumble over: it says nothing then
        return Origin(None, None, None)
    return Origin(longitude, latitude, moment) if None not in (longitude, latitude) else Origin(None, None, moment)


def _degrees(place: dict[int, Any], side: int, angle: int, negative: str, most: int) -> float | None:
    if angle not in place:
        return None
    degrees, minutes, seconds = (float(part) for part in place[angle])
    found = degrees + minutes / 60 + seconds / 3600
    if not (math.isfinite(found) and 0 <= found <= most) or (degrees, minutes, seconds) == (0, 0, 0):
        return None  # zero is what cameras write that do not know
    return -found if str(place.get(side, "")).strip("\0 ").upper() == negative else found


def _moment(own: dict[int, Any]) -> datetime | None:
    """DateTimeOriginal; without a zone beside it, the clock is taken for Shanghai's."""
    text = str(own.get(ExifTags.Base.DateTimeOriginal, "")).strip("\0 ")
    zone = str(own.get(ExifTags.Base.OffsetTimeOriginal, "")).strip("\0 ")
    try:
        found = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=SHANGHAI)
        return datetime.fromisoformat(f"{found:%Y-%m-%dT%H:%M:%S}{zone}") if zone else found
    except ValueError:
        return None


def kind_of(data: bytes) -> str:
    """The media type that the content shows; "" when it shows none."""
    try:
        return str(puremagic.from_string(data, mime=True))
    except (puremagic.PureError, ValueError):
        return ""


def _check_pdf(data: bytes) -> None:
    if not data.startswith(b"%PDF-") or b"%%EOF" not in data[-2048:]:
        raise Refused(_("这个 PDF 不完整或已损坏，请重新导出。"), code="content", field="file")
    if any(mark in data for mark in ACTIVE):
        raise Refused(_("这个 PDF 含有脚本、附件或自动动作，不能上传。请打印成新的 PDF。"), code="content", field="file")


def _redrawn(data: bytes, content_type: str) -> bytes:
    damaged = Refused(_("这张图片打不开或已损坏，请重新选择。"), code="content", field="file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=[FORMATS[content_type]]) as picture:
                if picture.width * picture.height > PIXELS:
                    raise Refused(_("图片太大，请缩小后再上传。"), code="too_big", field="file")
                picture.load()
                upright = ImageOps.exif_transpose(picture) or picture
                mode = "RGB" if content_type == "image/jpeg" else "RGBA" if "A" in upright.mode or upright.mode == "P" else "RGB"
                clean = upright.convert(mode)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        ValueError,
        SyntaxError,
    ) as error:
        raise damaged from error
    clean.info.clear()
    written = io.BytesIO()
    options = {"quality": 88} if content_type != "image/png" else {}
    clean.save(written, FORMATS[content_type], **options)
    return written.getvalue()
