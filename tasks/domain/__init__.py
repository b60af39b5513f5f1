"""What is true: the rules of delivery as pure Python, with no Prefect, no network, no clock and no environment."""
