"""Receives GitHub's webhooks and starts integrate runs: whoever holds the secret may ask, and nothing else is trusted.

A delivery is answered with 2xx only when its run is in Prefect's database, for GitHub never repeats a delivery by
itself. Writing it takes some 15 ms on an open connection, so there is no queue in between that could lose it; where
Prefect does not answer in time, GitHub gets a 503, lists the delivery as failed, and it can be redelivered. The run's
idempotency key is made from the delivery's id, which a redelivery repeats: it finds the run instead of making a second
one, also after a restart and with several receivers.

SonarQube's webhooks come here too, where they have a secret (deployments.webhook.analysed); these may be lost.
"""

from deployments.webhook.receiver import create_app

__all__ = ["create_app"]
