"""Where one can go, as data. A room adds its entries to `ENTRIES`; what a reader sees depends on the permissions held.

On a desk the entries stand on the left, by group. On a phone the bar has at most four places: home first, the full menu last,
and between them the two entries that weigh most for the reader.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from qunli.kernel.actor import Actor


@dataclass(frozen=True)
class Entry:
    """`needs`: any of these permissions, anywhere; none: everybody. `signed_in`: True only with, False only without a session."""

    label: object
    url: str
    icon: str
    group: str = "start"
    needs: tuple[str, ...] = ()
    signed_in: bool | None = None
    weight: int = 0
    """Claim to a place in the phone's bar; 0 for none."""
    short: object = ""
    """Two or three characters for the bar."""
    demonstration: bool = False
    """Only in the demonstration city."""
    counts: bool = False
    """Carries the number of unread messages."""


@dataclass(frozen=True)
class Link:
    """An entry that the reader sees, with its address."""

    entry: Entry
    href: str
    current: bool

    @property
    def short(self) -> object:
        return self.entry.short or self.entry.label


@dataclass(frozen=True)
class Group:
    key: str
    label: object
    links: list[Link]


GROUPS = {
    "start": "",
    "volunteering": _("志愿服务"),
    "cases": _("诉求与点单"),
    "hours": _("时长与证明"),
    "city": _("人员与区划"),
    "system": _("系统"),
}

ENTRIES: list[Entry] = [
    Entry(_("首页"), "web:home", "house", weight=100),
    Entry(_("找活动"), "volunteering:activities", "search", "volunteering", weight=60, short=pgettext_lazy("navigation", "活动")),
    Entry(
        _("我的报名"),
        "volunteering:mine",
        "calendar-check",
        "volunteering",
        signed_in=True,
        weight=50,
        short=pgettext_lazy("navigation", "报名"),
    ),
    Entry(_("为您推荐"), "volunteering:matches", "heart-handshake", "volunteering", signed_in=True),
    Entry(_("匹配方案"), "volunteering:plans", "network", "volunteering", needs=("volunteering.assign",)),
    Entry(_("志愿队伍"), "volunteering:teams", "users", "volunteering", weight=20),
    Entry(
        _("我带的队伍"), "volunteering:led", "flag", "volunteering", needs=("volunteering.lead_team",), weight=90, short=_("带队")
    ),
    Entry(_("群众点单"), "volunteering:requests", "hand-heart", "cases", signed_in=True, weight=52, short=_("点单")),
    Entry(_("我的诉求"), "cases:mine", "message-circle", "cases", signed_in=True),
    Entry(
        _("诉求办理"),
        "cases:queue",
        "clipboard-list",
        "cases",
        needs=("cases.dispatch", "cases.handle"),
        weight=82,
        short=_("诉求"),
    ),
    Entry(_("诉求三率"), "cases:rates", "activity", "cases", needs=("cases.see",)),
    Entry(
        _("待审批"),
        "volunteering:queue",
        "clipboard-check",
        "volunteering",
        needs=("volunteering.approve_activity", "volunteering.approve_team"),
        weight=85,
        short=_("审批"),
    ),
    Entry(_("志愿者名册"), "volunteering:volunteers", "users", "volunteering", needs=("volunteering.view_volunteers",)),
    Entry(_("志愿者档案"), "volunteering:me", "user", "volunteering", signed_in=True),
    Entry(_("今天的活动"), "service_hours:days", "calendar-days", "hours", signed_in=True, weight=55, short=_("签到")),
    Entry(_("我的时长"), "service_hours:records", "clock", "hours", signed_in=True, weight=40, short=_("时长")),
    Entry(
        _("待办服务记录"),
        "service_hours:queue",
        "clipboard-list",
        "hours",
        needs=("service_hours.record", "service_hours.verify"),
        weight=80,
        short=_("记录"),
    ),
    Entry(_("到期清单"), "service_hours:due", "hourglass", "hours", needs=("service_hours.record", "service_hours.verify")),
    Entry(_("队伍按期情况"), "service_hours:due_teams", "activity", "hours", needs=("service_hours.see",)),
    Entry(_("时长疑点"), "service_hours:findings", "shield", "hours", needs=("service_hours.inspect", "service_hours.judge")),
    Entry(
        _("抽查"), "service_hours:sampling", "clipboard-check", "hours", needs=("service_hours.sample", "service_hours.spot_check")
    ),
    Entry(_("我的星级"), "service_hours:stars", "star", "hours", signed_in=True),
    Entry(
        _("星级评定"),
        "service_hours:star_proposals",
        "star",
        "hours",
        needs=("service_hours.grant_star", "service_hours.grant_city_star"),
    ),
    Entry(_("抽查结果"), "service_hours:published", "activity", "hours"),
    Entry(_("我的证明"), "service_hours:certificates", "award", "hours", signed_in=True),
    Entry(_("核验证明"), "service_hours:verify", "badge-check", "hours", weight=30, short=_("核验")),
    Entry(_("消息"), "notices:list", "bell", "start", signed_in=True, counts=True),
    Entry(_("我的资料"), "people:me", "id-card", "start", signed_in=True),
    Entry(_("人员"), "people:search", "user-search", "city", needs=("people.see",), weight=45),
    Entry(_("行政区划"), "divisions:browse", "map", "city"),
    Entry(_("规则"), "rules:list", "scale", "city", needs=("rules.read",)),
    Entry(_("审计日志"), "audit:events", "scroll-text", "city", needs=("audit.search",), weight=90, short=_("审计")),
    Entry(_("任职与权限"), "access:postings", "key-round", "city", needs=("access.view_postings",)),
    Entry(_("角色说明"), "access:roles", "shield", "city", signed_in=True),
    Entry(_("我的账号"), "accounts:settings", "settings", "system", signed_in=True),
    Entry(_("开放接口"), "api:openapi-view", "file-check", "system", signed_in=True),
    Entry(_("演示短信收件箱"), "accounts:inbox", "inbox", "system", demonstration=True),
    Entry(_("组件"), "web:gallery", "layout-grid", "system", demonstration=True),
    Entry(_("全部功能"), "web:menu", "layout-grid", weight=1, short=_("全部")),
]


def visible(actor: Actor, signed_in: bool) -> list[Entry]:
    return [
        entry
        for entry in ENTRIES
        if entry.signed_in in (None, signed_in)
        and (not entry.demonstration or settings.DEMO)
        and (not entry.needs or any(actor.has(permission) for permission in entry.needs))
    ]


class Menu:
    """The navigation of one reader on one page. `key` says all that it depends on, so that what was drawn of it can be kept."""

    def __init__(self, actor: Actor, signed_in: bool, path: str) -> None:
        self.entries = [entry for entry in visible(actor, signed_in) if where(entry.url)]
        hrefs = [where(entry.url) for entry in self.entries]
        matching = [href for href in hrefs if path == href or (href != "/" and path.startswith(href))]
        self.current = max(matching, key=len, default="")
        """The entry whose address is the longest beginning of the path."""
        self.key = " ".join([*hrefs, self.current])

    def groups(self) -> list[Group]:
        """Groups with their links; the menu itself is left out, since this is it."""
        links = self._links(entry for entry in self.entries if entry.url != "web:menu")
        found = [Group(key, label, [link for link in links if link.entry.group == key]) for key, label in GROUPS.items()]
        return [group for group in found if group.links]

    def bar(self) -> list[Link]:
        """At most four: home, the two heaviest, the menu."""
        ends = {"web:home", "web:menu"}
        middle = sorted((e for e in self.entries if e.weight and e.url not in ends), key=lambda e: -e.weight)[:2]
        home = [e for e in self.entries if e.url == "web:home"]
        menu = [e for e in self.entries if e.url == "web:menu"]
        return self._links([*home, *middle, *menu])

    def _links(self, entries: Iterable[Entry]) -> list[Link]:
        return [Link(entry, href, href == self.current) for entry in entries if (href := where(entry.url))]


@lru_cache(maxsize=256)
def where(name: str) -> str:
    """The address of a page; nothing while its room is not installed."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
