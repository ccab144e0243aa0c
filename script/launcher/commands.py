"""The commands of script/, one function each."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from . import check, environment, serve
from .places import PYTHON, ROOT, Stop
from .running import database, run

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def setup(words: list[str]) -> int:
    """Environment, Node, the front end's parts, catalogues. `--lock` compiles requirements.txt anew."""
    if words not in ([], ["--lock"]):
        raise Stop("script/setup takes no arguments but --lock.")
    if words:
        environment.lock()
    environment.setup()
    return 0


def manage(words: list[str]) -> int:
    """manage.py inside the environment with the database up."""
    environment.python()
    with database() as (settings, descriptors):
        return run([PYTHON, "manage.py", *words], settings, descriptors)


def browser() -> str:
    """The path of a Chromium; brought by apt-get for root where there is none."""
    given = os.environ.get("QUNLI_CHROMIUM")
    if given:
        return given
    for _ in range(2):
        for name in BROWSERS:
            path = shutil.which(name)
            if path:
                return path
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            break
        print("Installing Chromium for the browser tests ...", file=sys.stderr, flush=True)
        quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        environment.call(["apt-get", "update", "-qq"], "check the network, or install Chromium yourself.", env=quiet)
        environment.call(["apt-get", "install", "-y", "-qq", "chromium"], "install Chromium yourself.", env=quiet)
    raise Stop("The browser tests need Chromium: install it (apt-get install chromium), or name one with QUNLI_CHROMIUM=/path.")


def wants_browser(words: list[str]) -> bool:
    """Whether pytest's words choose tests in a real browser: all tests, or a path to those."""
    paths = [word.split("::")[0] for word in words if not word.startswith("-")]
    parts = [Path(path).parts for path in paths if (ROOT / path).exists()]
    return not parts or any(len(part) < 2 or part[1] == "browser" for part in parts)


TESTS = (["--ignore=tests/browser"], ["tests/browser"])


def test(words: list[str]) -> int:
    """pytest with everything that it needs; words go to it, without any it runs all tests on both cores."""
    environment.python()
    environment.catalogues()
    if not wants_browser(words):  # the other tests neither look at the style sheet nor run the scripts
        with database() as (settings, descriptors):
            return run([PYTHON, "-m", "pytest", *words], settings, descriptors)
    environment.pages()
    chromium = browser()
    with database() as (settings, descriptors):
        environment.statics(settings)
        settings["QUNLI_CHROMIUM"] = chromium
        if words:
            return run([PYTHON, "-m", "pytest", *words], settings, descriptors)
        # Two runs: Playwright leaves an event loop behind in its process, in which the other tests may not start theirs.
        failed = [run([PYTHON, "-m", "pytest", "-n", "2", *part], settings, descriptors) for part in TESTS]
        return max(failed)


def bench(words: list[str]) -> int:
    """The benches of bench/: a table and one JSON line each; without a name the list of them."""
    environment.setup()
    with database() as (settings, descriptors):
        environment.statics(settings)
        return run([PYTHON, "-m", "bench", *words], settings, descriptors)


def screenshots(words: list[str]) -> int:
    """The main pages of a demonstration city in a real browser, into docs/pictures."""
    environment.setup()
    chromium = browser()
    with database() as (settings, descriptors):
        environment.statics(settings)
        serve.fill(settings, scale=0.01)  # also moves the demonstration's day to today
        settings["QUNLI_CHROMIUM"] = chromium
        return run([PYTHON, ROOT / "script" / "pictures.py", *words], settings, descriptors)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "setup": setup,
    "server": serve.server,
    "manage": manage,
    "test": test,
    "check": check.check,
    "bench": bench,
    "screenshots": screenshots,
}


def main(name: str, words: list[str]) -> int:
    """Run a command. A Stop is a sentence on standard error and exit code 1, a full disk too."""
    try:
        return COMMANDS[name](words)
    except Stop as stop:
        print(stop, file=sys.stderr)
    except OSError as error:
        if error.errno != 28:
            raise
        print(f"The disk is full ({error.filename or 'no space left'}): free some space and start again.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 1
