"""What the store refuses, in the platform's own words."""

from __future__ import annotations

from contract.errors import Conflict, InvalidRequest, NotFound


class RoomTaken(Conflict):
    """Another call that has not ended holds this room's name."""

    code = "room-taken"


class DuplicateCall(Conflict):
    """A call with this id exists, open or ended."""

    code = "call-exists"


class CallUnknown(NotFound):
    code = "call-not-found"

    def __init__(self, call_id: str) -> None:
        super().__init__(f"There is no call {call_id}.")


class AssistantUnknown(NotFound):
    code = "assistant-not-found"

    def __init__(self, assistant_id: str) -> None:
        super().__init__(f"There is no assistant {assistant_id!r}.")


class AssistantExists(Conflict):
    code = "assistant-exists"

    def __init__(self, assistant_id: str) -> None:
        super().__init__(f"The assistant id {assistant_id!r} is taken; choose another one.")


class IdempotencyKeyReused(InvalidRequest):
    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used with another body; a new request needs a new key."
        )


class BadCursor(InvalidRequest):
    code = "bad-cursor"

    def __init__(self) -> None:
        super().__init__("This cursor is none of ours; take `next_cursor` from the page before.")
