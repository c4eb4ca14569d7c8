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
    hold's to say.
    """
    human = room.remote_participants.get(held)
    others = [each for each in room.remote_participants.values() if _counts(each, held)]
    found: dict[Listener, frozenset[str]] = {}
    if human is None:
        return found
    found[_listener(human)] = frozenset(sid for other in others for sid in _audio(other))
    for other in others:
        found[_listener(other)] = frozenset(_audio(human, at=other))
    return {listener: sids for listener, sids in found.items() if sids}


def _counts(participant: rtc.RemoteParticipant, held: str) -> bool:
    agent = parse_agent_identity(participant.identity)
    is_media_bot = agent is not None and agent[0] is AgentRole.MEDIA_BOT
    return participant.identity != held and not is_media_bot and participant.kind != _EGRESS


def _audio(
    participant: rtc.RemoteParticipant, at: rtc.RemoteParticipant | None = None
) -> Iterator[str]:
    # Atlas listens to the microphone only; more must not be given to it when the hold ends.
    only_microphone = at is not None and parse_agent_identity(at.identity) is not None
    for publication in participant.track_publications.values():
        is_microphone = publication.source == rtc.TrackSource.SOURCE_MICROPHONE
        if publication.kind == rtc.TrackKind.KIND_AUDIO and (is_microphone or not only_microphone):
            yield publication.sid


def _listener(participant: rtc.RemoteParticipant) -> Listener:
    return Listener(participant.identity, participant.sid)
