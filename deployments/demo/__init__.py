"""`make demo`: the whole way in the sandbox, against a real Prefect server and worker, told on one screen."""
