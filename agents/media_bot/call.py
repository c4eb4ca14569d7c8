from __future__ import annotations

from pathlib import Path
from typing import Any

from livekit.agents import AutoSubscribe, JobContext

from agents.job import with_call_id
from agents.media_bot.playback.asset_url import AssetHosts
from agents.media_bot.playback.assets import Assets
from agents.media_bot.playback.cache import AssetCache, default_folder
from agents.media_bot.playback.call_room import CallRoom
from agents.media_bot.playback.playback import Playback
from agents.media_bot.playback.track import MediaTrack
from agents.media_bot.settings import MediaBotSettings
from agents.presence import Presence
from agents.watching import CallWatch
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.rooms import JobMetadata


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

    async def start(self) -> None:
        # Nothing is subscribed until something asks for it: media_bot.txt's transcription will.
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

    async def aclose(self) -> None:
        if self._playback is not None:
            await self._playback.aclose()
            self._playback = None
        if self._track is not None:
            await self._track.aclose()
            self._track = None
        if self._watch is not None:
            await self._watch.aclose()
            self._watch = None
        if self._presence is not None:
            await self._presence.aclose()
            self._presence = None

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
