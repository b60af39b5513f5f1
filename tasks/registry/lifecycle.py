"""The lifecycle policy of an Amazon ECR repository: looked at before it is put, and never against what is in use."""

import time
from collections.abc import Collection
from typing import Any

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems
from tasks.domain.errors import EvidenceMissing
from tasks.domain.retention import RetentionPreview, decide_retention, keep_tag, lifecycle_policy
from tasks.domain.wording import counted
from tasks.registry.ecr import ecr_client
from tasks.retry import outside_task

_PAUSE, _LIMIT = 2.0, 300.0
_RIGHTS = "ecr:PutImage, ecr:BatchGetImage, ecr:BatchDeleteImage, ecr:DescribeImages and ecr:*LifecyclePolicy*"


@outside_task("keep what is named of {path}")
def keep_named(registry: ContainerRegistry, path: str, named: Collection[str], newest: int) -> str:
    """Tag the images that the GitOps repository names, and put the policy that expires none of them; says what it did.

    May run twice: a tag that is there stays. Raises EvidenceMissing, and leaves the policy as it was, where ECR's
    preview of it would expire one of `named`.
    """
    with aws_problems(registry.host, "a lifecycle policy", _RIGHTS):
        client = ecr_client(registry)
        tags = _tags(client, path)
        todo = decide_retention(named, tags)
        for digest in todo.keep:
            _tag(client, path, digest)
        if todo.release:
            client.batch_delete_image(repositoryName=path, imageIds=[{"imageTag": tag} for tag in todo.release])
        policy = lifecycle_policy(newest)
        expiring = _preview(client, path, policy)
        if wrong := sorted(expiring & set(named)):
            raise EvidenceMissing(
                f"the lifecycle policy for {path} would expire {wrong[0]}, which the GitOps repository names; it was"
                " not put; look at the repository's tags"
            )
        client.put_lifecycle_policy(repositoryName=path, lifecyclePolicyText=policy)
    kept = len(set(named) & tags.keys())
    return f"{path}: {counted(kept, 'image is', 'images are')} kept whatever the age, {len(expiring)} will expire"


@outside_task("preview what is kept of {path}")
def preview_lifecycle(registry: ContainerRegistry, path: str, named: Collection[str], newest: int) -> RetentionPreview:
    """What keep_named would do, by ECR's own preview of the policy; nothing is tagged, and the policy stays.

    Raises EvidenceMissing where ECR does not preview it.
    """
    with aws_problems(registry.host, "a lifecycle policy", _RIGHTS):
        client = ecr_client(registry)
        tags = _tags(client, path)
        todo = decide_retention(named, tags)
        # What is tagged before the policy is put does not expire, though it would today.
        expiring = _preview(client, path, lifecycle_policy(newest)) - set(todo.keep)
        return RetentionPreview(
            path=path,
            kept=len(set(named) & tags.keys()),
            retention=todo,
            expiring={digest: tuple(tags.get(digest, ())) for digest in expiring},
            policy=_policy(client, path),
            newest=newest,
        )


def _policy(client: Any, path: str) -> str | None:
    try:
        return str(client.get_lifecycle_policy(repositoryName=path)["lifecyclePolicyText"])
    except client.exceptions.LifecyclePolicyNotFoundException:
        return None


def _tags(client: Any, path: str) -> dict[str, list[str]]:
    pages = client.get_paginator("describe_images").paginate(repositoryName=path)
    return {image["imageDigest"]: image.get("imageTags", []) for page in pages for image in page["imageDetails"]}


def _tag(client: Any, path: str, digest: str) -> None:
    [image] = client.batch_get_image(repositoryName=path, imageIds=[{"imageDigest": digest}])["images"]
    media_type = (
        {"imageManifestMediaType": image["imageManifestMediaType"]} if "imageManifestMediaType" in image else {}
    )
    try:
        client.put_image(
            repositoryName=path,
            imageManifest=image["imageManifest"],
            imageTag=keep_tag(digest),
            imageDigest=digest,
            **media_type,
        )
    except client.exceptions.ImageAlreadyExistsException:
        return


def _preview(client: Any, path: str, policy: str) -> set[str]:
    """The digests that the policy would expire now; ECR computes them in the background."""
    try:
        client.start_lifecycle_policy_preview(repositoryName=path, lifecyclePolicyText=policy)
    except client.exceptions.LifecyclePolicyPreviewInProgressException:
        # Somebody else's, perhaps of another policy: wait for its end, then ask for ours.
        _wait_for_preview(client, path)
        client.start_lifecycle_policy_preview(repositoryName=path, lifecyclePolicyText=policy)
    _wait_for_preview(client, path)
    expiring: set[str] = set()
    arguments = {"repositoryName": path}
    while True:
        page = client.get_lifecycle_policy_preview(**arguments)
        expiring |= {one["imageDigest"] for one in page.get("previewResults", []) if "imageDigest" in one}
        if not (token := page.get("nextToken")):
            return expiring
        arguments["nextToken"] = token


def _wait_for_preview(client: Any, path: str) -> None:
    deadline = time.monotonic() + _LIMIT
    while (status := client.get_lifecycle_policy_preview(repositoryName=path)["status"]) == "IN_PROGRESS":
        if time.monotonic() > deadline:
            raise EvidenceMissing(f"ECR's preview of the lifecycle policy for {path} takes too long; run it again")
        time.sleep(_PAUSE)
    if status != "COMPLETE":
        raise EvidenceMissing(f"ECR could not preview the lifecycle policy for {path} ({status}); run it again")
