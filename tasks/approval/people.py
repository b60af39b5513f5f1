"""Who is enrolled to approve with one-time codes. Its other half is blocks.approvers."""

import hashlib
import re
import unicodedata

from prefect.client.orchestration import get_client

from blocks.approvers import Approver
from tasks.domain.approval.person import fold_names
from tasks.retry import outside_task

# As many blocks as the server lists at once.
_LISTED = 200


@outside_task("find approver {name}")
def find_approver(name: str) -> Approver | None:
    """Who is enrolled under this name or GitHub login, whatever its case."""
    return next((one for one in list_approvers() if fold_names({name}) & fold_names({one.name, *one.aliases})), None)


def list_approvers() -> list[Approver]:
    """Everybody who is enrolled."""
    with get_client(sync_client=True) as client:
        answer = client.request(
            "POST",
            "/block_documents/filter",
            json={"block_types": {"slug": {"any_": [Approver.get_block_type_slug()]}}, "limit": _LISTED},
        )
    names = [document["name"] for document in answer.json()]
    return [approver for name in sorted(names) if isinstance(approver := Approver.load(name), Approver)]


def block_name(name: str) -> str:
    """The name of a person's block: Prefect takes lower-case letters, digits and dashes only."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    return slug or hashlib.sha256(name.encode()).hexdigest()[:12]
