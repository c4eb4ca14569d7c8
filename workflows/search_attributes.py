"""The search attributes of calls and webhooks. Temporal stores them in clear: no personal data."""

from __future__ import annotations

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from contract.calls import CallRequest, RecordingStatus

TENANT_ID = SearchAttributeKey.for_keyword("TenantId")
ASSISTANT_ID = SearchAttributeKey.for_keyword("AssistantId")
CALL_DIRECTION = SearchAttributeKey.for_keyword("CallDirection")
CALL_PROVIDER = SearchAttributeKey.for_keyword("CallProvider")
CALL_STATUS = SearchAttributeKey.for_keyword("CallStatus")
ENDED_REASON = SearchAttributeKey.for_keyword("EndedReason")
ENDED_BY = SearchAttributeKey.for_keyword("EndedBy")
RECORDING_STATUS = SearchAttributeKey.for_keyword("RecordingStatus")
WEBHOOK_STATUS = SearchAttributeKey.for_keyword("WebhookStatus")  # contract's DeliveryStatus
ON_HOLD = SearchAttributeKey.for_bool("OnHold")
TALK_SECONDS = SearchAttributeKey.for_int("TalkSeconds")
ANSWERED_AT = SearchAttributeKey.for_datetime("AnsweredAt")

# An attribute that is not registered does not fail a workflow: its task fails for ever and the call
# hangs. So the worker refuses to start without these.
ALL = (
    TENANT_ID,
    ASSISTANT_ID,
    CALL_DIRECTION,
    CALL_PROVIDER,
    CALL_STATUS,
    ENDED_REASON,
    ENDED_BY,
    RECORDING_STATUS,
    WEBHOOK_STATUS,
    ON_HOLD,
    TALK_SECONDS,
    ANSWERED_AT,
)


def for_recording(request: CallRequest) -> TypedSearchAttributes:
    """What finds a recording: whose it is, and how it is doing."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(TENANT_ID, request.tenant_id),
            SearchAttributePair(ASSISTANT_ID, request.assistant_id or ""),
            SearchAttributePair(RECORDING_STATUS, RecordingStatus.PENDING.value),
        ]
    )
