"""Loads templates with components, and makes plain icons quick.

An icon is a component as the others are (`<c-icon name="clock" />`), but a page has a hundred of them, and each cost as much as a
card. Where an icon has no label, it is read as the tag `{% icon "clock" %}`, which gives the same markup from memory.
"""

import re

from django_cotton.cotton_loader import Loader as CottonLoader

STATIC = re.compile(r'<c-icon name="([a-z0-9-]+)"(?: size="([a-z0-9 -]+)")? />')
GIVEN = re.compile(r'<c-icon :name="([a-z_.]+)" />')


class Loader(CottonLoader):  # type: ignore[misc]
    """Stands in the settings where cotton's own would."""

    def _get_template_string(self, template_name: str) -> str:
        text: str = super()._get_template_string(template_name)
        text = STATIC.sub(lambda found: f'{{% icon "{found[1]}" "{found[2] or ""}" %}}', text)
        return GIVEN.sub(r"{% icon \1 %}", text)
