"""Prices are exact to the cent."""

import pytest

from shop_api.prices import as_text, with_tax


@pytest.mark.parametrize(
    ("net", "tax", "gross"),
    [(1000, 19, 1190), (499, 7, 534), (1, 0, 1), (50, 19, 60), (50, 1, 51), (0, 19, 0)],
)
def test_tax_is_added_and_half_a_cent_rounded_up(net: int, tax: int, gross: int) -> None:
    assert with_tax(net, tax) == gross


@pytest.mark.parametrize(("cents", "text"), [(1290, "12.90"), (5, "0.05"), (100, "1.00")])
def test_a_price_is_written_with_two_decimals(cents: int, text: str) -> None:
    assert as_text(cents) == text
