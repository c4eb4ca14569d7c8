"""The least that a voice needs through LiveKit: one caller heard by another, no agent between."""

from __future__ import annotations

import uuid

from livekit import api

from sandbox.caller import Caller
from sandbox.stack import StackDescription
from tests.bench.figures import Measured


async def measure(stack: StackDescription, sentences: list[str], row: Measured) -> None:
    """From the last voiced sample sent to the last loud frame received."""
    room = f"bench-{uuid.uuid4().hex[:12]}"
    speaker, listener = Caller(), Caller()
    try:
        await listener.join(stack.livekit_url, _token(stack, room, "listener"), publish=False)
        await speaker.join(stack.livekit_url, _token(stack, room, "speaker"))
        await speaker.say(sentences[0])  # until the way is open
        await listener.heard.wait_until_heard()
        await listener.heard.wait_for_quiet()
        for sentence in sentences:
            spoken = await speaker.say(sentence)
            await listener.heard.wait_until_heard(since=spoken.started_at)
            row.add((await listener.heard.wait_for_quiet() - spoken.ended_at) * 1000)
    finally:
        await speaker.leave()
        await listener.leave()


def _token(stack: StackDescription, room: str, identity: str) -> str:
    return (
        api.AccessToken(stack.livekit_api_key, stack.livekit_api_secret)
        .with_identity(identity)
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .to_jwt()
    )
