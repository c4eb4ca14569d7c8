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


class CallOver(Conflict):
    code = "call-ended"

    def __init__(self) -> None:
        super().__init__("The call is over.")


class CallGoesOn(Conflict):
    code = "call-not-ended"

    def __init__(self) -> None:
        super().__init__(
            "The call goes on, and more of it is still being written; hang up first, or ask again "
            "when it is over."
        )


class RecordingUnderWay(Conflict):
    code = "recording-under-way"

    def __init__(self, status: str) -> None:
        super().__init__(
            f"The recording is {status}: it is still being written. Ask again when it is ready, "
            "needs attention or is lost."
        )


class NoRecording(NotFound):
    code = "recording-not-found"

    def __init__(self) -> None:
        super().__init__("This call has no recording, so there is nothing to be deleted.")


class OnLegalHold(Conflict):
    code = "legal-hold"

    def __init__(self, by: str, reason: str) -> None:
        super().__init__(
            f"The call is on legal hold ({by}: {reason}), so nothing of it is deleted. An admin "
            "may lift the hold: DELETE /calls/{id}/legal_hold."
        )


class AssistantUnknown(NotFound):
    code = "assistant-not-found"

    def __init__(self, assistant_id: str) -> None:
        super().__init__(f"There is no assistant {assistant_id!r}.")


class AssistantExists(Conflict):
    code = "assistant-exists"

    def __init__(self, assistant_id: str) -> None:
        super().__init__(f"The assistant id {assistant_id!r} is taken; choose another one.")


class AssistantInUse(Conflict):
    code = "assistant-in-use"

    def __init__(self, assistant_id: str, number: str) -> None:
        super().__init__(
            f"The assistant {assistant_id!r} answers the number {number}; give that number "
            "another assistant, or delete it, first."
        )


class TrunkUnknown(NotFound):
    code = "trunk-not-found"

    def __init__(self, trunk_id: str) -> None:
        super().__init__(f"There is no trunk {trunk_id!r}.")


class TrunkDisabled(Conflict):
    code = "trunk-disabled"

    def __init__(self, trunk_id: str) -> None:
        super().__init__(
            f"The trunk {trunk_id!r} is disabled: no new calls go through it. Enable it, or use "
            "another one."
        )


class TrunkExists(Conflict):
    code = "trunk-exists"

    def __init__(self, trunk_id: str) -> None:
        super().__init__(f"The trunk id {trunk_id!r} is taken; choose another one.")


class TrunkInUse(Conflict):
    code = "trunk-in-use"

    def __init__(self, trunk_id: str, number: str) -> None:
        super().__init__(
            f"Calls to the number {number} come through the trunk {trunk_id!r}; change or delete "
            "that number first."
        )


class NumberUnknown(NotFound):
    code = "number-not-found"

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no number {number!r}.")


class NumberTaken(Conflict):
    """Says the same whoever has it: whose a number is, is not ours to tell."""

    code = "number-taken"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Calls to {number} are routed already: change or delete that entry. If it is not "
            "among your numbers, ask whoever runs this installation."
        )


class KeyUnknown(NotFound):
    code = "key-not-found"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no API key {key_id!r}.")


class LastAdminKey(Conflict):
    code = "last-admin-key"

    def __init__(self) -> None:
        super().__init__(
            "This is the last valid admin key, or the last one that does not expire; without it "
            "everybody would be locked out, now or then. Make another admin key first, without "
            "`expires_at`."
        )


class IdempotencyKeyReused(InvalidRequest):
    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another request or with another body; a new request "
            "needs a new key."
        )


class BadCursor(InvalidRequest):
    code = "bad-cursor"

    def __init__(self) -> None:
        super().__init__("This cursor is none of ours; take `next_cursor` from the page before.")


class WebhookUnknown(NotFound):
    code = "webhook-not-found"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(f"There is no webhook {webhook_id!r}.")


class TooManyWebhooks(Conflict):
    code = "too-many-webhooks"

    def __init__(self, limit: int) -> None:
        super().__init__(f"You have {limit} webhooks, which is the most; delete one first.")


class DeliveryUnknown(NotFound):
    code = "delivery-not-found"

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"There is no delivery {delivery_id!r}.")


class DeliveryUnderWay(Conflict):
    code = "delivery-under-way"

    def __init__(self) -> None:
        super().__init__("This event is on its way to that webhook already.")


class WebhookGone(Conflict):
    code = "webhook-gone"

    def __init__(self) -> None:
        super().__init__("The webhook of this delivery was deleted.")


class WebhookDisabled(Conflict):
    code = "webhook-disabled"

    def __init__(self, webhook_id: str) -> None:
        super().__init__(f"The webhook {webhook_id!r} is disabled; enable it first.")
