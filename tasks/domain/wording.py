"""Small things that many sentences are made of."""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 gate`, `2 gates`, `3 vulnerabilities`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def lasting(seconds: int) -> str:
    """`40 s`, `5 min`, `1 h 30 min`, `3 d 2 h`: the two largest units that are not zero."""
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            parts.append(f"{seconds // size} {unit}")
            seconds %= size
    return " ".join(parts[:2]) or "0 s"
