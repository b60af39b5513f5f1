"""What the shop sells can be found, at the price that a customer pays."""

from shop_api.catalogue import PRODUCTS, find_product


def test_a_product_is_found_by_its_article_number() -> None:
    product = find_product("pot-small")
    assert product is not None
    assert product.as_json() == {"sku": "pot-small", "name": "Small teapot", "price": "23.79"}


def test_an_unknown_article_number_finds_nothing() -> None:
    assert find_product("coffee") is None


def test_article_numbers_are_unique() -> None:
    numbers = [product.sku for product in PRODUCTS]
    assert len(numbers) == len(set(numbers))
