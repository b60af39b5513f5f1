"""What things cost."""


def gross(net: int, percent: int) -> int:
    """The price with its tax, in cents."""
    if percent < 0:
        raise ValueError("a tax is not negative")
    return net + net * percent // 100
