"""One call from beginning to end, each step within its own time."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from cli.api import Api
from cli.errors import CliError, Exit
from cli.report import Check, Report, Verdict
from cli.smoke.line import Line, LineLost
from cli.smoke.record import Lived, Record, answer_in, judge
from cli.smoke.sound import Sound
from contract.identity import AgentRole

_JOIN, _AGENT, _GREETING, _ANSWER, _ENDED, _RECORDED = 15.0, 20.0, 20.0, 20.0, 45.0, 60.0
_HEARD_SECONDS = 0.3  # of sound: a word, not a click
_SETTLED = ("not_requested", "ready", "needs_attention", "lost", "deleted")

T = TypeVar("T")


class NoAnswer(Exception):
    """Nothing more is to be expected of the assistant."""


class StepFailed(Exception):
    """The check is in the report already; nothing after it makes sense."""


@dataclass(slots=True)
class Smoke:
    api: Api
    report: Report
    assistant: dict[str, Any]
    sound: Sound | None  # None: say nothing
    microphone_rate: int
    record: bool
    call_id: str = field(default="", init=False)
    exit_code: Exit = field(default=Exit.CHECK_FAILED, init=False)  # should a step fail
    _line: Line = field(init=False)
    _atlas: str = field(default="", init=False)
    _ended: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Whatever happens, the call that it started is over afterwards."""
        self._line = Line(self.microphone_rate)
        try:
            await self._live_through()
            await self._look_at_the_record()
        except StepFailed:
            pass
        finally:
            with suppress(Exception):
                await self._line.leave()
            if self.call_id and not self._ended:
                await self._hang_up()

    async def _live_through(self) -> None:
        call = await self._step("call started", 30.0, self._start, lambda call: call["call_id"])
        self.call_id = call["call_id"]
        line = self._line
        join = line.join(call["url"], call["token"])
        await self._step("caller joined", _JOIN, lambda: join, lambda _: call["url"])
        self._atlas = await self._agent_joins(AgentRole.ATLAS)
        await self._agent_joins(AgentRole.MEDIA_BOT)
        await self._step("microphone subscribed", _AGENT, line.listener)
        if self._greets:
            await self._step(
                "greeting heard",
                _GREETING,
                lambda: line.hear(self._atlas, _HEARD_SECONDS, line.joined_at),
                lambda at: f"{at - line.joined_at:.1f} s after joining",
            )
            await self._step("greeting over", 60.0, lambda: line.quiet(self._atlas, 1.0))
        if self.sound is not None:
            await self._ask(self.sound)

    async def _agent_joins(self, role: AgentRole) -> str:
        name = f"{role.display_name} joined"
        return await self._step(name, _AGENT, lambda: self._line.agent(role), str)

    async def _ask(self, sound: Sound) -> None:
        line = self._line
        said_at = await self._step("question asked", 30.0, lambda: line.say(sound))
        await self._step(
            "question understood", _ANSWER, self._caller_turn, lambda text: f"“{text}”"
        )
        await self._step(
            "answer heard",
            _ANSWER,
            lambda: line.hear(self._atlas, _HEARD_SECONDS, said_at),
            lambda at: f"{at - said_at:.1f} s after the question",
        )
        # What was heard may be a filler, which needs no language model.
        await self._step("answer in words", 60.0, self._answer, lambda text: f"“{text}”")
        await self._step("answer over", 60.0, lambda: line.quiet(self._atlas, 1.0))

    async def _look_at_the_record(self) -> None:
        line = self._line
        await self._step("caller left", 10.0, line.leave)
        await self._step("call ended", _ENDED, self._is_over)
        if self.record:
            await self._step("recording settled", _RECORDED, self._is_recorded)
        opening = self.assistant["opening"]
        lived = Lived(
            talked_seconds=line.left_at - line.joined_at,
            opening=opening["text"] if opening["mode"] == "say" else "",
            greeted=self._greets,
            spoke=self.sound is not None,
            wants_recording=self.record,
            stopgaps=self._stopgaps,
        )
        for check in judge(await self._read_record(), lived):
            self.report.add(check)

    @property
    def _greets(self) -> bool:
        opening = self.assistant["opening"]
        return opening["mode"] == "generate" or bool(opening["mode"] == "say" and opening["text"])

    @property
    def _stopgaps(self) -> tuple[str, ...]:
        return (*self.assistant["fillers"]["words"], *self.assistant["silence"]["reprompts"])

    async def _start(self) -> dict[str, Any]:
        body = {
            "assistant_id": self.assistant["id"],
            "record": self.record,
            "metadata": {"smoke": True},
        }
        call: dict[str, Any] = await self._post("/web_call/get_token", body)
        return call

    async def _caller_turn(self) -> str:
        while True:
            turns = (await self._get(f"/calls/{self.call_id}/transcript"))["items"]
            for turn in turns:
                if turn["speaker"] == "caller":
                    return str(turn["text"])
            await asyncio.sleep(0.3)

    async def _answer(self) -> str:
        """Raises LineLost, NoAnswer."""
        begun = time.monotonic()
        while not self._line.is_lost:
            if self._line.silence_of(self._atlas, begun) > _ANSWER:
                raise NoAnswer(f"the assistant said nothing more for {_ANSWER:.0f} s")
            turns = (await self._get(f"/calls/{self.call_id}/transcript"))["items"]
            if text := answer_in(turns, self._stopgaps):
                return text
            await asyncio.sleep(0.3)
        raise LineLost("the room was closed before the assistant had answered")

    async def _is_over(self) -> None:
        while True:
            call = await self._get(f"/calls/{self.call_id}")
            self._ended = call["status"] == "ended"
            if self._ended and call["cost"] is not None:
                return
            await asyncio.sleep(0.3)

    async def _is_recorded(self) -> None:
        while True:
            found = await self._get(f"/calls/{self.call_id}/recording")
            if found["status"] in _SETTLED:
                return
            await asyncio.sleep(0.5)

    async def _read_record(self) -> Record:
        path = f"/calls/{self.call_id}"
        recording = await self._get(f"{path}/recording")
        return Record(
            call=await self._get(path),
            timeline=(await self._get(f"{path}/timeline"))["items"],
            transcript=(await self._get(f"{path}/transcript"))["items"],
            recording=recording,
            sha256=await asyncio.to_thread(_hash_of, recording["url"]),
        )

    async def _step(
        self,
        name: str,
        limit: float,
        work: Callable[[], Awaitable[T]],
        detail: Callable[[T], str] = lambda _: "",
    ) -> T:
        begun = time.monotonic()
        trouble = ""
        try:
            with self._waiting(name):
                async with asyncio.timeout(limit):
                    found = await work()
        except TimeoutError:
            trouble = f"not within {limit:.0f} s"
        except (LineLost, NoAnswer, rtc.ConnectError, PublishTrackError) as lost:
            trouble = str(lost)
        except CliError as refused:
            trouble, self.exit_code = str(refused), refused.exit_code
        took = time.monotonic() - begun
        if trouble:
            step = await self._what_the_record_says()
            verdict = Verdict.FAILED
            self.report.add(
                Check(name=name, verdict=verdict, detail=trouble, next_step=step, seconds=took)
            )
            raise StepFailed
        self.report.add(Check(name=name, verdict=Verdict.OK, detail=detail(found), seconds=took))
        return found

    def _waiting(self, name: str) -> Any:
        """What it waits for, for people at a terminal."""
        return self.report.screen.err.status(f"{name} …")

    async def _what_the_record_says(self) -> str:
        if not self.call_id:
            return "`switchboard doctor` says which part is missing."
        for _ in range(10):  # the record follows the room's end a little later
            with suppress(CliError):
                call = await self._get(f"/calls/{self.call_id}")
                if call["status"] == "ended":
                    why = call["ended_detail"] or ""
                    return f"The record says {call['ended_reason']}: {why}"
            if not self._line.is_lost:
                break
            await asyncio.sleep(0.3)
        return f"`switchboard doctor`, and `switchboard calls timeline {self.call_id}`."

    async def _hang_up(self) -> None:
        with suppress(CliError):  # it ended by itself
            reason = {"reason": "The smoke test ended early."}
            await self._post(f"/calls/{self.call_id}/hangup", reason)

    async def _get(self, path: str) -> Any:
        return await asyncio.to_thread(self.api.get, path)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        return await asyncio.to_thread(self.api.post, path, body)


def _hash_of(url: str | None) -> str:
    if not url:
        return ""
    # A client of its own: a presigned link refuses a second authorization.
    try:
        answer = httpx2.get(url, timeout=30.0)
    except httpx2.TransportError:
        return ""
    return hashlib.sha256(answer.content).hexdigest() if answer.is_success else ""
