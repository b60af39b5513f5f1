"""The sample application's files, and small changes to them that scenarios push: paths to texts."""

from pathlib import Path

_SHOP = Path(__file__).parent / "samples" / "shop-api"
_CATALOGUE, _CATALOGUE_TEST, _PRICES = "shop_api/catalogue.py", "tests/test_catalogue.py", "shop_api/prices.py"
_LAST_PRODUCT = '    Product("pot-small", "Small teapot", 1999),\n'
_GROSS = "    gross = Decimal(net_cents) * (100 + tax_percent) / 100\n"
_GROSS_ROUNDED_DOWN = "    gross = Decimal(net_cents * (100 + tax_percent) // 100)\n"
_UNSAFE = """

def as_printed(sku: str) -> bytes:
    import subprocess

    return subprocess.check_output("printf " + sku, shell=True)
"""
_LEFT_BY_TOOLS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".scannerwork", ".coverage", "build", "reports"}


def sample_files() -> dict[str, str]:
    """Everything that belongs to the sample application, without what running its tools leaves behind."""
    files = {path.relative_to(_SHOP): path for path in sorted(_SHOP.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): path.read_text() for name, path in files.items() if not _LEFT_BY_TOOLS.intersection(name.parts)
    }


def good_change(number: int) -> dict[str, str]:
    """Offers `number` more products than the sample, each with a test; so 1, 2, 3 are changes after one another."""
    numbers = range(1, number + 1)
    products = "".join(f'    Product("cup-{one}", "Tea cup no. {one}", {1000 + one}),\n' for one in numbers)
    tests = "".join(_cup_test(one) for one in numbers)
    return {
        _CATALOGUE: _replaced(_text(_CATALOGUE), _LAST_PRODUCT, _LAST_PRODUCT + products),
        _CATALOGUE_TEST: _text(_CATALOGUE_TEST) + tests,
    }


def _cup_test(number: int) -> str:
    return f"""

def test_tea_cup_{number}_is_on_offer() -> None:
    product = find_product("cup-{number}")
    assert product is not None
    assert product.net_cents == {1000 + number}
"""


def unsafe_change(number: int) -> dict[str, str]:
    """A good change, and a function that passes text to a shell: a finding, and lines that no test runs."""
    good = good_change(number)
    return good | {_CATALOGUE: good[_CATALOGUE] + _UNSAFE}


def broken_tests() -> dict[str, str]:
    """A simpler price calculation, which rounds down: the linter has nothing against it, a test has."""
    return {_PRICES: _replaced(_text(_PRICES), _GROSS, _GROSS_ROUNDED_DOWN)}


def _text(path: str) -> str:
    return (_SHOP / path).read_text()


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the sample has changed: {old!r} has to be there exactly once")
    return text.replace(old, new)
