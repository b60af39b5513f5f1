"""Kinds of text that the delivery configuration is made of: what each may look like, and that in words."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

PLACEHOLDER = "{application}"

_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.][A-Za-z0-9._-]*$"
_BRANCH = r"^[A-Za-z0-9._/][A-Za-z0-9._/-]*$"
_IMAGE = r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$"
_PLATFORM = r"^[a-z0-9]+/[a-z0-9]+(/v[0-9]+)?$"
_PLACE = r"^([^{}\s]|\{application\})+$"
_RESOURCE = r"^([A-Za-z0-9]+/)?([a-z0-9.-]|\{application\})+$"
_ARGOCD_APPLICATION = r"^([a-z0-9.-]|\{application\})+$"
_FILE = r"^([^{}]|\{application\})+$"
_APPROVER = r"^([^/]+|[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+)$"
_URL = r"^https?://([^{}\s]|\{application\})+$"

# A path as Helm's --set takes it: a backslash before a dot that belongs to a key, [0] for a list's item.
HELM_PATH = re.compile(r"([^.\\\[\]]|\\.)+(\[\d+\])*(\.([^.\\\[\]]|\\.)+(\[\d+\])*)*")

# What each pattern allows: nobody should have to read a regular expression in an error message.
ALLOWED: Mapping[str, str] = {
    _NAME: "up to 63 lower case letters, digits and dashes, with a letter or digit at both ends",
    _REPOSITORY: "OWNER/NAME as in the repository's address, such as acme/shop-api",
    _BRANCH: "a branch's name: letters, digits, '.', '_', '/' and '-', not beginning with '-'",
    _IMAGE: "a path in lower case without a host, a tag or a digest, such as acme/shop-api",
    _PLATFORM: "OS/ARCHITECTURE, such as linux/amd64 or linux/arm/v7",
    _PLACE: "a path or a name without spaces, such as image, backend.image or {application}",
    _RESOURCE: "NAME or KIND/NAME of a Kubernetes resource, such as Deployment/{application}",
    _ARGOCD_APPLICATION: "lower case letters, digits, '-' and '.', and the placeholder {application}",
    _FILE: "a relative path; the placeholder {application} stands for the application's name",
    _APPROVER: "a name, a login, or a GitHub team as ORGANISATION/TEAM",
    _URL: "an address that begins with http:// or https://; the placeholder {application} stands for the application",
}


def _inside(path: str) -> str:
    has_control = any(ord(character) < 32 for character in path)
    if path.startswith(("/", "-")) or ".." in path.split("/") or not path.strip() or has_control:
        raise ValueError(f"{path!r} is not a path inside the repository; give a relative one without '..'")
    return path


Name = Annotated[str, StringConstraints(pattern=_NAME)]
Repository = Annotated[str, StringConstraints(pattern=_REPOSITORY)]
Branch = Annotated[str, StringConstraints(pattern=_BRANCH)]
# Somebody who may approve.
Approver = Annotated[str, StringConstraints(pattern=_APPROVER, max_length=100)]
ImagePath = Annotated[str, StringConstraints(pattern=_IMAGE)]
Platform = Annotated[str, StringConstraints(pattern=_PLATFORM)]
# The validator is Python's, for pydantic's expressions have no look-ahead; editors get the same rule as one.
Path = Annotated[str, AfterValidator(_inside), Field(json_schema_extra={"pattern": r"^(?![/-])(?!(.*/)?\.\.(/|$)).+$"})]
# Texts with a placeholder, filled in for one application by Environment.for_application.
ArgoCDApplicationName = Annotated[str, StringConstraints(pattern=_ARGOCD_APPLICATION)]
FileOfApplication = Annotated[Path, StringConstraints(pattern=_FILE)]
PlaceOfApplication = Annotated[str, StringConstraints(pattern=_PLACE)]
ResourceOfApplication = Annotated[str, StringConstraints(pattern=_RESOURCE)]
UrlOfApplication = Annotated[str, StringConstraints(pattern=_URL)]
