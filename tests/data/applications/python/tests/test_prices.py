from shop.prices import gross


def test_a_price_has_its_tax():
    assert gross(1000, 19) == 1190


def test_without_a_tax_the_price_stays():
    assert gross(1000, 0) == 1000
