"""What a final refusal of our INVITE is called (RFC 3261 section 21)."""

from __future__ import annotations

_REASONS = {
    401: "unauthorized",
    403: "blocked",
    404: "invalid-number",
    407: "unauthorized",
    408: "no-answer",
    410: "invalid-number",
    415: "not-acceptable",
    480: "no-answer",
    484: "invalid-number",
    486: "busy",
    487: "cancelled",
    488: "not-acceptable",
    503: "blocked",
    600: "busy",
    603: "rejected",
    604: "invalid-number",
    606: "not-acceptable",
    607: "blocked",
}

TRULY_THEIRS = frozenset((486, 600, 603, 404, 604))
"""Said by the callee, whatever we wanted meanwhile: they were busy also when we cancelled."""


def reason_of(status: int) -> str:
    if status < 400:
        return "redirected"
    return _REASONS.get(status, "server-error" if 500 <= status < 600 else "refused")
