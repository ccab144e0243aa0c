"""Components keep their promises in markup: names for screen readers, states in words, addresses that keep what was chosen."""

import re
from datetime import date
from typing import Any

import pytest
from django import forms
from django.template import engines
from django.test import Client
from django_cotton.compiler_regex import CottonCompiler

from qunli.kernel.timelines import Moment, timeline
from qunli.service_hours.states import RECORD


def draw(source: str, request: Any = None, **context: Any) -> str:
    html: str = engines["django"].from_string(CottonCompiler().process(source)).render(context, request)
    return re.sub(r"\s+", " ", html)


class Sample(forms.Form):
    name = forms.CharField(label="姓名", help_text="与证件一致")
    note = forms.CharField(label="说明", required=False)
    kind = forms.ChoiceField(label="类型", choices=[("a", "甲"), ("b", "乙")], widget=forms.RadioSelect)


def test_a_field_ties_its_error_and_help_to_its_input() -> None:
    html = draw("{{ form }}", form=Sample({"name": ""}))
    field = re.search(r"<input[^>]*name=\"name\"[^>]*>", html)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    assert 'aria-describedby="id_name_helptext id_name_error"' in field[0]
    assert 'id="id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert '<label for="id_name">姓名</label>' in html


def test_a_form_with_errors_begins_with_their_list() -> None:
    html = draw("{{ form }}", form=Sample({"name": ""}))
    assert html.index('role="alert"') < html.index("<label")
    assert 'href="#id_name"' in html


def test_a_form_without_errors_has_no_list() -> None:
    assert "alert" not in draw("{{ form }}", form=Sample())


def test_only_what_may_be_left_out_is_marked() -> None:
    html = draw("{{ form }}", form=Sample())
    assert html.count("选填") == 1


def test_capacity_says_in_words_what_the_bar_shows() -> None:
    assert "还有 12 个名额" in draw('<c-capacity :taken="8" :places="20" />')
    full = draw('<c-capacity :taken="20" :places="20" :waiting="4" />')
    assert "名额已满" in full
    assert "候补 4 人" in full
    assert 'value="20" max="20"' in full


def test_a_person_is_masked_unless_opened() -> None:
    assert "王小明" not in draw('<c-person name="王小明" />')
    assert "王**" in draw('<c-person name="王小明" />')
    assert "王小明" in draw('<c-person name="王小明" :open="True" />')


def test_a_sorted_head_keeps_the_address_and_forgets_the_page(rf: Any) -> None:
    request = rf.get("/?q=abc&sort=name&cursor=xyz")
    html = draw('<c-th sort="name">姓名</c-th>', request)
    assert 'aria-sort="ascending"' in html
    assert "q=abc" in html
    assert "sort=-name" in html
    assert "cursor" not in html


def test_values_are_escaped(rf: Any) -> None:
    html = draw(
        "<c-card :title='title' /><c-map :pins='pins' areas='/areas' />", rf.get("/"), title="<b>", pins=[{"title": '"><script>'}]
    )
    assert "<b>" not in html
    assert '"><script>' not in html


@pytest.mark.parametrize(
    ("today", "says"),
    [(date(2026, 3, 16), "还有 3 个工作日"), (date(2026, 3, 19), "今天到期"), (date(2026, 3, 24), "已超期 3 个工作日")],
)
def test_a_timeline_counts_working_days(today: date, says: str) -> None:
    steps = timeline(RECORD, happened=[Moment("draft")], ahead=["submitted"], due_on=date(2026, 3, 19), today=today)
    html = draw('<c-timeline :steps="steps" label="x" />', steps=steps)
    assert says in html
    assert 'aria-current="step"' in html


def test_a_stopped_path_is_not_shown_as_done() -> None:
    steps = timeline(RECORD, happened=[Moment("draft"), Moment("void", note="重复")], stopped=["void"])
    assert [step.status for step in steps] == ["done", "stopped"]


@pytest.mark.django_db
def test_the_gallery_weighs_little(client: Client, settings: Any) -> None:
    settings.DEMO = True
    assert len(client.get("/gallery").content) < 120_000
