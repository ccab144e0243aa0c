"""The real tree of Chengdu: loaded once, loaded again, found, changed."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from shapely.geometry import Point, shape  # type: ignore[import-untyped]

from qunli.divisions import placing, selectors, services
from qunli.divisions.codes import kind_of, level_of, parent_code
from qunli.divisions.enums import ChangeKind, Kind, Level
from qunli.divisions.loading import COLUMNS, read
from qunli.divisions.management.commands.extract_divisions import division_name
from qunli.divisions.management.commands.load_divisions import DEFAULT
from qunli.divisions.models import AreaMember, Border, Division
from qunli.divisions.services import Opening
from qunli.kernel.actor import NOBODY, SYSTEM
from qunli.kernel.errors import Denied, Refused
from tests import factories

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 24)


@pytest.fixture(autouse=True)
def fresh_tree() -> Iterator[None]:
    selectors.forget()
    yield
    selectors.forget()


class TestTree:
    def test_it_is_the_city(self) -> None:
        levels = Counter(Division.objects.exclude(kind=Kind.MANAGEMENT_AREA).values_list("level", flat=True))
        assert levels == {Level.CITY: 1, Level.DISTRICT: 20, Level.STREET: 261, Level.COMMUNITY: 3047}
        kinds = Counter(Division.objects.values_list("kind", flat=True))
        assert (kinds["residents"], kinds["villagers"], kinds["management_area"]) == (1753, 1294, 3)
        assert (kinds["district"], kinds["county"], kinds["county_city"]) == (12, 3, 5)
        assert selectors.city().name == "成都市"
        assert selectors.by_code("510104000000").name == "锦江区"

    def test_every_path_is_that_of_its_parents(self) -> None:
        for path, code, parent in Division.objects.exclude(parent=None).values_list("path", "code", "parent__path"):
            assert path == f"{parent}{code}/"

    def test_names_are_those_of_divisions_not_of_committees(self) -> None:
        assert (
            not Division.objects.filter(name__contains="委").filter(level=Level.COMMUNITY).exclude(name__contains="大委").exists()
        )
        assert division_name("水井坊社区居委会", Kind.RESIDENTS) == "水井坊社区"
        assert division_name("跳蹬村委会", Kind.VILLAGERS) == "跳蹬村"
        assert division_name("百花社区村民委员会", Kind.VILLAGERS) == "百花社区"

    def test_districts_have_valid_borders_and_points_lie_inside(self) -> None:
        borders = {border.division.code[:6]: shape(border.geometry) for border in Border.objects.select_related("division")}
        assert len(borders) == 20
        assert all(border.is_valid for border in borders.values())
        for code, lng, lat in Division.objects.exclude(kind=Kind.MANAGEMENT_AREA).values_list("code", "longitude", "latitude"):
            if lng is not None:
                assert borders[code[:6]].distance(Point(lng, lat)) < 1e-4, code  # five decimals: a metre
        assert not Division.objects.filter(level__gte=Level.STREET, approximate=False).exists()
        assert not Division.objects.filter(level=Level.DISTRICT, approximate=True).exclude(kind=Kind.MANAGEMENT_AREA).exists()

    def test_points_are_the_same_each_time(self) -> None:
        codes = list(Division.objects.filter(code__startswith="510104").values_list("code", flat=True))
        assert placing.place(codes) == placing.place(reversed(codes))


class TestCodes:
    @pytest.mark.parametrize(
        ("code", "level", "kind", "parent"),
        [
            ("510100000000", Level.CITY, Kind.CITY, None),
            ("510104000000", Level.DISTRICT, Kind.DISTRICT, "510100000000"),
            ("510121000000", Level.DISTRICT, Kind.COUNTY, "510100000000"),
            ("510181000000", Level.DISTRICT, Kind.COUNTY_CITY, "510100000000"),
            ("5101G1000000", Level.DISTRICT, Kind.MANAGEMENT_AREA, "510100000000"),
            ("510104017000", Level.STREET, Kind.STREET, "510104000000"),
            ("510121101000", Level.STREET, Kind.TOWN, "510121000000"),
            ("510121201000", Level.STREET, Kind.TOWNSHIP, "510121000000"),
            ("510104017001", Level.COMMUNITY, Kind.RESIDENTS, "510104017000"),
            ("510121101201", Level.COMMUNITY, Kind.VILLAGERS, "510121101000"),
        ],
    )
    def test_what_a_code_says(self, code: str, level: Level, kind: Kind, parent: str | None) -> None:
        assert (level_of(code), kind_of(code), parent_code(code)) == (level, kind, parent)


class TestLoading:
    def test_a_second_time_changes_nothing(self) -> None:
        before = list(Division.objects.order_by("id").values())
        report = services.load(DEFAULT, by=SYSTEM)
        assert (report.created, report.changed, report.errors) == (0, 0, [])
        assert list(Division.objects.order_by("id").values()) == before

    def test_a_corrected_name_and_point_are_taken_over(self, tmp_path: Path) -> None:
        rows = list(csv.reader(DEFAULT.read_text("utf-8").splitlines()))
        where = next(n for n, row in enumerate(rows) if row[0] == "510104017001")
        rows[where][COLUMNS.index("name")] = "新水井坊社区"
        rows[where][COLUMNS.index("longitude")] = "104.08"
        file = write(tmp_path, rows)
        assert services.load(file, by=SYSTEM).changed == 1
        changed = selectors.by_code("510104017001")
        assert (changed.name, changed.longitude, changed.pinyin) == ("新水井坊社区", 104.08, "xinshuijingfangshequ")

    def test_another_city(self, tmp_path: Path) -> None:
        rows = [
            [*COLUMNS],
            ["320100000000", "南京市", "", "", "", "", "", "", "2026-01-01", ""],
            ["320102000000", "玄武区", "", "", "", "", "", "", "2026-01-01", ""],
            ["320102002000", "梅园新村街道", "", "", "", "", "", "", "2026-01-01", ""],
            ["320102002001", "梅园社区", "", "", "118.79", "32.04", "", "5000", "2026-01-01", ""],
        ]
        report = services.load(write(tmp_path, rows), by=SYSTEM)
        assert report.created == 4
        assert Division.objects.get(code="320102002001").path == "320100000000/320102000000/320102002000/320102002001/"
        assert Border.objects.filter(division__code="320102000000").exists()

    @pytest.mark.parametrize(
        ("line", "field"),
        [
            (["51010", "短", "", "", "", "", "", "", "2026-01-01", ""], "code"),
            (["510199000000", "", "", "", "", "", "", "", "2026-01-01", ""], "name"),
            (["510199000000", "长" * 61, "", "", "", "", "", "", "2026-01-01", ""], "name"),
            (["510199000000", "区", "planet", "", "", "", "", "", "2026-01-01", ""], "kind"),
            (["510199000000", "区", "", "", "east", "30", "", "", "2026-01-01", ""], "longitude"),
            (["510199000000", "区", "", "", "104", "", "", "", "2026-01-01", ""], "longitude"),
            (["510199000000", "区", "", "", "10", "30", "", "", "2026-01-01", ""], "longitude"),
            (["510199000000", "区", "", "", "", "", "", "", "yesterday", ""], "valid_from"),
            (["510199000000", "区", "", "", "", "", "", "", "", ""], "valid_from"),
            (["510199000000", "区", "", "", "", "", "", "", "2026-01-01", "2025-01-01"], "valid_to"),
            (["519999000000", "区", "", "", "", "", "", "", "2026-01-01", ""], "parent"),
            (["510104000000", "锦江区", "", "", "", "", "", "", "2026-01-01", ""], "code"),
        ],
    )
    def test_a_mistake_is_named_by_line_and_field_and_nothing_is_written(self, tmp_path: Path, line: list[str], field: str) -> None:
        rows = [*csv.reader(DEFAULT.read_text("utf-8").splitlines()), line]
        before = Division.objects.count()
        file = write(tmp_path, rows)
        errors = services.load(file, by=SYSTEM).errors
        assert [(error.line, error.field) for error in errors] == [(len(rows), field)]
        assert str(len(rows)) in str(errors[0])
        assert Division.objects.count() == before
        with pytest.raises(CommandError, match="nothing was loaded"):
            call_command("load_divisions", file)

    def test_what_is_no_such_file(self, tmp_path: Path) -> None:
        assert read(tmp_path / "none.csv").errors[0].field == "file"
        gbk = tmp_path / "gbk.csv"
        gbk.write_bytes("code,name,valid_from\n510100000000,成都市,2026-01-01\n".encode("gbk"))
        assert read(gbk).errors[0].field == "file"
        assert read(write(tmp_path, [["a", "b"], ["1", "2"]])).errors[0].field == "columns"
        assert read(write(tmp_path, [["code", "name", "valid_from"], ["510104000000", "锦江区", "2026-01-01"]])).errors


def write(folder: Path, rows: list[list[str]]) -> Path:
    file = folder / "city.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    return file


class TestFinding:
    @pytest.mark.parametrize(
        ("words", "name"),
        [
            ("锦江区", "锦江区"),
            ("锦江", "锦江区"),
            ("jinjiangqu", "锦江区"),
            ("JJQ", "锦江区"),
            ("510104000000", "锦江区"),
            ("水井坊", "水井坊社区"),
            ("shuijingfang", "水井坊社区"),
            ("sjfsq", "水井坊社区"),
            ("锦江 水井", "水井坊社区"),
            ("jinjiang sjf", "水井坊社区"),
        ],
    )
    def test_by_name_pinyin_initials_and_code(self, words: str, name: str) -> None:
        assert selectors.find(words)[0].name == name

    def test_what_is_not_there_is_not_found(self) -> None:
        for words in ("", " ", "不存在的地方", "zzzzz", "青羊 水井坊"):
            assert selectors.find(words) == [], words

    def test_within_a_level_and_a_range(self) -> None:
        district = selectors.by_code("510105000000")
        assert {node.level for node in selectors.find("青", level=Level.STREET)} == {Level.STREET}
        assert all(node.path.startswith(district.path) for node in selectors.find("社区", within_path=district.path))

    def test_ranges(self) -> None:
        one, two = selectors.by_code("510104000000"), factories.division(Level.STREET, factories.OTHER_DISTRICT)
        found = Division.objects.filter(selectors.within([one.path, two.path], field=""))
        assert {d.path.startswith((one.path, two.path)) for d in found} == {True}
        assert not Division.objects.filter(selectors.within([], field="")).exists()
        assert Division.objects.filter(selectors.within([""], field="")).count() == Division.objects.count()

    def test_a_management_area_reaches_its_streets_while_it_runs_them(self) -> None:
        area = selectors.by_code("5101G1000000")
        ranges = selectors.ranges_of(area, TODAY)
        assert area.path in ranges
        assert selectors.by_code("510107063000").path in ranges
        assert len(ranges) == 8
        AreaMember.objects.filter(area=area, division__code="510107063000").update(valid_to=date(2025, 1, 1))
        assert selectors.by_code("510107063000").path not in selectors.ranges_of(area, TODAY)
        assert selectors.area_of(selectors.by_code("510107064000").pk).code == area.code  # type: ignore[union-attr]


class TestChanges:
    def change(self, kind: ChangeKind, before: list[str], after: list[tuple[str, str]], **other: Any) -> Any:
        return services.change(
            kind=kind,
            before=[selectors.by_code(code) for code in before],
            after=[Opening(code, name, other.get("parent")) for code, name in after],
            on=other.get("on", TODAY),
            document="成府函〔2026〕1号",
            by=other.get("by", SYSTEM),
        )

    def test_a_merger_moves_what_is_below_and_keeps_the_officer_s_reach(self) -> None:
        one, two = factories.division(Level.STREET), factories.division(Level.STREET, nth=1)
        below = Division.objects.filter(parent__in=[one, two], valid_to=None).count()
        self.change(ChangeKind.MERGE, [one.code, two.code], [("510104098000", "锦华街道")])
        merged = selectors.by_code("510104098000")
        assert merged.children.count() == below
        assert all(d.path == f"{merged.path}{d.code}/" for d in merged.children.all())
        one.refresh_from_db()
        assert one.valid_to == TODAY
        assert selectors.successors(one, TODAY) == [merged]
        assert selectors.successors(one, TODAY - timedelta(days=1)) == [one]
        assert set(selectors.ranges_of(merged, TODAY)) == {merged.path, one.path, two.path}
        assert selectors.find("锦华街道")[0].id == merged.pk
        assert one.code not in selectors.tree().by_code
        assert Division.objects.on(TODAY - timedelta(days=1)).filter(pk=one.pk).exists()

    def test_a_split_has_two_successors_and_widens_nobody_s_reach(self) -> None:
        old = selectors.by_code("510104017001")
        self.change(ChangeKind.SPLIT, [old.code], [("510104017098", "水井坊东社区"), ("510104017099", "水井坊西社区")])
        old.refresh_from_db()
        parts = selectors.successors(old, TODAY)
        assert [d.name for d in parts] == ["水井坊东社区", "水井坊西社区"]
        assert selectors.ranges_of(parts[0], TODAY) == (parts[0].path,)

    def test_a_renaming_keeps_the_code_and_a_transfer_takes_the_subtree_along(self) -> None:
        self.change(ChangeKind.RENAME, ["510104017000"], [("510104017000", "新锦官驿街道")])
        street = selectors.by_code("510104017000")
        assert street.children.exists()
        assert Division.objects.filter(code="510104017000").count() == 2
        target = selectors.by_code("510105000000")
        self.change(
            ChangeKind.TRANSFER, ["510104017000"], [("510105097000", "锦官驿街道")], parent=target, on=TODAY + timedelta(days=1)
        )
        moved = Division.objects.get(code="510105097000")
        assert moved.path.startswith(target.path)
        assert all(d.path.startswith(moved.path) for d in moved.children.all())
        first = Division.objects.filter(code="510104017000").order_by("valid_from")[0]
        assert selectors.successors(first, TODAY + timedelta(days=2)) == [moved]

    @pytest.mark.parametrize(
        ("kind", "before", "after", "code"),
        [
            (ChangeKind.SPLIT, ["510104017001"], [("510104017098", "甲")], "numbers"),
            (ChangeKind.MERGE, ["510104017001"], [("510104017098", "甲")], "numbers"),
            (ChangeKind.RENAME, ["510104017001", "510104017002"], [("510104017098", "甲")], "numbers"),
            (ChangeKind.RENAME, [], [("510104017098", "甲")], "empty"),
            (ChangeKind.MERGE, ["510104017001", "510104017000"], [("510104017098", "甲")], "level"),
            (ChangeKind.RENAME, ["510104017001"], [("510104098000", "甲")], "level"),
            (ChangeKind.RENAME, ["510104017001"], [("510104017002", "甲")], "code"),
        ],
    )
    def test_what_cannot_be_is_refused(self, kind: ChangeKind, before: list[str], after: list[tuple[str, str]], code: str) -> None:
        count = Division.objects.count()
        with pytest.raises(Refused) as refusal:
            self.change(kind, before, after)
        assert refusal.value.code == code
        assert Division.objects.count() == count

    def test_a_date_before_the_beginning_and_an_actor_without_the_right(self) -> None:
        with pytest.raises(Refused):
            self.change(ChangeKind.RENAME, ["510104017001"], [("510104017001", "甲社区")], on=date(2000, 1, 1))
        with pytest.raises(Denied):
            self.change(ChangeKind.RENAME, ["510104017001"], [("510104017001", "甲社区")], by=NOBODY)


class TestPages:
    def test_browsing_is_public(self, client: Any) -> None:
        page = client.get(reverse("divisions:browse")).content.decode()
        assert "20 个区（市）县，261 个街道（镇），3047 个社区（村）" in page
        assert "成都高新区" in page
        found = client.get(reverse("divisions:browse"), {"q": "sjf"}).content.decode()
        assert "锦江区锦官驿街道水井坊社区" in found
        for code in ("510104000000", "510104017000", "510104017001", "5101G1000000"):
            assert client.get(reverse("divisions:detail", args=[code])).status_code == 200
        assert client.get(reverse("divisions:detail", args=["000000000000"])).status_code == 404

    def test_children_and_search_as_json(self, client: Any) -> None:
        top = client.get(reverse("divisions:children")).json()["items"]
        assert [item["name"] for item in top] == ["成都市"]
        districts = client.get(reverse("divisions:children"), {"parent": top[0]["code"]}).json()["items"]
        assert len(districts) == 23
        assert client.get(reverse("divisions:children"), {"q": "水井坊"}).json()["items"][0]["full_name"].startswith("锦江区")

    def test_borders_are_cached_by_their_tag(self, client: Any) -> None:
        first = client.get(reverse("divisions:areas"))
        assert len(first.json()["features"]) == 20
        assert "max-age" in first["Cache-Control"]
        assert client.get(reverse("divisions:areas"), headers={"if-none-match": first["ETag"]}).status_code == 304

    def test_the_form_of_a_change(self, as_role: Any) -> None:
        url = reverse("divisions:change")
        assert as_role("community_worker").get(url).status_code == 403
        officer = as_role("city_officer")
        assert officer.get(url).status_code == 200
        data = {
            "kind": "rename",
            "before": "510104017001",
            "after": "510104017001 新水井坊社区",
            "on": "2026-11-24",
            "document": "成府函1号",
        }
        assert "没有现行的区划代码" in officer.post(url, data | {"before": "123"}).content.decode()
        assert "第 1 行应为" in officer.post(url, data | {"after": "新水井坊社区"}).content.decode()
        assert "新的上级" in officer.post(url, data | {"kind": "transfer"}).content.decode()
        assert "一变多" in officer.post(url, data | {"kind": "split"}).content.decode()
        assert officer.post(url, data).status_code == 302
        assert "成府函1号" in officer.get(reverse("divisions:changes")).content.decode()
        assert Division.objects.filter(name="新水井坊社区", valid_to=None).exists()

    def test_an_ended_division_names_its_successors(self, client: Any) -> None:
        TestChanges().change(ChangeKind.MERGE, ["510104017001", "510104017002"], [("510104017097", "双井社区")])
        page = client.get(reverse("divisions:detail", args=["510104017001"])).content.decode()
        assert "现已变更" in page
        assert "双井社区" in page

    def test_the_api(self, client: Any) -> None:
        assert client.get("/api/v1/divisions/", {"q": "jjq"}).json()["items"][0]["name"] == "锦江区"
        one = client.get("/api/v1/divisions/510104017001").json()
        assert (one["parent"], one["level"], one["approximate"]) == ("510104017000", 4, True)
        assert client.get("/api/v1/divisions/999999999999").status_code == 404
        assert client.get("/api/v1/divisions/abc").status_code == 422
        assert len(client.get("/api/v1/divisions/", {"parent": "510100000000"}).json()["items"]) == 23


def test_factories_stand_on_this_tree() -> None:
    assert factories.division(Level.CITY) == selectors.city()
