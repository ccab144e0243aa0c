"""The catalogues: one English for a message, whichever room asks; lists and free times read well in both languages."""

import pytest
from django.utils import translation

from qunli.kernel.lists import listed
from qunli.kernel.management.commands.messages import contradictions, new_catalog
from qunli.volunteering.selectors import free_time_labels


def test_two_rooms_that_say_one_message_otherwise_are_told() -> None:
    catalogs = {"here": new_catalog(), "there": new_catalog()}
    catalogs["here"].add("待签到", "Expected")
    catalogs["there"].add("待签到", "Missed")
    catalogs["there"].add("待签到", "Missed", context="sign-up")
    catalogs["there"].add("签退", "Sign out")
    (told,) = contradictions("here", catalogs)
    assert "'Expected' here, 'Missed' in there" in told


@pytest.mark.parametrize(
    ("language", "skills", "saturday"), [("zh-hans", "急救、手语", "周六 上午、晚上"), ("en", "a, b", "Saturday morning, evening")]
)
def test_lists_have_the_comma_of_the_language(language: str, skills: str, saturday: str) -> None:
    with translation.override(language):
        assert listed(["急救", "手语"] if language == "zh-hans" else ["a", "b"]) == skills
        assert free_time_labels(1 << 15 | 1 << 17) == [saturday]
