"""LiveKit's events as facts of a call. Pure: an event in, a fact or nothing out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from livekit.protocol.egress import EgressInfo
from livekit.protocol.egress import EgressStatus as LiveKitEgressStatus
from livekit.protocol.models import DisconnectReason, ParticipantInfo
from livekit.protocol.webhook import WebhookEvent

from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen
from contract.identity import parse_agent_identity
from contract.recordings import EgressStatus

_KINDS = {
    "participant_joined": FactKind.PARTICIPANT_JOINED,
    "participant_left": FactKind.PARTICIPANT_LEFT,
    "room_finished": FactKind.ROOM_FINISHED,
}


def fact_of(event: WebhookEvent, received_at: datetime) -> Fact | None:
    """None for events that no call needs to know: tracks, recorders, other applications' agents."""
    kind = _KINDS.get(event.event)
    if kind is None or not event.room.name:
        return None
    data: dict[str, Any] = {"room_sid": event.room.sid}
    if kind is not FactKind.ROOM_FINISHED:
        seen = participant_of(event)
        if not seen.is_human and parse_agent_identity(seen.identity) is None:
            return None
        data = seen.to_data()
    return Fact(
        id=event.id, source=FactSource.LIVEKIT, kind=kind, at=_moment(event, received_at), data=data
    )


def has_unkeepable_name(event: WebhookEvent) -> bool:
    """PostgreSQL keeps no NUL. LiveKit takes one in a name; no call of ours has such a room, and
    told again, the event would fail again."""
    egress = event.egress_info
    names = (event.room.name, event.participant.identity, egress.room_name, egress.egress_id)
    return any("\0" in name for name in names)


def participant_of(event: WebhookEvent) -> ParticipantSeen:
    participant = event.participant
    reason = DisconnectReason.Name(participant.disconnect_reason)
    return ParticipantSeen(
        identity=participant.identity,
        sid=participant.sid,
        participant_kind=_participant_kind(participant),
        room_sid=event.room.sid,
        joined_at=_joined_at(participant),
        disconnect_reason=reason if event.event == "participant_left" else "",
    )


def egress_seen_of(info: EgressInfo) -> dict[str, Any]:
    """What `EgressSeen.from_dict` reads. The file's own times where there are some: the egress
    begins before its file, and ends when that is uploaded."""
    files = list(info.file_results) or ([info.file] if info.HasField("file") else [])
    seen: dict[str, Any] = {
        "egress_id": info.egress_id,
        "status": _egress_status(info.status).value,
        "error": info.error,
        "error_code": info.error_code,
        "details": info.details,
        "backup_used": info.backup_storage_used,
        "started_at": _from_nanoseconds(info.started_at),
        "ended_at": _from_nanoseconds(info.ended_at),
    }
    if files:
        seen["object_key"] = files[0].filename
        seen["duration_seconds"] = files[0].duration / 1e9
        seen["size_bytes"] = files[0].size
        seen["started_at"] = _from_nanoseconds(files[0].started_at) or seen["started_at"]
        seen["ended_at"] = _from_nanoseconds(files[0].ended_at) or seen["ended_at"]
    return seen


def _moment(event: WebhookEvent, received_at: datetime) -> datetime:
    """The event's own clock, as finely as it can be known: bills are made of these times.

    LiveKit tells a join to the millisecond and the rest in whole seconds, cut off. An event that
    arrives within that very second happened before it arrived: then our clock knows better.
    """
    if event.event == "participant_joined" and (joined_at := _joined_at(event.participant)):
        return joined_at
    told = datetime.fromtimestamp(event.created_at, UTC)
    return received_at if told <= received_at < told + timedelta(seconds=1) else told


def _joined_at(participant: ParticipantInfo) -> datetime | None:
    """Also known of somebody who leaves: their arrival may never have been told."""
    milliseconds = participant.joined_at_ms or participant.joined_at * 1000
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _participant_kind(participant: ParticipantInfo) -> ParticipantKind:
    try:
        name = ParticipantInfo.Kind.Name(participant.kind)
    except ValueError:  # a kind that LiveKit has learnt since
        return ParticipantKind.OTHER
    return ParticipantKind.named(name.lower())


def _egress_status(status: Any) -> EgressStatus:
    try:
        return EgressStatus(LiveKitEgressStatus.Name(status).removeprefix("EGRESS_").lower())
    except ValueError:
        return EgressStatus.UNKNOWN


def _from_nanoseconds(moment: int) -> str | None:
    return datetime.fromtimestamp(moment / 1e9, UTC).isoformat() if moment else None
