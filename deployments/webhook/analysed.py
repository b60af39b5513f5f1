"""The receiver's side for SonarQube: a signed webhook becomes news for the runs that wait for this very analysis.

It is there only where TIDEGATE_SONARQUBE_WEBHOOK_SECRET is set. Nothing hangs on it: a run asks SonarQube itself, and
news only make it ask sooner.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from deployments.integrations import Integrations
from deployments.webhook.acting import in_time
from deployments.webhook.refusal import Refusal
from deployments.webhook.request_body import drain_body, read_body
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import ConfigurationError
from tasks.domain.event.analysed import Analysed, News, decide_analysed

PATH = "/webhook/sonarqube"
CURRENT, PREVIOUS = "TIDEGATE_SONARQUBE_WEBHOOK_SECRET", "TIDEGATE_SONARQUBE_WEBHOOK_SECRET_PREVIOUS"
# What SonarQube itself takes as a secret.
_SHORTEST_SECRET = 16
_LARGEST_BODY = 1024 * 1024

logger = logging.getLogger("tidegate.webhook")


def sonarqube_webhook(
    environment: Mapping[str, str], delivery: Delivery, integrations: Integrations
) -> APIRouter | None:
    """The route, None where no secret is set; raises ConfigurationError where it is too short to be SonarQube's."""
    secrets = tuple(environment[name].encode() for name in (CURRENT, PREVIOUS) if environment.get(name))
    if not environment.get(CURRENT):
        return None
    if any(len(secret) < _SHORTEST_SECRET for secret in secrets):
        raise ConfigurationError(
            f"{CURRENT} has less than {_SHORTEST_SECRET} characters; SonarQube takes no such secret"
        )
    router = APIRouter()

    @router.post(PATH)
    async def receive(request: Request) -> JSONResponse:
        event = await _read_signed(request, secrets)
        return await _answer(event, delivery, integrations)

    return router


def sign(body: bytes, secret: bytes) -> str:
    """The value of X-Sonar-Webhook-HMAC-SHA256 for these bytes."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


async def _read_signed(request: Request, secrets: tuple[bytes, ...]) -> Analysed:
    """Raises Refusal, and reads nothing of a body that nobody has signed."""
    signature = request.headers.get("x-sonar-webhook-hmac-sha256")
    if not signature:
        await drain_body(request)
        raise Refusal(401, "X-Sonar-Webhook-HMAC-SHA256 is missing; give the webhook a secret in SonarQube")
    body = await read_body(request, largest=_LARGEST_BODY)
    given = signature.encode("latin-1", errors="replace")
    # All are compared, so that the time does not tell which one fitted.
    fits = [hmac.compare_digest(given, sign(body, secret).encode()) for secret in secrets]
    if not any(fits):
        raise Refusal(401, "the signature does not fit the body; give the webhook the secret that Tidegate has")
    try:
        return Analysed.model_validate_json(body)
    except ValidationError:
        raise Refusal(400, "the body is not what SonarQube sends; let SonarQube's webhook send it") from None


async def _answer(event: Analysed, delivery: Delivery, integrations: Integrations) -> JSONResponse:
    news = decide_analysed(event, delivery)
    if not isinstance(news, News):
        return _say("ignored", news.reason)
    runs = await in_time(integrations.tell(news), f"SonarQube's {news.task}")
    if not runs:
        return _say("ignored", "no run waits for this commit")
    listed = [{"id": str(run.run_id), "url": run.url} for run in runs]
    if not any(run.is_new for run in runs):
        return _say("duplicate", "whoever waits for this commit was told before", listed)
    return _say("told", "whoever waits for this commit asks SonarQube now", listed, status=202)


def _say(result: str, message: str, runs: list[dict[str, str]] | None = None, *, status: int = 200) -> JSONResponse:
    logger.info("SonarQube's webhook: %s: %s", result, message)
    return JSONResponse({"result": result, "message": message, "flow_runs": runs or []}, status)
