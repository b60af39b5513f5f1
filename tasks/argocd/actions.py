"""Looks at Argo Rollouts that pause and lets them go on, through Argo CD: no access to the cluster is needed.

https://argo-cd.readthedocs.io/en/stable/operator-manual/resource_actions/
"""

import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.argocd import ArgoCDServer
from tasks.argocd.api import ApplicationApi
from tasks.domain.argocd.rollouts import find_rollouts, read_rollout, resource_of
from tasks.domain.delivery.rollout import ArgoCDTarget
from tasks.domain.errors import Unreachable
from tasks.domain.rollout.progressive import Action, ProgressiveRollout
from tasks.retry import outside_task


@outside_task("look at the Rollouts of {target.application}")
def read_rollouts(server: ArgoCDServer, target: ArgoCDTarget) -> tuple[ProgressiveRollout, ...]:
    """Every Argo Rollout that the application manages, as it is now.

    Raises AccessRefused, ConfigurationError and Unreachable.
    """
    with server.get_client() as client:
        application = ApplicationApi(client, server.url, target)
        return tuple(read_rollout(application.live(each)) for each in find_rollouts(application.read()))


@outside_task("{action} {rollout.name}")
def run_action(server: ArgoCDServer, target: ArgoCDTarget, rollout: ProgressiveRollout, action: Action) -> bool:
    """Run the action where the Rollout still stands where it was looked at; False where it has moved on since.

    So a second call does not resume the next pause. Raises AccessRefused where the token lacks the action's right,
    ConfigurationError and Unreachable.
    """
    resource = resource_of(rollout.namespace, rollout.name)
    with server.get_client() as client:
        application = ApplicationApi(client, server.url, target)
        now = read_rollout(application.live(resource))
        # An abort is still wanted where the pause has ended by itself meanwhile.
        is_late = now.template == now.stable or now.template != rollout.template
        if is_late or (action != "abort" and now.pause != rollout.pause):
            return False
        application.act(resource, action)
        return True


@task(task_run_name="wait while {rollout.name} pauses", cache_policy=NO_CACHE)
def wait_while_paused(
    server: ArgoCDServer, target: ArgoCDTarget, rollout: ProgressiveRollout, *, seconds: float, poll_seconds: float
) -> bool:
    """Until this very pause is over, True; False where it lasts longer than `seconds`."""
    deadline = time.monotonic() + seconds
    with server.get_client() as client:
        application = ApplicationApi(client, server.url, target)
        while time.monotonic() < deadline:
            if not _is_still(application, rollout):
                return True
            time.sleep(poll_seconds)
    return False


def _is_still(application: ApplicationApi, rollout: ProgressiveRollout) -> bool:
    try:
        now = read_rollout(application.live(resource_of(rollout.namespace, rollout.name)))
    except Unreachable:
        # Silence is no news; the time limit ends it.
        return True
    return now.is_paused and now.pause == rollout.pause
