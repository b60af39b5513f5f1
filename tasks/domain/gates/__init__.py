"""Quality gates: what tools reported, decided under the policy."""
