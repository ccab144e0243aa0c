"""The words of a notice, in a language."""

from html import unescape
from typing import NamedTuple

from django.template.loader import render_to_string
from django.utils import translation

from qunli.notices.models import Notice


class Text(NamedTuple):
    subject: str
    body: str


def text_of(notice: Notice, language: str | None = None) -> Text:
    """Subject and body of a notice: in the language of the page, or in `language`."""
    with translation.override(language or translation.get_language()):
        rendered = render_to_string(f"notices/{notice.template}.txt", {**notice.facts, "url": notice.url})
    # It is plain text: what the engine escaped for HTML is put back; the page escapes it where it shows it.
    lines = unescape(rendered).strip().splitlines()
    return Text(lines[0].strip() if lines else "", "\n".join(line.strip() for line in lines[1:]).strip())
