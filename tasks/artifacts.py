"""What a run leaves behind to be looked at in the Prefect UI; the words are made in tasks.domain.message."""

import json
from re import sub
from typing import cast

from prefect import task
from prefect.artifacts import Artifact, create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from tasks.domain.message import cell


@task(task_run_name="report {topic}")
def report_page(application: str, topic: str, page: str, sentence: str) -> None:
    """A page in Markdown; `topic` names it, such as gates, candidate or production."""
    create_markdown_artifact(page, key=artifact_key(application, topic), description=sentence)


@task(task_run_name="report image")
def report_image(application: str, image: str, url: str, sentence: str) -> None:
    """A link to the image in its registry."""
    create_link_artifact(url, link_text=image, key=artifact_key(application, "image"), description=sentence)


@task(task_run_name="report {topic}")
def report_table(topic: str, rows: list[dict[str, str]], sentence: str) -> None:
    """A table under a key of its own."""
    inert = [{column: cell(text) for column, text in row.items()} for row in rows]
    create_table_artifact(inert, key=artifact_key(topic), description=sentence)


@task(task_run_name="read {topic}", cache_policy=NO_CACHE)
def read_table(topic: str) -> list[dict[str, str]]:
    """The rows of the last table under this key; none where there is none that can be read."""
    found = cast("Artifact | None", Artifact.get(artifact_key(topic)))
    try:
        rows = json.loads(str(found.data)) if found else []
    except ValueError:
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def artifact_key(*parts: str) -> str:
    """Prefect takes lower-case letters, digits and dashes only."""
    return sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
