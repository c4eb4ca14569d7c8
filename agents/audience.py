"""Who would hear whom in a call, as far as the held human is concerned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from livekit import rtc

from contract.identity import AgentRole, parse_agent_identity

_EGRESS = rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS


@dataclass(frozen=True, slots=True)
class Listener:
    """One connection of a participant: who comes in again subscribes to everything anew."""

    identity: str
    sid: str


def heard(room: rtc.Room, held: str) -> dict[Listener, frozenset[str]]:
    """Audio tracks by who hears them: those of others at the held human, theirs at the others.

    Not Media Bot's, which is what they are to hear, nor a recorder's: what is recorded is not the
    hold's to say. And not what Atlas hears: it stops listening by itself in the same moment, and
    would miss the first word after the hold, or all of them: livekit's client is not told of a
    subscription that the server takes away and gives back, and may listen on to where it was.
    """
    human = room.remote_participants.get(held)
    others = [each for each in room.remote_participants.values() if _counts(each, held)]
    found: dict[Listener, frozenset[str]] = {}
    if human is None:
        return found
    found[_listener(human)] = frozenset(sid for other in others for sid in _audio(other))
    for other in others:
        if parse_agent_identity(other.identity) is None:
            found[_listener(other)] = frozenset(_audio(human))
    return {listener: sids for listener, sids in found.items() if sids}


def _counts(participant: rtc.RemoteParticipant, held: str) -> bool:
    agent = parse_agent_identity(participant.identity)
    is_media_bot = agent is not None and agent[0] is AgentRole.MEDIA_BOT
    return participant.identity != held and not is_media_bot and participant.kind != _EGRESS


def _audio(participant: rtc.RemoteParticipant) -> Iterator[str]:
    for publication in participant.track_publications.values():
        if publication.kind == rtc.TrackKind.KIND_AUDIO:
            yield publication.sid


def _listener(participant: rtc.RemoteParticipant) -> Listener:
    return Listener(participant.identity, participant.sid)
