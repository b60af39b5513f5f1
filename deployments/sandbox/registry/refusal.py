"""Why the registry does not do as it was asked, in the specification's words."""

from enum import StrEnum


class Code(StrEnum):
    """The error codes of the specification; TAG_INVALID is what Amazon ECR adds for immutable tags."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    SIZE_INVALID = "SIZE_INVALID"
    TAG_INVALID = "TAG_INVALID"
    TOO_MANY_REQUESTS = "TOOMANYREQUESTS"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNKNOWN = "UNKNOWN"
    UNSUPPORTED = "UNSUPPORTED"


_STATUS = {
    Code.BLOB_UNKNOWN: 404,
    Code.BLOB_UPLOAD_UNKNOWN: 404,
    Code.MANIFEST_BLOB_UNKNOWN: 404,
    Code.MANIFEST_UNKNOWN: 404,
    Code.NAME_UNKNOWN: 404,
    Code.UNAUTHORIZED: 401,
    Code.UNSUPPORTED: 405,
}


class Refusal(Exception):
    """An answer other than the one hoped for; becomes an error body of the specification."""

    def __init__(self, code: Code, message: str, *, detail: object = None, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.status = status or _STATUS.get(code, 400)

    def body(self) -> dict[str, list[dict[str, object]]]:
        """The specification's error body."""
        return {"errors": [{"code": self.code.value, "message": self.message, "detail": self.detail}]}
