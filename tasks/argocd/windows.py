"""Looks at the sync windows of an application: whether Argo CD would keep a change back now, and until when."""

from blocks.argocd import ArgoCDServer
from tasks.argocd.api import ApplicationApi
from tasks.domain.argocd.answers import read_status
from tasks.domain.delivery.rollout import ArgoCDTarget
from tasks.domain.rollout.sync_window import ClosedWindow
from tasks.retry import outside_task


@outside_task("sync windows of {target.application}")
def read_closed_window(server: ArgoCDServer, target: ArgoCDTarget) -> ClosedWindow | None:
    """What keeps a change of the application back now, or of the parent that applies it; None where nothing does.

    Raises AccessRefused, ConfigurationError and Unreachable.
    """
    with server.get_client() as client:
        application = ApplicationApi(client, server.url, target)
        return _of(application.parent) or _of(application)


def _of(application: ApplicationApi | None) -> ClosedWindow | None:
    if application is None:
        return None
    status = read_status(application.read(), source=0)
    return application.closed_window(auto_sync=status.auto_sync)
