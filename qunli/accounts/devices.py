"""How a browser and its place are named in the list of sessions. Pure functions."""

from ipaddress import IPv4Address, ip_address

SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
BROWSERS = (
    ("MicroMessenger", "微信"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def describe_device(user_agent: str) -> str:
    """ "Android · 微信" from a User-Agent; "" when nothing is known. It is a hint for its owner, never a proof."""
    parts = [next((name for mark, name in table if mark in user_agent), "") for table in (SYSTEMS, BROWSERS)]
    return " · ".join(part for part in parts if part)


def mask_address(address: str | None) -> str:
    """The network part: "171.216.*.*" or "2409:8a62:*". Enough to know one's own place again, too little to follow a person."""
    if not address:
        return ""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv4Address):
        return ".".join(str(parsed).split(".")[:2]) + ".*.*"
    return ":".join(format(int(part, 16), "x") for part in parsed.exploded.split(":")[:2]) + ":*"
