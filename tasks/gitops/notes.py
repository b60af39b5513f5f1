"""Git notes in the GitOps repository: what a commit's own message does not say, because somebody else wrote it.

Who merges a pull request on GitHub writes the commit's message, and so does its merge queue. A note is added to the
commit afterwards, without changing it or pushing to its branch: https://git-scm.com/docs/git-notes
"""

from tasks.gitops.git import MirrorGit

# There, and here too once all of the notes' texts are here.
NOTES = "refs/notes/tidegate"
# Where a fetch puts it first: only the list of notes, without their texts.
BROUGHT = "refs/tidegate/brought/tidegate"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def bring_notes(git: MirrorGit) -> None:
    """Fetch the texts of the notes that came with the last fetch, if there are new ones."""
    listed = git.local("for-each-ref", "--format=%(refname) %(objectname)", NOTES, BROUGHT)
    known = dict(line.split(" ") for line in listed.splitlines())
    brought = known.get(BROUGHT)
    if brought is None or brought == known.get(NOTES):
        return
    # A comparison makes git fetch all contents that are not here in one go.
    git.remote("diff-tree", "-r", "--numstat", _EMPTY_TREE, f"{brought}^{{tree}}")
    git.local("update-ref", NOTES, brought)
