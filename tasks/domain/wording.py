"""Small things that many sentences are made of."""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 gate`, `2 gates`, `3 vulnerabilities`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
