"""Rebuilds the mainline of every application with fresh base layers; what differs goes to the first environment."""

from prefect import State, flow, get_run_logger
from prefect.states import Completed, Failed

from blocks.github import GitHub
from flows.integrate import integrate
from flows.integration.amazon_ecr import keep_images
from flows.places.loading import load_block
from tasks.artifacts import report_table
from tasks.delivery import read_delivery
from tasks.domain.delivery.application import Application
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.source.checkout import head_of


@flow(name="nightly")
def nightly() -> State:
    """Integrate the head of every application again, one after another; one that fails does not stop the others."""
    delivery = read_delivery()
    rows = [
        {"application": name, "outcome": state.name or "", "what": _sentence(state)}
        for name, app in delivery.applications.items()
        for state in (_rebuild(name, app),)
    ]
    bad = [row["application"] for row in rows if row["outcome"] not in {"Integrated"}]
    sentence = f"{len(rows) - len(bad)} of {len(rows)} applications were rebuilt"
    report_table("nightly", rows, sentence)
    # After the builds, so that what is new is there; a policy that cannot be put is an error of the run.
    for name, app in delivery.applications.items():
        if kept := keep_images(delivery, name, app):
            get_run_logger().info("%s", kept)
    if bad:
        return Failed(message=f"{sentence}; look at {', '.join(bad)}")
    return Completed(message=sentence)


def _rebuild(name: str, app: Application) -> State:
    try:
        github = load_block(GitHub, app.github)
    except ConfigurationError as error:
        return Failed(message=str(error))
    head = head_of(github, app.repository, app.branch, return_state=True)
    if not head.is_completed():
        return head
    return integrate(name, head.result(), fresh=True, return_state=True)


def _sentence(state: State) -> str:
    # The engine keeps the exception itself or a result record around it; its own message names the class as well.
    error = getattr(state.data, "result", state.data)
    return str(error) if isinstance(error, DeliveryError) else state.message or ""
