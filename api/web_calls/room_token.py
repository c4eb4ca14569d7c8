"""The token that lets a web caller into the call's room, and only there."""

from __future__ import annotations

from datetime import timedelta

from livekit import api as livekit_api

from api.settings import ApiSettings
from contract.identity import CALLER_IDENTITY

# Time to join. LiveKit refreshes the token of who is inside, however long the call lasts.
_TIME_TO_JOIN = timedelta(minutes=10)


def room_token(settings: ApiSettings, room_name: str, participant_name: str | None) -> str:
    grants = livekit_api.VideoGrants(
        room_join=True,
        room=room_name,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_publish_data=True,  # text input
        can_subscribe=True,
        # Its attributes command Media Bot (contract.rooms), so they are not the caller's to write.
        can_update_own_metadata=False,
    )
    token = livekit_api.AccessToken(settings.livekit_api_key, settings.livekit_api_secret)
    return (
        token.with_identity(CALLER_IDENTITY)
        .with_name(participant_name or "")
        .with_grants(grants)
        .with_ttl(_TIME_TO_JOIN)
        .to_jwt()
    )
