"""What a division's code says. 12 digits: GB/T 2260 (6), street (3), committee (3); a city's own codes carry letters."""

from qunli.divisions.enums import Kind, Level


def level_of(code: str) -> Level:
    """The level of a code by its trailing zeros."""
    if code[9:] != "000":
        return Level.COMMUNITY
    if code[6:9] != "000":
        return Level.STREET
    return Level.CITY if code[4:6] == "00" else Level.DISTRICT


def kind_of(code: str, name: str = "") -> Kind:
    """The kind by the code's segment: GB/T 2260 for districts, GB/T 10114 for streets, the NBS for committees.

    Segments that the rules leave open go by the name.
    """
    level = level_of(code)
    if level == Level.CITY:
        return Kind.CITY
    if not code.isdigit():
        return Kind.MANAGEMENT_AREA
    if level == Level.DISTRICT:
        segment = int(code[4:6])
        return Kind.DISTRICT if segment <= 20 or 51 <= segment <= 80 else Kind.COUNTY if segment <= 50 else Kind.COUNTY_CITY
    if level == Level.STREET:
        segment = int(code[6:9])
        if segment < 100:
            return Kind.STREET
        return Kind.TOWN if segment < 200 else Kind.TOWNSHIP if segment < 400 else Kind.STREET
    segment = int(code[9:])
    if segment < 200:
        return Kind.RESIDENTS
    if segment < 400:
        return Kind.VILLAGERS
    return Kind.VILLAGERS if name.endswith("村") else Kind.RESIDENTS


def parent_code(code: str) -> str | None:
    """The code above; None above the city."""
    match level_of(code):
        case Level.COMMUNITY:
            return code[:9] + "000"
        case Level.STREET:
            return code[:6] + "000000"
        case Level.DISTRICT:
            return code[:4] + "00000000"
        case _:
            return None
