"""The phone behind the carrier: it goes through one call as its behaviour says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import structlog

from bridge.legs import Bridge, Leg, LegEvent, LegOver, Refused, TransferRequested
from sandbox.carrier import voice
from sandbox.carrier.cdr import CallRecord
from sandbox.carrier.ear import Ear
from sandbox.carrier.scenario import Behaviour, Step
from sandbox.carrier.times import now
from sandbox.carrier.wire import WireEar

log = structlog.get_logger()

_T = TypeVar("_T")
_DIGIT_SECONDS = 0.2
_PAUSE_SECONDS = 0.5  # a `w`
_FLAP_SECONDS = 0.25
_REFER_SECONDS = 0.3
_REFUSED_AT_ONCE = 603
_SPEECHLESS = 20.0  # seconds that a phone waits for the other side to say something and to stop


class Phone:
    """`answer` a call that came in, or `talk` in one that was placed; both end with the call."""

    def __init__(self, bridge: Bridge, leg: Leg, record: CallRecord, folder: Path) -> None:
        self.leg = leg
        self.record = record
        self._bridge = bridge
        self._ear = Ear(folder / f"{record.id}.wav")
        self.wire = record.wire = WireEar()
        self._spoke = time.monotonic()
        self._answers_cancel = False
        self._refer = Behaviour().refer
        self._handing_on: asyncio.Task[None] | None = None
        self._over = asyncio.create_task(leg.ended())
        leg.on_event = self._told
        leg.on_frame = lambda pcm: self._ear.hear(pcm, leg.sample_rate, bridge.now())

    @property
    def audio_port(self) -> int:
        """Where it is spoken to; 0 while there is none."""
        return self.leg.media.local_port if self.leg.media is not None else 0

    async def answer(self, behaviour: Behaviour) -> None:
        """Ring, then answer and go through the steps, refuse, or ring for ever."""
        self._refer = behaviour.refer
        try:
            await self._pick_up(behaviour)
            await self._through(behaviour)
        except LegOver:
            pass  # whoever hung up: that is in the record
        finally:
            await self._put_down()

    async def talk(self, behaviour: Behaviour) -> None:
        """The steps, once the other side has answered."""
        try:
            if await self.leg.answered():
                self.record.answered_at = now()
                await self._through(behaviour)
        except LegOver:
            pass
        finally:
            await self._put_down()

    async def watch(self) -> None:
        """Does nothing until the call is over."""
        await self._put_down()

    async def do(self, step: Step) -> None:
        """Raises LegOver when there is no call (any more)."""
        self.record.did("step", step=str(step))
        leg = self.leg
        if step.say is not None:
            await self._speak(await voice.speech(step.say, leg.sample_rate))
        elif step.tone is not None:
            await self._speak(voice.tone(step.tone, leg.sample_rate))
        elif step.listen is not None:
            await self.meanwhile(asyncio.sleep(step.listen))
        elif step.silence is not None:
            await self.be_silent(step.silence)
        elif step.hear is not None:
            await self._hear_out(step.hear)
        elif step.flap is not None:
            await self._flap(step.flap)
        elif step.hold is not None:
            await self._agree(leg.hold(step.hold))
        elif step.resume:
            await self._agree(leg.resume())
        elif step.dtmf is not None:
            leg.send_dtmf(step.dtmf)
            pauses = step.dtmf.count("w") * _PAUSE_SECONDS
            await self.meanwhile(asyncio.sleep(len(step.dtmf) * _DIGIT_SECONDS + pauses))
        elif step.transfer is not None:
            outcome = await self.meanwhile(leg.transfer(step.transfer))
            self.record.did("transferred", status=outcome.status)
        elif step.hang_up:
            leg.hang_up()
            await self._over

    async def meanwhile(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The work's outcome; LegOver when the call ends before it."""
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, self._over}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise LegOver("The call ended meanwhile.")
            return task.result()
        finally:
            task.cancel()

    async def be_silent(self, seconds: float) -> None:
        """Not a packet of audio, while the call says that there should be some."""
        self._send(False)
        try:
            await self.meanwhile(asyncio.sleep(seconds))
        finally:
            self._send(True)

    def cancelled(self) -> None:
        """The caller's CANCEL has arrived and is not read yet. A phone that crosses it answers now:
        its description is ready, so that this needs no turn of the loop."""
        if self._answers_cancel:
            self._answers_cancel = False
            with suppress(StopIteration):
                self.leg.accept().send(None)
            self.record.answered_at = now()

    async def _pick_up(self, behaviour: Behaviour) -> None:
        leg = self.leg
        if behaviour.crossing:
            await leg.play_early()
            self.record.ringing_at = now()
            self._answers_cancel = True
            await self._over
            return
        if behaviour.announce is not None:
            await leg.play_early()
            await self._speak(await voice.speech(behaviour.announce, leg.sample_rate))
        elif behaviour.ring or not behaviour.answers:
            leg.ring()
        if behaviour.ring or behaviour.announce:
            self.record.ringing_at = now()
        await self.meanwhile(asyncio.sleep(behaviour.ring))
        if behaviour.refuse is not None:
            headers = {"Reason": behaviour.reason} if behaviour.reason else None
            leg.call.reject(behaviour.refuse, self._bridge.now(), headers=headers)
            self._bridge.pump()
        elif behaviour.answers:
            await self.meanwhile(leg.accept())
            self.record.answered_at = now()

    async def _through(self, behaviour: Behaviour) -> None:
        for step in behaviour.steps:
            await self.do(step)
        await self._over

    async def _hear_out(self, quiet: float) -> None:
        if not await self.meanwhile(self.wire.hear_out(self._spoke, quiet, _SPEECHLESS)):
            self.record.did("nothing-heard", seconds=_SPEECHLESS)
        self._spoke = time.monotonic()

    async def _flap(self, times: int) -> None:
        """Odd: it holds in the end."""
        begun = time.monotonic()
        for change in range(times):
            await self._agree(self.leg.resume() if change % 2 else self.leg.hold())
            due = begun + (change + 1) * _FLAP_SECONDS
            await self.meanwhile(asyncio.sleep(max(0.0, due - time.monotonic())))

    async def _speak(self, pcm: bytes) -> None:
        media = self.leg.media
        if media is None:
            raise LegOver("There is no call to speak in.")
        self.leg.play(pcm)
        await self.meanwhile(media.played())
        self._spoke = time.monotonic()

    async def _agree(self, exchange: Coroutine[Any, Any, None]) -> None:
        try:
            await self.meanwhile(exchange)
        except Refused as refused:
            self.record.did("refused", status=refused.status)

    def _send(self, wanted: bool) -> None:
        agreed = self.leg.negotiated
        if agreed is not None and self.leg.media is not None and self.leg.state == "answered":
            self.leg.media.apply(agreed if wanted else replace(agreed, sends=False))

    def _told(self, event: LegEvent) -> None:
        self.record.note(event)
        if isinstance(event, TransferRequested):
            self._handing_on = asyncio.create_task(self._be_handed_on())

    async def _be_handed_on(self) -> None:
        """As a carrier reports it; nobody is called."""
        if self._refer == _REFUSED_AT_ONCE:
            self.leg.refuse_transfer(self._refer)
            return
        self.leg.accept_transfer()
        with suppress(LegOver):
            await self.meanwhile(asyncio.sleep(_REFER_SECONDS))
            self.leg.report_transfer(self._refer)

    async def _put_down(self) -> None:
        """Waits for the call's end, whatever became of the steps."""
        try:
            self.record.end = await self._over
        finally:
            self._ear.close()
            self.record.heard = self._ear.document()
            log.info("call_over", call=self.record.id, reason=self.leg.end and self.leg.end.reason)
