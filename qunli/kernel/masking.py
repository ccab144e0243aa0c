"""Personal data as it is shown by default: enough to recognise one's own, too little to find somebody."""


def mask_name(name: str) -> str:
    """王小明 -> 王**; 阿依古丽·买买提 -> 阿***·***; John Smith -> J*** S****."""
    if " " in name:
        return " ".join(part[:1] + "*" * (len(part) - 1) for part in name.split(" "))
    return name[:1] + "".join(letter if letter == "·" else "*" for letter in name[1:])


def mask_phone(phone: str) -> str:
    """+8613800138000 -> 138****8000; +85251234567 -> +852****4567."""
    phone = phone.removeprefix("+86")
    if len(phone) < 8:
        return "*" * len(phone)
    head = phone[:4] if phone.startswith("+") else phone[:3]
    return f"{head}{'*' * (len(phone) - len(head) - 4)}{phone[-4:]}"


def mask_id_number(number: str) -> str:
    """51010419900101001X -> 510*************1X. Neither the birth date nor the full sequence shows."""
    if len(number) < 7:
        return "*" * len(number)
    head, tail = (3, 2) if len(number) >= 15 else (1, 2)
    return number[:head] + "*" * (len(number) - head - tail) + number[-tail:]


def mask_email(email: str) -> str:
    """someone@example.org -> s***@example.org; the length of the name stays hidden."""
    name, at, host = email.partition("@")
    return f"{name[:1]}***{at}{host}"
