"""The shop's catalogue, served over HTTP."""
