"""Verified is a lease: what breaks afterwards holds up the environments after it, until it is good again."""

import json
from typing import Any

from prefect.artifacts import Artifact
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.demo.timeline import Run
from deployments.sandbox.server import serve
from deployments.sandbox.world import World


def test_a_check_that_fails_later_stops_the_next_environment_until_it_is_good(
    world: World, tell, start, configure
) -> None:
    status = {"now": 200}

    def answer(_request: Request) -> Response:
        return Response(status_code=status["now"])

    def approve_what_broke_meanwhile(waiting: Run) -> None:
        status["now"] = 500
        resume_flow_run(waiting.run_id, run_input={"decision": "approve", "approver": "Robin", "comment": ""})

    before = world.read_changes("production")[0]
    with serve(Starlette(routes=[Route("/", answer)])) as url:
        configure("environments", staging=_staging(world, {"url": url, "within-seconds": 0}))
        _, runs = tell(approve_what_broke_meanwhile)

        assert (runs["staging"].state, runs["production"].state) == ("Verified", "Refused")
        assert f"staging was verified, but a check fails now: orders: {url} answered 500" in runs["production"].message
        assert world.read_environment("staging").health == "Healthy"
        assert world.read_changes("production")[0] == before
        revoked = start("watch")
        assert (revoked.name, "shop-api in staging" in revoked.message) == ("Revoked", True)
        assert _row("staging")["state"] == "revoked"

        status["now"] = 200
        assert start("watch").name == "Completed"
        assert _row("staging")["state"] == "verified"


def _staging(world: World, check: dict[str, Any]) -> dict[str, Any]:
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["staging"]
    settings["post-deploy-checks"]["orders"] = check
    return settings


def _row(environment: str) -> dict[str, str]:
    rows = json.loads(Artifact.get("watch").data)
    return next(row for row in rows if row["environment"] == environment)
