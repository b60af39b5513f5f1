"""Other flow runs on the Prefect server."""
