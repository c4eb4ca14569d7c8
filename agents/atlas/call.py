from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
from livekit.agents import AutoSubscribe, JobContext

from agents.atlas.caller_turns import CallerTurns
from agents.atlas.commands import Commands
from agents.atlas.conversation import Conversation
from agents.atlas.floor import Closed, Floor
from agents.atlas.hold import HoldMode
from agents.atlas.human import Human
from agents.atlas.line import Line
from agents.atlas.seclusion import Seclusion
from agents.atlas.session import make_session, make_voice
from agents.atlas.settings import AtlasSettings
from agents.atlas.sip_phone import SipPhone
from agents.atlas.vendors import Vendors
from agents.compass import fetch_assistant
from agents.groq_client import groq_client
from agents.job import with_call_id
from agents.presence import FLUSH_SECONDS, Presence
from agents.subscriptions import Subscriptions
from agents.turns import TurnPoster
from agents.watching import CallWatch
from contract.assistants import Assistant
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.rooms import Gate, JobMetadata
from engine.settings import EngineSettings

log = logging.getLogger(__name__)

# After the assistant's own end the workflow closes the room. Should nobody do so, Atlas goes.
_CLOSING_PATIENCE = 10.0
_FAREWELL_PATIENCE = 10.0


class AtlasCall:
    """Atlas in one call: joins, reports ready, converses, and reports usage on every way out."""

    def __init__(
        self, ctx: JobContext, job: JobMetadata, settings: AtlasSettings, engine: EngineSettings
    ) -> None:
        self._ctx = ctx
        self._job = job
        self._settings = settings
        self._engine = engine
        self._http = aiohttp.ClientSession()
        self._groq = groq_client(settings.groq_api_key, settings.groq_base_url)
        self._presence: Presence | None = None
        self._turns: TurnPoster | None = None
        self._caller_turns: CallerTurns | None = None
        self._conversation: Conversation | None = None
        self._human: Human | None = None
        self._line: Line | None = None
        self._seclusion: Seclusion | None = None
        self._sip_phone: SipPhone | None = None
        self._watch: CallWatch | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._told_to_end = False

    async def start(self) -> None:
        if not self._job.call_id:
            await self._connect()
            self._job = await with_call_id(self._job, self._ctx.room)
        self._presence = Presence(self._ctx, self._job, self._engine)
        self._presence.start()
        try:
            await self._converse(self._presence, await self._assistant_while_connecting())
        except Exception as failed:
            # Our own messages name no person; a library's may, so only its kind is told.
            ours = type(failed).__module__.startswith("agents.")
            if not ours:
                log.exception("Atlas could not start")
            self._fail(str(failed) if ours else type(failed).__name__)

    async def aclose(self) -> None:
        for task in self._endings:
            task.cancel()
        await asyncio.gather(*self._endings, return_exceptions=True)
        if self._watch is not None:
            await self._watch.aclose()
        if self._human is not None:
            await self._human.aclose()
        if self._line is not None:
            await self._line.aclose()
        if self._sip_phone is not None:
            await self._sip_phone.aclose()
        if self._conversation is not None:
            await self._conversation.aclose()
        if self._caller_turns is not None:
            await self._caller_turns.aclose()
        if self._seclusion is not None:
            await self._seclusion.aclose()
        if self._presence is not None:
            usage = self._conversation.usage() if self._conversation else []
            self._presence.tell(FactKind.USAGE_REPORTED, items=usage)
            closing = [self._presence.aclose()]
            if self._turns is not None:
                closing.append(self._turns.aclose(FLUSH_SECONDS))
            await asyncio.gather(*closing)
        await self._groq.close()
        await self._http.close()

    async def _connect(self) -> None:
        # Human subscribes to the caller's microphone; Media Bot's music is not for Atlas.
        await self._ctx.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)

    async def _assistant_while_connecting(self) -> Assistant:
        connecting = asyncio.create_task(self._connect(), name="connect")
        try:
            return await self._assistant()
        finally:
            # Also without an assistant: who leaves a room halfway in stays a ghost there for 20 s.
            await connecting

    async def _assistant(self) -> Assistant:
        return await fetch_assistant(
            self._http, self._settings.compass_url, self._job.agent_id, self._job.call_token
        )

    async def _converse(self, presence: Presence, assistant: Assistant) -> None:
        subscriptions = Subscriptions(self._ctx.api, self._ctx.room)
        self._seclusion = Seclusion(self._ctx.room, self._job.human_identity, subscriptions)
        self._seclusion.start()  # before anything is published
        self._turns = TurnPoster.of_job(self._http, self._settings.internal_api_url, self._job)
        self._turns.start()
        turns = self._caller_turns = CallerTurns(
            self._ctx.room, self._job.human_identity, self._turns.add
        )
        turns.start()
        conversation = self._conversation = self._make_conversation(assistant, turns)
        await conversation.start(self._ctx.room, self._job.human_identity)
        hold = HoldMode(conversation.floor, conversation.voice)
        self._line = Line(
            self._ctx.room,
            self._job.human_identity,
            on_answered=lambda: self._open_gate(Gate.PHONE_ANSWERED),
            on_hold=hold.change,
        )
        # Before anybody is told that Atlas is ready: who comes late reads what has happened.
        self._line.start()
        commands = Commands(conversation.floor, hold, conversation.voice, self._end).methods()
        if self._job.gate is Gate.SIP_ACTIVE:
            self._sip_phone = SipPhone(
                self._ctx.room,
                self._job.human_identity,
                tell=self._tell,
                on_active=lambda: self._open_gate(Gate.SIP_ACTIVE),
            )
            self._sip_phone.start()
            commands |= self._sip_phone.methods()
        presence.appear(commands)
        presence.tell(FactKind.AGENT_READY)
        self._human = Human(
            self._ctx.room,
            self._job.human_identity,
            self._ctx.job.room.sid,
            tell=self._tell_of_human,
            on_present=lambda: self._open_gate(Gate.CALLER_ACTIVE),
            on_gone=lambda: presence.leave("the human left"),
        )
        self._human.start()
        self._watch = CallWatch(
            self._ctx,
            self._job.human_identity,
            self._job.call_id,
            self._tell,
            watches=AgentRole.MEDIA_BOT,
        )
        self._watch.start()

    def _make_conversation(self, assistant: Assistant, turns: CallerTurns) -> Conversation:
        language = self._job.language or assistant.language
        vendors = Vendors(self._settings, self._http, lambda: self._groq)
        session, floor = make_session(assistant, language, vendors), Floor()
        return Conversation(
            session,
            floor,
            make_voice(assistant, session, floor),
            assistant,
            opening=self._job.opening,
            language=language,
            resume_line=self._settings.atlas_resume_line,
            tool_targets=self._settings.tool_targets,
            tell=self._tell,
            record_opening=self._record_opening,
            rehearse=self._job.gate is not Gate.CALLER_ACTIVE,
            add_turn=turns.add,
            on_failed=self._fail,
            on_over=self._leave_later,
        )

    def _open_gate(self, by: Gate) -> None:
        if self._job.gate is by and self._conversation is not None:
            self._conversation.floor.clear(Closed.GATE)

    def _tell(self, kind: FactKind, data: dict[str, Any]) -> None:
        if self._presence is not None:
            self._presence.tell(kind, **data)

    def _tell_of_human(self, kind: FactKind, data: dict[str, Any]) -> None:
        # Of the bridge's phone the bridge itself tells more, and LiveKit's webhook tells it too.
        if self._job.gate is not Gate.PHONE_ANSWERED:
            self._tell(kind, data)

    async def _record_opening(self) -> None:
        if self._presence is not None:
            fact = self._presence.tell(FactKind.OPENING_STARTED)
            await self._presence.acknowledged(fact)

    def _fail(self, error: str) -> None:
        log.error("Atlas cannot go on", extra={"error": error})
        self._tell(FactKind.AGENT_FAILED, {"error": error})
        if self._presence is not None:
            self._presence.leave("failed")

    def _end(self, farewell: str | None) -> None:
        """`atlas.end`: answered at once, done in the background, a repeat changes nothing."""
        conversation = self._conversation
        if conversation is None or self._told_to_end:
            return
        self._told_to_end = True
        conversation.floor.close(Closed.ENDING)
        self._in_background(self._take_leave(conversation, farewell))

    async def _take_leave(self, conversation: Conversation, farewell: str | None) -> None:
        await conversation.voice.fall_silent()
        if farewell:
            await conversation.voice.say_out(farewell, _FAREWELL_PATIENCE)
        if self._presence is not None:
            self._presence.leave("ended by the workflow")

    def _leave_later(self) -> None:
        self._in_background(self._leave_if_nobody_closes())

    async def _leave_if_nobody_closes(self) -> None:
        await asyncio.sleep(_CLOSING_PATIENCE)
        if self._presence is not None:
            self._presence.leave("nobody closed the room")

    def _in_background(self, ending: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(ending, name="ending")
        self._endings.add(task)
