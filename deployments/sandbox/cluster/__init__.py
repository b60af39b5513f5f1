"""A small cluster that runs real processes and reports on them as Kubernetes would.

It knows Deployments, Argo Rollouts, ReplicaSets, Pods, Services and ConfigMaps. Images are pulled from their registry
by digest and run as processes of this machine; nothing is chrooted, limited or run as another user, so only run trusted
images.
"""

from deployments.sandbox.cluster.admission import ApiError
from deployments.sandbox.cluster.cluster import Cluster
from deployments.sandbox.cluster.faults import Faults
from deployments.sandbox.cluster.timing import Timing

__all__ = ["ApiError", "Cluster", "Faults", "Timing"]
