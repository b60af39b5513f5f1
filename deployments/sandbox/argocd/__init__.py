"""Argo CD's stand-in: real desired state from git, real loops, and the REST API that a delivery pipeline reads.

`state.ArgoCDState` reconciles, `protocol.create_app` speaks. Where versions of Argo CD differ, this is
3.5. It has no kustomize, no plugins and no charts from a registry: an Application that needs one has a ComparisonError,
never a guess. Hooks run as Jobs where the cluster has Jobs. Sync waves only order what is applied; an operation does
not wait between them.
"""
