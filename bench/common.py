"""Figures and how they are told: a table for people, one JSON object as the last line for programs."""

import json
import math
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value. `against` says beside what it was measured; `bound` is ">= 0.30", "< 40", "== 20" or empty."""

    name: str
    value: float
    unit: str
    against: str = ""
    bound: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bound holds; None without one."""
        if not self.bound:
            return None
        sign, _, limit = self.bound.partition(" ")
        compare: dict[str, Callable[[float, float], bool]] = {
            ">=": lambda a, b: a >= b,
            "<=": lambda a, b: a <= b,
            "<": lambda a, b: a < b,
            ">": lambda a, b: a > b,
            "==": lambda a, b: a == b,
        }
        return compare[sign](self.value, float(limit))

    def told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "against": self.against,
            "bound": self.bound,
            "holds": self.holds,
        }


@dataclass
class Report:
    bench: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, *, against: str = "", bound: str = "", digits: int = 3) -> None:
        self.figures.append(Figure(name, round(float(value), digits), unit, against, bound))

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def holds(self) -> bool:
        return all(figure.holds is not False for figure in self.figures)

    def show(self) -> None:
        """Table and notes, then the JSON object as the last line."""
        table = Table("figure", "value", "unit", "against", "bound", "holds", title=self.bench)
        for figure in self.figures:
            holds = {True: "yes", False: "NO", None: ""}[figure.holds]
            table.add_row(figure.name, f"{figure.value:g}", figure.unit, figure.against, figure.bound, holds)
        console = Console(width=150)
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}", highlight=False)
        print(
            json.dumps({"bench": self.bench, "figures": [figure.told() for figure in self.figures]}, ensure_ascii=False), flush=True
        )


def spread(values: Sequence[float]) -> str:
    """Median and range of repeated runs, and how busy the machine was: the noise of the measure."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"median {middle:.4g} of {len(values)} runs ({low:.4g} to {high:.4g})"


def load() -> str:
    """Processes that wanted a core in the last minute, the bench's own among them."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(len(ordered) * share) - 1))]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of `work`."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak_memory() -> float:
    """The most memory in MB that this process has held, and it alone: `getrusage` counts its parent's too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000  # type: ignore[index]
