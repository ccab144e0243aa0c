"""script/bench NAME [--scale S]: run a bench; without a name, list them."""

import argparse
import importlib
import os
import pkgutil
import sys

import bench
from bench.ground import Stop

APART = {"common", "crowd", "frauds", "ground", "client", "people", "__main__"}
"""Modules that are no benches."""


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name not in APART)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser("script/bench", description="Measure what is promised; without a name, list the benches.")
    parser.add_argument("name", nargs="?", choices=names())
    parser.add_argument("--scale", type=float, help="size of the city to measure on (each bench has its own default)")
    given = parser.parse_args(words)
    if given.name is None:
        for name in names():
            module = importlib.import_module(f"bench.{name}")
            print(f"{name:<12} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    module = importlib.import_module(f"bench.{given.name}")
    try:
        report = module.run(scale=module.SCALE if given.scale is None else given.scale)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    report.show()
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
