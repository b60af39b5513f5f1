"""The place in the GitOps repository where an environment's image is named."""

from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tasks.domain.configuration.checked_text import (
    HELM_PATH,
    FileOfApplication,
    PlaceOfApplication,
    ResourceOfApplication,
)
from tasks.domain.configuration.part import Part

ManifestFormat = Literal["helm-values", "kustomize", "manifest", "application"]


class Manifest(Part):
    """The place in the GitOps repository that says which image an environment runs."""

    file: FileOfApplication = Field(description="{application} stands for the application's name.")
    format: ManifestFormat = Field(
        "helm-values",
        description="What kind of file it is: values of a chart, a kustomization, plain Kubernetes manifests, or an "
        "Argo CD Application with Helm parameters, valuesObject or kustomize images of its own.",
    )
    at: PlaceOfApplication = Field(
        "image",
        description="helm-values: the path of the mapping with repository, tag and digest, or of the whole image, such "
        "as backend.image or jobs[0].image. kustomize: the name of the entry in images. manifest: the container's "
        "name. application: the path or the name, as in Helm or kustomize. {application} stands for the "
        "application's name.",
    )
    resource: ResourceOfApplication | None = Field(
        None, description="manifest and application: NAME or KIND/NAME of the resource, where several would match."
    )
    digest_in_tag: bool = Field(
        default=False,
        description="helm-values and application: the chart has no key for a digest; write TAG@DIGEST as the tag.",
    )
    may_add_keys: bool = Field(
        default=False, description="Whether a key that is missing beside the others is added; else it is refused."
    )
    edit_anchors: bool = Field(
        default=False,
        description="Whether a value that is shared by an anchor, an alias or a merge key is changed where the anchor "
        "stands, and so for all; else it is refused.",
    )

    @field_validator("at")
    @classmethod
    def _is_a_path(cls, at: str, info: ValidationInfo) -> str:
        if info.data.get("format") == "helm-values" and not HELM_PATH.fullmatch(at):
            raise ValueError(f"{at!r} is not a path of keys; join keys by dots, such as backend.image or jobs[0].image")
        return at

    @field_validator("resource", "digest_in_tag")
    @classmethod
    def _fits_the_format(cls, value: Any, info: ValidationInfo) -> Any:
        formats = ("manifest", "application") if info.field_name == "resource" else ("helm-values", "application")
        if value and info.data.get("format", formats[0]) not in formats:
            known = " and ".join(formats)
            raise ValueError(f"means nothing for format {info.data['format']}, only for {known}; remove it")
        return value

    @model_validator(mode="after")
    def _names_the_place(self) -> Self:
        names = {"kustomize": "the name of the entry in 'images'", "manifest": "the name of the container"}
        if self.format in names and "at" not in self.model_fields_set:
            raise ValueError(f"'at' is missing; format {self.format} needs there {names[self.format]}")
        return self
