"""Counts the pods of ReplicaSets."""

from deployments.sandbox.cluster.deployment import Replicas, replicas_of
from deployments.sandbox.cluster.deployment_status import Pods
from deployments.sandbox.cluster.pod_status import is_active, is_ready
from deployments.sandbox.cluster.state import Object, is_owned_by


def replicas_in(replica_set: Object, pods: list[Object]) -> Replicas:
    """One ReplicaSet by its numbers."""
    ready = sum(is_ready(pod) for pod in pods if is_owned_by(pod, replica_set))
    return Replicas(replica_set["metadata"]["name"], replicas_of(replica_set), ready)


def count_pods(newest: Object, all_: list[Object], pods: list[Object]) -> Pods:
    """The pods that are not about to end, of all ReplicaSets and of the newest one."""
    mine = [pod for pod in pods if is_active(pod) and any(is_owned_by(pod, each) for each in all_)]
    updated = [pod for pod in mine if is_owned_by(pod, newest)]
    return Pods(len(mine), len(updated), sum(map(is_ready, mine)), sum(map(is_ready, updated)))
