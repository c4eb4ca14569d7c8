"""Telling the API that this agent server is registered with LiveKit (contract.probes)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
from livekit import api

from agents.settings import AgentSettings
from contract.probes import ProbeAnswer

log = logging.getLogger(__name__)


class ProbeAnswers:
    """`told` goes to operators with every answer, so it holds no secret."""

    def __init__(self, settings: AgentSettings, told: Mapping[str, Any] | None = None) -> None:
        self._settings = settings
        self._answer = ProbeAnswer(dict(told or {}))

    async def give(self, room: str) -> None:
        known = self._settings
        try:
            async with api.LiveKitAPI(
                known.livekit_url, known.livekit_api_key, known.livekit_api_secret
            ) as livekit:
                await livekit.room.update_room_metadata(
                    api.UpdateRoomMetadataRequest(room=room, metadata=self._answer.to_json())
                )
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as failed:
            # Whoever asked hears nothing, which is the truth: LiveKit does not take our word.
            log.warning("a probe was not answered", extra={"error": type(failed).__name__})
