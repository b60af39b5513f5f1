"""The errors of Argo CD's gateway: a gRPC code, the HTTP status it becomes, and the body both are told in."""

from typing import Any

# grpc-gateway v1.16, runtime/errors.go; a failed precondition is a 400, not a 412.
_STATUS = {2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 12: 501, 13: 500, 14: 503, 16: 401}
_REASON = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}


class ApiError(Exception):
    """An answer that is not the one asked for."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status of the gRPC code."""
        return _STATUS.get(self.code, 500)

    def body(self) -> dict[str, Any]:
        """What a plain request is answered with."""
        return {"error": self.message, "message": self.message, "code": self.code}

    def stream_body(self) -> dict[str, Any]:
        """What a stream is answered with, in band."""
        error = {"grpc_code": self.code, "http_code": self.status, "message": self.message}
        return {"error": error | {"http_status": _REASON.get(self.status, "")}}


def unknown(message: str) -> ApiError:
    """An error that the server did not classify: 500."""
    return ApiError(2, message)


def invalid_argument(message: str) -> ApiError:
    """The request is wrong whatever the state: 400."""
    return ApiError(3, message)


def not_found(application: str) -> ApiError:
    """The Application is not there, said only to who may know: 404."""
    return ApiError(5, f'applications.argoproj.io "{application}" not found')


def permission_denied(message: str = "permission denied") -> ApiError:
    """The caller lacks a right, or is not told that the Application is missing: 403."""
    return ApiError(7, message)


def failed_precondition(message: str) -> ApiError:
    """The request is right and the state is not: 400."""
    return ApiError(9, message)


def unauthenticated(message: str) -> ApiError:
    """Nobody, or nobody any more: 401."""
    return ApiError(16, message)
