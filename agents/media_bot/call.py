from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import openai
from livekit.agents import AutoSubscribe, JobContext

from agents.compass import AssistantUnavailable, fetch_assistant
from agents.groq_client import groq_client
from agents.job import with_call_id
from agents.media_bot.isolation.isolation import Isolation
from agents.media_bot.playback.asset_url import AssetHosts
from agents.media_bot.playback.assets import Assets
from agents.media_bot.playback.cache import AssetCache, default_folder
from agents.media_bot.playback.call_room import CallRoom
from agents.media_bot.playback.playback import Playback
from agents.media_bot.playback.track import MediaTrack
from agents.media_bot.settings import MediaBotSettings
from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.recognisers import Recognisers
from agents.media_bot.transcription.transcription import Transcription
from agents.presence import FLUSH_SECONDS, Presence
from agents.subscriptions import Subscriptions
from agents.turns import TurnPoster
from agents.vendors import HearingVendors
from agents.watching import CallWatch
from contract.assistants import TranscriptionOptions
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.rooms import JobMetadata

log = logging.getLogger(__name__)


class MediaBotCall:
    """Media Bot in one call. It leaves when the room ends."""

    def __init__(self, ctx: JobContext, job: JobMetadata, settings: MediaBotSettings) -> None:
        self._ctx = ctx
        self._job = job
        self._settings = settings
        self._presence: Presence | None = None
        self._watch: CallWatch | None = None
        self._track: MediaTrack | None = None
        self._playback: Playback | None = None
        self._isolation: Isolation | None = None
        self._http = aiohttp.ClientSession()
        self._groq: openai.AsyncClient | None = None
        self._recognisers = Recognisers(HearingVendors(settings, self._http, self._groq_client))
        self._turns: TurnPoster | None = None
        self._transcription: Transcription | None = None

    async def start(self) -> None:
        # Nothing is subscribed until something asks for it: transcription does.
        await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
        self._job = await with_call_id(self._job, self._ctx.room)
        self._presence = Presence(self._ctx, self._job, self._settings)
        self._presence.start()
        self._presence.appear({})
        self._presence.tell(FactKind.AGENT_READY)
        self._watch = CallWatch(
            self._ctx,
            self._job.human_identity,
            self._job.call_id,
            self._tell,
            watches=AgentRole.ATLAS,
        )
        self._watch.start()
        self._track = MediaTrack(self._ctx.room)
        self._playback = self._make_playback(self._track)
        self._playback.start()
        self._isolation = Isolation(
            self._ctx.room,
            self._job.human_identity,
            Subscriptions(self._ctx.api, self._ctx.room),
            is_successor=self._job.generation > 1,
        )
        self._isolation.start()
        self._turns = TurnPoster.of_job(self._http, self._settings.internal_api_url, self._job)
        self._turns.start()
        self._transcription = self._make_transcription(self._turns)
        self._transcription.start()

    async def aclose(self) -> None:
        if self._transcription is not None:
            await self._transcription.aclose()
            self._transcription = None
        if self._isolation is not None:
            await self._isolation.aclose()
            self._isolation = None
        if self._playback is not None:
            await self._playback.aclose()
            self._playback = None
        if self._track is not None:
            await self._track.aclose()
            self._track = None
        if self._watch is not None:
            await self._watch.aclose()
            self._watch = None
        closing = []
        if self._turns is not None:
            closing.append(self._turns.aclose(FLUSH_SECONDS))
            self._turns = None
        if self._presence is not None:
            closing.append(self._presence.aclose())
        await asyncio.gather(*closing)
        self._presence = None
        self._recognisers.aclose()
        if self._groq is not None:
            await self._groq.close()
        await self._http.close()

    def _groq_client(self) -> openai.AsyncClient:
        if self._groq is None:
            settings = self._settings
            self._groq = groq_client(settings.groq_api_key, settings.groq_base_url)
        return self._groq

    def _make_transcription(self, turns: TurnPoster) -> Transcription:
        return Transcription(
            self._ctx.room,
            self._job,
            otherwise=Provider(self._settings.stt_provider),
            open_session=self._recognisers.open,
            options=self._transcription_options,
            add_turn=turns.add,
            tell=self._tell,
        )

    async def _transcription_options(self) -> TranscriptionOptions:
        job = self._job
        try:
            assistant = await fetch_assistant(
                self._http, self._settings.compass_url, job.agent_id, job.call_token
            )
        except AssistantUnavailable as error:
            log.warning("transcription goes by its defaults", extra={"error": str(error)})
            return TranscriptionOptions()
        return assistant.transcription

    def _make_playback(self, track: MediaTrack) -> Playback:
        settings, human = self._settings, self._job.human_identity
        folder = Path(settings.media_cache_folder or default_folder())
        assets = Assets(
            AssetHosts(frozenset(host.lower() for host in settings.media_asset_hosts)),
            AssetCache(folder, settings.media_cache_bytes),
        )
        return Playback(
            self._ctx.room,
            human,
            assets=assets,
            track=track,
            call_room=CallRoom(self._ctx, human),
            tell=self._tell,
        )

    def _tell(self, kind: FactKind, data: dict[str, Any]) -> None:
        if self._presence is not None:
            self._presence.tell(kind, **data)
