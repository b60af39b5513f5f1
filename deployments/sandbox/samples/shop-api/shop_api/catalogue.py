"""What the shop sells."""

from dataclasses import dataclass

from shop_api.prices import as_text, with_tax


@dataclass(frozen=True)
class Product:
    """Something to buy; the price is in cents, without tax."""

    sku: str
    name: str
    net_cents: int
    tax_percent: int = 19

    def as_json(self) -> dict[str, str]:
        """The product as the API shows it, with what the customer pays."""
        price = as_text(with_tax(self.net_cents, self.tax_percent))
        return {"sku": self.sku, "name": self.name, "price": price}


PRODUCTS = (
    Product("tea-black", "Black tea, 100 g", 499, tax_percent=7),
    Product("tea-green", "Green tea, 100 g", 549, tax_percent=7),
    Product("pot-small", "Small teapot", 1999),
)


def find_product(sku: str) -> Product | None:
    """The product with this article number; None where the shop has no such thing."""
    return next((product for product in PRODUCTS if product.sku == sku), None)
