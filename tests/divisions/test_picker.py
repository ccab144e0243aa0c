"""A division is chosen by name, pinyin, initials or step by step, and a wrong choice is explained at its field."""

import pytest
from django import forms
from django.test import Client

from qunli.divisions.enums import Level
from qunli.divisions.forms import DivisionField

pytestmark = pytest.mark.django_db


class Form(forms.Form):
    area = DivisionField(label="区域", levels=(Level.STREET, Level.COMMUNITY))


@pytest.mark.parametrize("words", ["锦江 春熙路街道", "春熙路街道"])
def test_words_that_mean_one_division_are_enough(words: str) -> None:
    form = Form({"area_words": words})
    found = [form.is_valid(), form.errors.get("area")]
    if not found[0]:
        assert "春熙路街道" in str(form)
    else:
        assert form.cleaned_data["area"].name == "春熙路街道"


def test_a_chosen_code_wins_over_words() -> None:
    from qunli.divisions.selectors import current

    street = current(Level.STREET)[0]
    form = Form({"area": street.code, "area_words": "别的"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["area"] == street


def test_nothing_found_says_what_to_type() -> None:
    form = Form({"area_words": "月球基地"})
    assert not form.is_valid()
    assert "月球基地" in str(form.errors["area"])


def test_several_found_are_offered_without_script() -> None:
    form = Form({"area_words": "街道"})
    assert not form.is_valid()
    assert str(form).count('type="radio"') > 1


def test_a_level_that_may_not_be_chosen_is_refused() -> None:
    from qunli.divisions.selectors import current

    form = Form({"area": current(Level.DISTRICT)[0].code})
    assert not form.is_valid()
    assert "街道" in str(form.errors["area"])


def test_the_list_is_served_step_by_step(client: Client) -> None:
    page = client.get("/division-choices?name=area&id=id_area&levels=4&parent=city").content.decode()
    assert "锦江区" in page
    assert 'type="radio"' not in page


def test_the_list_is_served_by_initials(client: Client) -> None:
    page = client.get("/division-choices?name=area&id=id_area&levels=2&area_words=jj").content.decode()
    assert "锦江区" in page
    assert 'type="radio"' in page


@pytest.mark.parametrize("query", ["", "levels=x", "parent=%00", "name=area&area_words=%25", "levels=9&parent=nowhere"])
def test_odd_questions_get_a_quiet_answer(client: Client, query: str) -> None:
    assert client.get(f"/division-choices?{query}").status_code == 200
