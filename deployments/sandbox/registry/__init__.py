"""The sandbox's container registry, and a test double for any other: the OCI distribution specification 1.1.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md is the outside rule that all of it follows.
"""
