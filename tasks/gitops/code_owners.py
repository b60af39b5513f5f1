"""Who owns a file of the GitOps repository, by the CODEOWNERS on its branch."""

from blocks.gitops import GitOpsRepository
from tasks.domain.promotion.code_owners import PLACES, CodeOwners, owners_of
from tasks.gitops.commit_stream import TreeFile
from tasks.gitops.mirror import open_mirror
from tasks.retry import outside_task


@outside_task("who owns {path}")
def read_code_owners(repository: GitOpsRepository, path: str) -> CodeOwners:
    """Nobody where the branch has no such file; raises as read_desired_state, but not for what is in the file."""
    with open_mirror(repository) as mirror:
        found = mirror.read_all(mirror.fetch(), PLACES)
    text = next((file.text for place in PLACES if isinstance(file := found[place], TreeFile)), "")
    return owners_of(path, text)
