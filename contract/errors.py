"""One hierarchy of errors. Foreign ones become one of these at the edge; nobody parses messages."""

from __future__ import annotations


class PlatformError(Exception):
    """`code` is stable and kebab-case, the message is a sentence with the way out."""

    code = "platform-error"
    http_status = 500
    retryable = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InvalidRequest(PlatformError):
    code, http_status = "invalid-request", 422


class Unauthorised(PlatformError):
    code, http_status = "unauthorised", 401


class Forbidden(PlatformError):
    code, http_status = "forbidden", 403


class NotFound(PlatformError):
    code, http_status = "not-found", 404


class Conflict(PlatformError):
    code, http_status = "conflict", 409


class Unavailable(PlatformError):
    """A part that we need does not answer; the same request may succeed later."""

    code, http_status, retryable = "unavailable", 503, True


class SettingsError(PlatformError):
    """A process cannot start with the settings it was given."""

    code = "bad-settings"
