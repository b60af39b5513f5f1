"""Money: whole cents, so that no sum is ever off by a fraction."""

from decimal import ROUND_HALF_UP, Decimal


def with_tax(net_cents: int, tax_percent: int) -> int:
    """What a customer pays, in cents; half a cent is rounded up."""
    gross = Decimal(net_cents) * (100 + tax_percent) / 100
    return int(gross.quantize(Decimal(1), ROUND_HALF_UP))


def as_text(cents: int) -> str:
    """An amount as it is written on a price tag, such as 12.90."""
    return f"{cents // 100}.{cents % 100:02d}"
