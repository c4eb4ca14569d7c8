from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from livekit import rtc

from agents.current import is_current
from agents.media_bot.transcription.audio import Piece
from agents.media_bot.transcription.delivery import Delivery
from agents.media_bot.transcription.ear import Ear
from agents.media_bot.transcription.orders import SttOrder, SttOrders
from agents.media_bot.transcription.passage import OpenSession
from agents.media_bot.transcription.people import Microphones, name_of
from agents.media_bot.transcription.providers import Provider, providers_of
from agents.media_bot.transcription.route import Route, Standing
from agents.media_bot.transcription.usage import HeardSeconds
from agents.turns import Turn
from contract.assistants import TranscriptionOptions
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.rooms import Attribute, JobMetadata, RoomMetadata

log = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "en-US"
# Who hangs up has often just said goodbye. The second is for a call that ends altogether: the job
# has SESSION_END_SECONDS for all it has to do, the bill waits USAGE_ARRIVES for what was used.
_LAST_WORDS, LAST_WORDS_OF_ALL = 8.0, 2.0
_DELIVERY = 0.2

Tell = Callable[[FactKind, dict[str, Any]], None]


class Transcription:
    """All humans of the call, each by an ear of their own, while `stt.enabled`."""

    def __init__(
        self,
        room: rtc.Room,
        job: JobMetadata,
        *,
        otherwise: Provider,
        open_session: OpenSession,
        options: Callable[[], Awaitable[TranscriptionOptions]],
        add_turn: Callable[[Turn], None],
        tell: Tell,
    ) -> None:
        """`otherwise`: who hears the languages that the table does not name. `options`: asked for
        once, when transcription begins."""
        self._room = room
        self._job = job
        self._otherwise = otherwise
        self._open_session = open_session
        self._fetch_options = options
        self._tell = tell
        self._options: asyncio.Future[TranscriptionOptions] = (
            asyncio.get_running_loop().create_future()
        )
        self._fetching: asyncio.Task[None] | None = None
        self._delivery = Delivery(
            room,
            call_id=job.call_id,
            call_human=job.human_identity,
            options=self._options,
            add_turn=add_turn,
            tell=tell,
        )
        self._used = HeardSeconds()
        self._order = SttOrder(enabled=False)
        self._began = False
        self._ears: dict[str, Ear] = {}
        self._standings: dict[str, Standing] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._orders = SttOrders(room, on_order=self._obey)
        self._microphones = Microphones(
            room,
            on_piece=self.hear,
            on_silent=lambda identity: self._ear(identity).interrupted(),
            on_hold=lambda identity, held: self._ear(identity).hold(held),
            on_left=self._left,
        )

    def start(self) -> None:
        self._delivery.start()
        self._room.on("room_metadata_changed", self._look_at_metadata)
        self._microphones.start()
        self._orders.start()

    async def aclose(self) -> None:
        await self._orders.aclose()
        self._room.off("room_metadata_changed", self._look_at_metadata)
        ears = list(self._ears.values())
        await asyncio.gather(
            self._microphones.aclose(),
            *(ear.aclose(LAST_WORDS_OF_ALL) for ear in ears),
            self._end_leaving(),
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._delivery.delivered(), _DELIVERY)
        if self._began:
            self._tell(FactKind.USAGE_REPORTED, {"items": self._used.items()})
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self._delivery.aclose()

    def _obey(self, order: SttOrder) -> None:
        if order.enabled and self._is_replaced:
            return
        self._order = order
        log.info("transcription", extra={"enabled": order.enabled, "language": order.language})
        if order.enabled and not self._began:
            self._began = True
            self._fetching = asyncio.create_task(self._get_options(), name="assistant")
        for ear in self._ears.values():
            ear.listen(self._language)
        self._microphones.open(order.enabled)

    @property
    def _language(self) -> str | None:
        if not self._order.enabled:
            return None
        return self._order.language or self._job.language or DEFAULT_LANGUAGE

    @property
    def _is_replaced(self) -> bool:
        """Two Media Bots would write every sentence twice."""
        current = RoomMetadata.parse(self._room.metadata).generation
        return current.get(AgentRole.MEDIA_BOT, 0) > self._job.generation

    def _look_at_metadata(self, *_: object) -> None:
        if self._order.enabled and self._is_replaced:
            log.warning("a successor transcribes; this Media Bot stops")
            self._obey(SttOrder(enabled=False))

    async def _get_options(self) -> None:
        self._options.set_result(await self._fetch_options())

    def hear(self, identity: str, piece: Piece) -> None:
        """What a microphone brings."""
        self._ear(identity).hear(piece)

    def _ear(self, identity: str) -> Ear:
        ear = self._ears.get(identity)
        if ear is None:
            standing = self._standings.setdefault(identity, Standing())
            ear = self._ears[identity] = Ear(
                lambda language: Route(
                    providers_of(language, self._otherwise),
                    participant=identity,
                    who=name_of(identity, self._job.human_identity),
                    tell=self._tell,
                    clock=time.monotonic,
                    standing=standing,
                ),
                self._open_session,
                on_sentence=lambda sentence: self._delivery.add(identity, sentence),
                on_used=self._used.add,
                is_told_by_atlas=lambda: self._is_told_by_atlas(identity),
            )
            ear.hold(self._microphones.is_held(identity))
            ear.listen(self._language)
        return ear

    def _is_told_by_atlas(self, identity: str) -> bool:
        """As Atlas itself judges it (agents/atlas/caller_turns.py), if there is one."""
        return (
            identity == self._job.human_identity
            and self._room.local_participant.attributes.get(Attribute.STT_DEAF) == "true"
            and any(
                is_current(self._room, each, AgentRole.ATLAS)
                for each in self._room.remote_participants
            )
        )

    def _left(self, identity: str) -> None:
        ear = self._ears.pop(identity, None)
        if ear is not None:
            task = asyncio.create_task(ear.aclose(_LAST_WORDS), name="last_words")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _end_leaving(self) -> None:
        leaving = set(self._leaving)
        if leaving:
            await asyncio.wait(leaving, timeout=LAST_WORDS_OF_ALL)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
