"""What the command does in one call: plays, records, presses keys, holds, hands on, hangs up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.console.files import Files
from bridge.console.script import HoldFor, SendDigits, Step, TransferTo
from bridge.legs import (
    Answered,
    ConnectionLost,
    DtmfHeard,
    Held,
    HoldKind,
    Leg,
    LegEvent,
    LegOver,
    Reattached,
    Refused,
    Resumed,
    Ringing,
    TransferProgress,
    TransferRequested,
)

_HOLDS = {"us": "on hold: we hold", "them": "on hold: the far side holds"}
_RESUMES = {"us": "we resume", "them": "the far side resumes"}


_SILENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is asked of us in a call; times in seconds from its answer."""

    steps: Sequence[Step] = ()
    hold_kind: HoldKind = HoldKind.SENDONLY
    lasts: float | None = None
    """Then we hang up; None: the far side does, or whoever runs us."""
    hang_up_after_play: bool = False
    echo: bool = False


class Performance:
    def __init__(self, leg: Leg, part: Part, files: Files, tell: Callable[[str], None]) -> None:
        self._leg = leg
        self._part = part
        self._files = files
        self._tell = tell
        self.digits = ""
        """What the far side pressed."""
        leg.on_event = self._event
        leg.on_frame = self._frame

    async def run(self) -> None:
        """From the answer to the end of the call, whoever makes it."""
        if not await self._leg.answered():
            return
        tasks = [asyncio.create_task(self._at(step)) for step in self._part.steps]
        if self._part.lasts is not None:
            tasks.append(asyncio.create_task(self._hang_up_in(self._part.lasts)))
        if self._files.sound is not None:
            self._leg.play(self._files.sound.at(self._leg.sample_rate))
            if self._part.hang_up_after_play:
                tasks.append(asyncio.create_task(self._hang_up_in(self._files.sound.seconds + 0.2)))
        tasks.append(asyncio.create_task(self._listen_to_silence()))
        try:
            await self._leg.ended()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _at(self, step: Step) -> None:
        await asyncio.sleep(step.at)
        try:
            match step:
                case SendDigits():
                    self._leg.send_dtmf(step.digits)
                    self._tell(f"pressing {len(step.digits)} keys")
                case HoldFor():
                    await self._leg.hold(self._part.hold_kind)
                    await asyncio.sleep(step.seconds)
                    await self._leg.resume()
                case TransferTo():
                    await self._leg.transfer(step.target)
        except (LegOver, Refused, ValueError) as error:
            self._tell(str(error))

    async def _hang_up_in(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._leg.hang_up()

    async def _listen_to_silence(self) -> None:
        """The first thing that a new user wonders about."""
        await asyncio.sleep(_SILENCE)
        quality = self._leg.quality
        negotiated = self._leg.negotiated
        if quality is None or negotiated is None or quality.received or not quality.dropped:
            return
        self._tell(
            f"nothing is heard: {quality.dropped} packets came from another address than "
            f"{negotiated.remote.host}, which the far side named. Listen on an address that "
            "it uses itself (--listen)."
        )

    def _frame(self, pcm: bytes) -> None:
        try:
            self._files.record(pcm, self._leg.sample_rate, time.monotonic())
        except OSError as trouble:
            self._tell(f"nothing more is recorded: {trouble.strerror}")
        if self._part.echo:
            self._leg.play(pcm)

    def _event(self, event: LegEvent) -> None:
        match event:
            case Ringing():
                self._tell("it rings, with audio" if event.early_media else "it rings")
            case Answered():
                self._tell(f"answered, {self._leg.codec}" if self._leg.codec else "answered")
            case Held():
                self._tell(_HOLDS[event.by])
            case Resumed():
                self._tell(_RESUMES[event.by])
            case DtmfHeard():
                self.digits += event.digit
                self._tell(f"key {event.digit} there ({event.ms} ms, by {event.way})")
            case TransferRequested():
                self._tell(f"asked to call {event.target} instead")
            case TransferProgress():
                self._tell(f"transfer: {event.status} {event.phrase}")
            case ConnectionLost():
                self._tell("the signalling connection is lost")
            case Reattached():
                self._tell("the signalling connection is back")
