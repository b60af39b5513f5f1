"""Asks the post-deploy checks of a place: after its rollout, and again before anything goes on from there."""

from blocks.prometheus import PrometheusServer
from flows.places.loading import load_block
from flows.places.place import Place
from tasks.domain.delivery.post_deploy import CommandCheck, HttpCheck, PostDeployCheck, PrometheusCheck
from tasks.domain.errors import AccessRefused, ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.verdict import Verdict, failed
from tasks.post_deploy.command import check_by_command, require_program
from tasks.post_deploy.http import check_http
from tasks.prometheus import check_metric, try_query
from tasks.run_log import run_logger


def prepare_checks(place: Place, image: ImageReference, commit: str) -> None:
    """Refuse before anything is written what could not be checked afterwards.

    Raises ConfigurationError, AccessRefused and Unreachable.
    """
    for name, check in (*place.env.post_deploy_checks.items(), *place.env.progressive.at_pause.items()):
        match check:
            case CommandCheck():
                require_program(name, check)
            case PrometheusCheck():
                try_query(name, load_block(PrometheusServer, check.server), check, facts_of(place, image, commit))


def ask_checks(place: Place, image: ImageReference, commit: str) -> list[Verdict]:
    """Every check of the place, one after another, each with its own patience."""
    return _ask(place, place.env.post_deploy_checks, facts_of(place, image, commit))


def ask_at_pause(place: Place, image: ImageReference, commit: str) -> list[Verdict]:
    """The checks for a pause of an Argo Rollout."""
    return _ask(place, place.env.progressive.at_pause, facts_of(place, image, commit))


def ask_checks_again(place: Place, image: ImageReference, commit: str) -> list[Verdict]:
    """Those that may be asked at any time, and a metric by one look: does what was verified still hold?"""
    checks = {
        name: check.model_copy(update={"for_seconds": 0}) if isinstance(check, PrometheusCheck) else check
        for name, check in place.env.post_deploy_checks.items()
        if check.again
    }
    return _ask(place, checks, facts_of(place, image, commit))


def facts_of(place: Place, image: ImageReference, commit: str) -> dict[str, str]:
    """What is filled into commands and queries."""
    return {
        "application": place.application,
        "environment": place.environment,
        "commit": commit,
        "digest": image.digest or "",
        "url": place.env.url or "",
    }


def _ask(place: Place, checks: dict[str, PostDeployCheck], facts: dict[str, str]) -> list[Verdict]:
    verdicts = []
    for name, check in checks.items():
        verdict = _verdict(name, check, facts)
        run_logger().info("%s, check %s", place.environment, verdict.reason)
        verdicts.append(verdict)
    return verdicts


def _verdict(name: str, check: PostDeployCheck, facts: dict[str, str]) -> Verdict:
    try:
        match check:
            case HttpCheck():
                return check_http(name, check, facts["commit"])
            case CommandCheck():
                return check_by_command(name, check, facts)
            case PrometheusCheck():
                return check_metric(name, load_block(PrometheusServer, check.server), check, facts)
    except (AccessRefused, ConfigurationError) as error:
        # What cannot be asked any more was asked before the rollout: a missing answer is never a yes.
        return failed(f"{name}: {error}")
