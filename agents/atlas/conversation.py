"""One call's conversation: livekit's session and the parts around it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    CloseEvent,
    ErrorEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    llm,
)

from agents.atlas.agent import AtlasAgent
from agents.atlas.fillers import FillerController
from agents.atlas.floor import Closed, Floor
from agents.atlas.opening import CallOpening, instructions_of
from agents.atlas.owed import OwedAnswer
from agents.atlas.rehearsal import Rehearsal
from agents.atlas.room_options import room_options
from agents.atlas.silence import SilenceWatchdog
from agents.atlas.tools.end_call import EndCall
from agents.atlas.tools.hold_caller import HoldCaller
from agents.atlas.tools.http import HttpToolCaller
from agents.atlas.tools.repetition import RepetitionBreaker
from agents.atlas.tools.target_guard import tool_session
from agents.atlas.transcript import TurnRecorder
from agents.atlas.usage import usage_items
from agents.atlas.voice import Voice
from agents.atlas.withheld import (
    PATIENCE_BEFORE_THE_FIRST_WORD_SECONDS,
    PATIENCE_SECONDS,
    WithheldAnswer,
)
from agents.turns import Turn
from contract.assistants import Assistant, RuntimeMode
from contract.facts import FactKind
from contract.rooms import Opening
from contract.tool_targets import ToolTargets

log = logging.getLogger(__name__)

Tell = Callable[[FactKind, dict[str, Any]], None]


class Conversation:
    def __init__(
        self,
        session: AgentSession[None],
        floor: Floor,
        voice: Voice,
        assistant: Assistant,
        *,
        opening: Opening,
        language: str,
        resume_line: str,
        tool_targets: ToolTargets,
        tell: Tell,
        record_opening: Callable[[], Awaitable[None]],
        rehearse: bool,
        add_turn: Callable[[Turn], None],
        on_failed: Callable[[str], None],
        on_over: Callable[[], None],
    ) -> None:
        """`rehearse`: the call is not answered yet, so the opening can be prepared."""
        self.session, self.floor, self.voice = session, floor, voice
        self._assistant = assistant
        self._tell, self._on_failed, self._on_over = tell, on_failed, on_over
        self._has_failed = False
        self._http = tool_session(tool_targets)
        self._fillers = FillerController(assistant.fillers, may_speak=self._may_fill)
        end_call = assistant.tools.end_call
        self._end_call = EndCall(end_call, floor=floor, voice=voice, ended=self._ended)
        self._hold_caller = HoldCaller(
            assistant.tools.hold_caller, floor=floor, voice=voice, asked=self._asked_for_hold
        )
        self._watchdog = SilenceWatchdog(
            assistant.silence, say=lambda text: void(voice.say(text)), give_up=self._give_up
        )
        self._owed = OwedAnswer(session, over=self._look_for_silence)
        self._withheld = WithheldAnswer(patience=self._patience_with_answer, release=voice.let_go)
        self._recorder = TurnRecorder(session, add_turn, language)
        self._opening = CallOpening(
            opening,
            assistant.opening,
            resume_line=resume_line,
            floor=floor,
            voice=voice,
            record=record_opening,
            rehearsal=self._rehearsal() if rehearse else None,
        )

    async def start(self, room: rtc.Room, human_identity: str) -> None:
        self.session.on("agent_state_changed", self._state_changed)
        self.session.on("user_state_changed", self._state_changed)
        self.session.on("user_input_transcribed", self._heard)
        self.session.on("close", self._closed)
        self.session.on("error", self._erred)
        self.floor.on_change(self._floor_changed)
        self.voice.start()
        self._owed.start()
        self._recorder.start()
        # Deaf until the gate opens: no transcript, no turn, no bill for the ringing.
        self.voice.listen(False)
        agent = AtlasAgent(self._assistant.instructions, self._tools(), self.floor, self._fillers)
        await self.session.start(
            agent,
            room=room,
            room_options=room_options(agent, human_identity, typing=self._assistant.text_input),
            # A session host would let anybody in the room drive and read this session.
            session_host=False,
            record=False,
        )
        self._fillers.start()
        self._watchdog.start()
        self._withheld.start()
        self._opening.start()

    async def aclose(self) -> None:
        await self._opening.aclose()
        await self._withheld.aclose()
        await self._watchdog.aclose()
        await self._fillers.aclose()
        await self._hold_caller.aclose()
        await self._end_call.aclose()
        await self.voice.aclose()
        await self._owed.aclose()
        try:
            await self.session.aclose()
        except Exception as failed:
            # A realtime model's error that ended the session is raised here once more.
            log.info("the session ended by an error", extra={"error": type(failed).__name__})
        await self._recorder.aclose()
        self.session.off("error", self._erred)
        self.session.off("close", self._closed)
        self.session.off("user_input_transcribed", self._heard)
        self.session.off("user_state_changed", self._state_changed)
        self.session.off("agent_state_changed", self._state_changed)
        await self._http.close()

    def usage(self) -> list[dict[str, Any]]:
        items = usage_items(self.session.usage.model_usage, self._assistant)
        return [asdict(item) for item in items]

    def _rehearsal(self) -> Rehearsal | None:
        # A realtime model is asked for nothing before the answer, and it is quick.
        if self._assistant.mode is RuntimeMode.REALTIME:
            return None
        options = self._assistant.opening
        return Rehearsal(self.session, options, instructions_of(options))

    def _tools(self) -> list[llm.Tool | llm.Toolset]:
        options = self._assistant.tools
        breaker = RepetitionBreaker()
        tools: list[llm.Tool | llm.Toolset] = [
            HttpToolCaller(tool, self._http, breaker).tool(self._fillers) for tool in options.http
        ]
        if options.end_call.enabled:
            tools.append(self._end_call.tool())
        if options.hold_caller.enabled:
            tools.append(self._hold_caller.tool())
        return tools

    def _may_fill(self) -> bool:
        # A realtime model has one answer at a time, so nothing could be said ahead of it.
        if self._assistant.mode is not RuntimeMode.PIPELINE or not self.floor.is_open:
            return False
        if self.session.agent_state == "thinking":
            return True
        return self._is_quiet and self._owed.is_due

    def _patience_with_answer(self) -> float | None:
        speech = self.session.current_speech
        if (
            not self.floor.is_open
            or speech is None
            or speech.done()
            or speech.interrupted
            or self.session.agent_state == "speaking"
            or self.session.user_state == "speaking"
        ):
            return None
        # "thinking" lasts until the first sound of an answer.
        has_begun = self.session.agent_state != "thinking"
        return PATIENCE_SECONDS if has_begun else PATIENCE_BEFORE_THE_FIRST_WORD_SECONDS

    def _floor_changed(self) -> None:
        self.voice.listen(self.floor.is_open)
        if self.floor.is_open:
            self.voice.take_up()
        self._look_for_silence()

    def _state_changed(self, _: AgentStateChangedEvent | UserStateChangedEvent) -> None:
        self._look_for_silence()

    def _look_for_silence(self) -> None:
        self._watchdog.is_quiet(self.floor.is_open and self._is_quiet and not self._owed.is_due)

    @property
    def _is_quiet(self) -> bool:
        """Nobody speaks or thinks, by what livekit says."""
        listening = self.session.agent_state == "listening"
        return listening and self.session.user_state != "speaking"

    def _heard(self, heard: UserInputTranscribedEvent) -> None:
        if self.floor.is_open and heard.transcript:
            self._watchdog.heard()

    def _ended(self) -> None:
        self._tell(FactKind.ASSISTANT_ENDED, {"reason": "end_call"})
        self._on_over()

    def _asked_for_hold(self, seconds: float) -> None:
        self._tell(FactKind.HOLD_REQUESTED, {"seconds": seconds})

    def _give_up(self) -> None:
        self.floor.close(Closed.ENDING)
        self._tell(FactKind.SILENCE_TIMEOUT, {})
        self._on_over()

    def _closed(self, closed: CloseEvent) -> None:
        if closed.error is not None:
            self._fail(closed.error)

    def _erred(self, erred: ErrorEvent) -> None:
        # When a realtime model is gone for good, livekit 1.8.9 stumbles over the same error while
        # it closes the session, and never says that it is closed.
        if isinstance(erred.error, llm.RealtimeModelError) and not erred.error.recoverable:
            self._fail(erred.error)

    def _fail(self, error: Any) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        # Only kinds: a provider's message may repeat the caller's words.
        cause = getattr(error, "error", error)
        status = getattr(cause, "status_code", None)
        self._on_failed(f"{error.type}: {type(cause).__name__}" + (f" {status}" if status else ""))


def void(_: object) -> None:
    """For callbacks whose answer nobody waits for."""
