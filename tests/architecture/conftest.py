"""Reads the sources before the first test: later a browser's loop may stand on the stack, and Python's parser minds its depth."""

import pytest

from tests.architecture.house import ROOT, tracked, tree


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if any("architecture" in item.path.parts for item in items):
        for name in tracked():
            if name.endswith(".py"):
                tree(ROOT / name)
