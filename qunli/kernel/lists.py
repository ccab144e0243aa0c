"""Several things in a sentence."""

from collections.abc import Iterable

from django.utils.translation import gettext as _


def listed(values: Iterable[object]) -> str:
    """急救、手语 or First aid, Sign language: with the comma of the reader's language."""
    return _("、").join(str(value) for value in values)
