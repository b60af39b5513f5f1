"""Argo CD over its REST API: rollouts are observed, syncs and actions asked for."""
