"""A page weighs under 150 kB compressed, without pictures, charts and maps; the first paint waits for no script."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

BUILD = Path("static/build")
LIMIT = 150_000


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/about", "/search", "/accounts/sign-in/"])
def test_a_page_weighs_little(client: Client, path: str) -> None:
    html = client.get(path).content
    files = set(re.findall(r"/static/([\w./-]+\.(?:css|js|svg))", html.decode()))
    assert "build/app.css" in files
    parts = [html, *(Path(finders.find(name)).read_bytes() for name in files)]
    fonts = sum(font.stat().st_size for font in BUILD.glob("fonts/*-latin-*.woff2"))
    weight = fonts + sum(len(gzip.compress(part)) for part in parts)
    assert weight < LIMIT, f"{path}: {weight} bytes"


def test_the_first_paint_waits_for_no_script(client: Client, db: None) -> None:
    for tag in re.findall(r"<script[^>]*>", client.get("/").content.decode()):
        assert 'type="module"' in tag or "defer" in tag or "async" in tag


def test_chinese_fonts_come_last() -> None:
    """The subsets are the last family of the stack: a machine with a Chinese font of its own fetches none of them."""
    css = (BUILD / "app.css").read_text()
    stack = re.search(r"--font-sans:([^;]+);", css)
    assert stack is not None
    families = [name.strip(' "') for name in stack[1].split(",")]
    assert families[0] == "Qunli Latin"
    assert families[-2:] == ["Qunli Han", "sans-serif"]
