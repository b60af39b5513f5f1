"""The application's own repository: checkouts, the mainline, baselines."""
