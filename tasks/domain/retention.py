"""Which images a registry keeps: what the GitOps repository names is tagged, and a policy expires none of these.

ECR's rules know tags and ages, not digests; but an image that fits a rule is expired by no rule after it
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tasks.domain.wording import counted

_KEEP = "keep-"
# A century, which is how a rule is written that expires nothing.
_NEVER_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Retention:
    """The digests that get a tag, the tags that are taken away, and what is named but not there."""

    keep: tuple[str, ...]
    release: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RetentionPreview:
    """What putting the policy for these images would do; `expiring` are images with their tags.

    `policy` is the repository's policy now, None where it has none.
    """

    path: str
    kept: int
    retention: Retention
    expiring: Mapping[str, Collection[str]]
    policy: str | None
    newest: int

    @property
    def changes_policy(self) -> bool:
        """Whether the repository has another policy now, or none."""
        return self.policy is None or json.loads(self.policy) != json.loads(lifecycle_policy(self.newest))


def keep_tag(digest: str) -> str:
    """The tag that protects the image with this digest."""
    return f"{_KEEP}{digest.removeprefix('sha256:')[:32]}"


def decide_retention(named: Collection[str], tags: Mapping[str, Collection[str]]) -> Retention:
    """`named` are the digests that must stay, `tags` those of every image in the repository, by digest.

    A tag is taken away only from an image that has another one: without its last tag an image is deleted.
    """
    keep = tuple(digest for digest in sorted(named) if digest in tags and keep_tag(digest) not in tags[digest])
    release = tuple(
        keep_tag(digest)
        for digest, its in sorted(tags.items())
        if digest not in named and keep_tag(digest) in its and len(its) > 1
    )
    return Retention(keep, release, tuple(sorted(set(named) - tags.keys())))


def lifecycle_policy(newest: int) -> str:
    """The policy's text: what has the tag stays, and of the other tagged images the `newest`.

    Untagged ones are left alone: they are the signatures and SBOMs of others, and go with these.
    """
    protects = _rule(1, "Named in the GitOps repository", [f"{_KEEP}*"], "sinceImagePushed", _NEVER_DAYS)
    expires = _rule(2, f"All but the newest {newest}", ["*"], "imageCountMoreThan", newest)
    return json.dumps({"rules": [protects, expires]})


def preview_lines(preview: RetentionPreview) -> list[str]:
    """The preview as people read it, line by line."""
    todo = preview.retention
    named = f"{counted(preview.kept, 'image')} that the GitOps repository names or has named"
    lines = [f"{preview.path}: keeps the newest {preview.newest}, and {named}"]
    lines += [f"  + {keep_tag(digest)}  protects {digest}" for digest in todo.keep]
    lines += [f"  - {tag}  is named no more" for tag in todo.release]
    lines += [f"  ? {digest}  is named, but not in the registry" for digest in todo.missing]
    many = counted(len(preview.expiring), "image expires", "images expire")
    lines.append(f"  {many}{':' if preview.expiring else ''}")
    lines += [f"    {digest}  {', '.join(tags)}".rstrip() for digest, tags in sorted(preview.expiring.items())]
    if preview.policy is None:
        return [*lines, "  there is no lifecycle policy yet"]
    return [*lines, f"  the lifecycle policy {'changes' if preview.changes_policy else 'is right already'}"]


def _rule(priority: int, description: str, patterns: list[str], count: str, number: int) -> dict[str, object]:
    unit = {"countUnit": "days"} if count == "sinceImagePushed" else {}
    selection = {"tagStatus": "tagged", "tagPatternList": patterns, "countType": count, **unit, "countNumber": number}
    return {
        "rulePriority": priority,
        "description": description,
        "selection": selection,
        "action": {"type": "expire"},
    }
