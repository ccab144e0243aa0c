"""Masking, places, words, the helpers of the views."""

import logging
import sys
from datetime import date
from typing import Any

import pytest
import structlog
from django import forms
from django.db import IntegrityError, transaction
from django.http import Http404
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from qunli.kernel import geo, logs, masking, words
from qunli.kernel.errors import Refused
from qunli.kernel.http import add_refusal, or_404, public, render_refused
from qunli.people.models import Person

CHENGDU = st.tuples(st.floats(103.0, 105.0), st.floats(30.0, 31.4))


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        (masking.mask_name, "王小明", "王**"),
        (masking.mask_name, "阿依古丽·买买提", "阿***·***"),
        (masking.mask_name, "John Smith", "J*** S****"),
        (masking.mask_name, "", ""),
        (masking.mask_phone, "+8613800138000", "138****8000"),
        (masking.mask_phone, "+85251234567", "+852****4567"),
        (masking.mask_phone, "123", "***"),
        (masking.mask_id_number, "51010419900101001X", "510*************1X"),
        (masking.mask_id_number, "E12345678", "E******78"),
        (masking.mask_id_number, "12", "**"),
        (masking.mask_email, "someone@example.org", "s***@example.org"),
    ],
)
def test_masks(mask: object, text: str, shown: str) -> None:
    assert mask(text) == shown  # type: ignore[operator]


@given(st.text(min_size=15, max_size=18, alphabet="0123456789X"))
def test_a_masked_number_hides_birth_date_and_sequence(number: str) -> None:
    shown = masking.mask_id_number(number)
    assert len(shown) == len(number)
    assert set(shown[3:-2]) == {"*"}


@given(CHENGDU, CHENGDU)
def test_distance(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert geo.metres(*a, *a) == pytest.approx(0, abs=1e-3)
    assert geo.metres(*a, *b) == pytest.approx(geo.metres(*b, *a))
    box = geo.box_around(*a, geo.metres(*a, *b) + 1)
    assert box.west <= b[0] <= box.east
    assert box.south <= b[1] <= box.north


def test_a_degree_of_latitude() -> None:
    assert geo.metres(104, 30, 104, 31) == pytest.approx(111_195, abs=5)


@given(CHENGDU)
def test_to_the_map_and_back(point: tuple[float, float]) -> None:
    drawn = geo.to_map(*point)
    assert 100 < geo.metres(*point, *drawn) < 1000, "GCJ-02 shifts by some hundred metres"
    assert geo.metres(*point, *geo.from_map(*drawn)) < 1


@pytest.mark.parametrize(
    "query", ["锦江", "水井坊", "敬老", "jinjiang", "jj", "jjq", "shuijingfang", "jl", "敬老 锦江", "ＪＬ", "井", "A组 敬老"]
)
def test_words_find(query: str) -> None:
    tokens = words.search_tokens("锦江区水井坊社区敬老志愿服务 A组")
    wanted = words.query_tokens(query)
    assert wanted
    assert set(wanted) <= set(tokens)


@pytest.mark.parametrize("query", ["锦里", "江锦", "1组", "青羊", "xyz", "服志"])
def test_words_do_not_find(query: str) -> None:
    assert not set(words.query_tokens(query)) <= set(words.search_tokens("锦江区水井坊社区敬老志愿服务"))


@given(st.text(alphabet="锦江区水井坊社区敬老志愿服务青羊宫文殊院春熙路 A1，。", min_size=1, max_size=30), st.data())
def test_every_part_of_a_text_finds_it_but_for_cut_latin_words(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    part = part.strip("A1")
    assert set(words.query_tokens(part)) <= set(words.search_tokens(text))


def test_tokens_fit_the_column() -> None:
    assert all(0 < len(token) <= words.LONGEST for token in words.search_tokens("社会工作服务中心志愿服务总队" * 20 + "x" * 200))
    assert words.query_tokens("，。 ！") == []
    assert words.search_tokens("") == []


class OneForm(forms.Form):
    name = forms.CharField()


def test_a_refusal_stands_at_its_field() -> None:
    form = OneForm({"name": "x"})
    assert form.is_valid()
    add_refusal(form, Refused("名字不行", code="name", field="name"))
    assert form.errors["name"] == ["名字不行"]
    add_refusal(form, Refused("都不行", code="all", field="elsewhere"))
    assert form.non_field_errors() == ["都不行"]


def test_a_refused_form_says_so_to_browsers_and_to_htmx(monkeypatch: pytest.MonkeyPatch) -> None:
    form = OneForm({"name": "x"})
    refused = Refused("名字不行", code="name", field="name")
    request = RequestFactory().post("/")
    monkeypatch.setattr("qunli.kernel.http.render", lambda request, template, context, status: (template, context, status))
    answer: Any = render_refused(request, "t.html", form, refused, {"more": 1})
    template, context, status = answer
    assert (template, status, context["more"]) == ("t.html", 422, 1)
    htmx = RequestFactory().post("/", headers={"HX-Request": "true"})
    again: Any = render_refused(htmx, "t.html", form)
    assert again[2] == 200


def test_public_marks_a_view() -> None:
    def view() -> None: ...

    assert public(view) is view
    assert view.login_required is False  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_log_line_keeps_the_constraint_and_loses_the_row() -> None:
    """PostgreSQL says which row broke a constraint, with all that stands in it; the log must not keep that."""
    values = logs.configuration(level="INFO", plain=False)["formatters"]["lines"]
    formatter = structlog.stdlib.ProcessorFormatter(**{name: value for name, value in values.items() if name != "()"})
    name = "欧阳不落"
    try:
        with transaction.atomic():
            Person.objects.create(name=name, id_number="51", birth_date=date(1990, 1, 1))
    except IntegrityError:
        line = formatter.format(logging.LogRecord("django.request", logging.ERROR, "", 0, "failed", (), sys.exc_info()))
    assert "person_identity_digest" in line
    assert name not in line


def test_what_no_selector_finds_is_no_page() -> None:
    assert or_404(0) == 0
    with pytest.raises(Http404):
        or_404(None)
