"""One run of the command: a bridge, its calls, signals, and the result."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bridge.addresses import Listen, source_towards
from bridge.console.exits import Exit, exit_of
from bridge.console.files import VOICE_WARNING, Files, Paths
from bridge.console.performance import Part, Performance
from bridge.console.screen import Screen
from bridge.ladder.record import SipMessage
from bridge.legs import Bridge, BridgeOptions, Leg, LegEnd, Target
from bridge.rtp import PortsExhausted, Quality
from bridge.transport.names import Names
from engine.leaving import leave

_IMPATIENT = 2
# Our 200 to their BYE may get lost, then they say it again (RFC 3261 section 17.2.2, timer J).
_LINGER = 1.2


class Session:
    """Ctrl-C hangs up; a second one leaves at once."""

    def __init__(self, options: BridgeOptions, paths: Paths, part: Part, *, as_json: bool) -> None:
        self.options = options
        self.screen = Screen(quiet=as_json)
        self.part = part
        self._paths = paths
        self._as_json = as_json
        self._interrupts = 0
        self._bridge: Bridge | None = None
        self._files: Files | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._heard = self._codec = ""
        self._on_interrupt: Callable[[], object] | None = None

    async def call(self, target: str, caller: str | None, *, listens: bool) -> Exit:
        """`listens`: somebody said where; else it is our end of the way to the target."""
        if not listens:
            self.options = replace(self.options, listen=await _towards(Target.parse(target)))
        return await self._run(lambda bridge, files: self._call(bridge, files, target, caller))

    async def answer(self, how: Callable[[Leg], Awaitable[bool]]) -> Exit:
        """The next call; `how` answers it, or says by False that it did not."""
        return await self._run(lambda bridge, files: self._answer(bridge, files, how))

    async def _run(self, work: Callable[[Bridge, Files], Awaitable[LegEnd | None]]) -> Exit:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt)
        files = self._files = await asyncio.to_thread(Files, self._paths)
        if self._paths.pcap_media:
            self.screen.warn(VOICE_WARNING)
        bridge = self._bridge = Bridge(self.options)
        # A terminal is slow: what the far side waits for goes out first.
        bridge.sip_taps.append(self._show_later)
        files.listen_to(bridge)
        try:
            try:
                await bridge.start()
            except OSError as trouble:
                places = ", ".join(map(str, self.options.listen))
                raise ValueError(f"{places} cannot be used: {trouble.strerror}.") from None
            try:
                end = await work(bridge, files)
            finally:
                await bridge.aclose()
                await asyncio.sleep(0)  # the ladder's last lines
        finally:
            files.close()
        if end is None:
            return Exit.INTERRUPTED
        code = Exit.INTERRUPTED if self._interrupts else exit_of(end)
        self._tell_result(end, code)
        return code

    def _show_later(self, message: SipMessage) -> None:
        asyncio.get_running_loop().call_soon(self.screen.message, message)

    async def _call(
        self, bridge: Bridge, files: Files, target: str, caller: str | None
    ) -> LegEnd | None:
        leg = await bridge.dial(target, caller=caller)
        return await self._perform(leg, files)

    async def _answer(
        self, bridge: Bridge, files: Files, how: Callable[[Leg], Awaitable[bool]]
    ) -> LegEnd | None:
        arrived: asyncio.Future[Leg] = asyncio.get_running_loop().create_future()

        def _take(leg: Leg) -> None:
            if arrived.done():
                leg.reject(486, reason="busy")
            else:
                arrived.set_result(leg)

        bridge.on_incoming = _take
        places = ", ".join(str(place) for place in bridge.listening)
        self.screen.note(f"Waiting for a call at {places}. Ctrl-C ends it.")
        self._on_interrupt = arrived.cancel
        try:
            leg = await arrived
        except asyncio.CancelledError:
            if not self._interrupts:
                raise
            return None
        return await self._perform(leg, files, how)

    async def _perform(
        self, leg: Leg, files: Files, how: Callable[[Leg], Awaitable[bool]] | None = None
    ) -> LegEnd:
        loop = asyncio.get_running_loop()

        def _tell(text: str) -> None:
            loop.call_soon(self.screen.happened, text)

        performance = Performance(leg, self.part, files, _tell)
        if how is None or await how(leg):
            await performance.run()
        end = await leg.ended()
        if end.by == "them" and leg.call.flow is not None and not leg.call.flow.reliable:
            await asyncio.sleep(_LINGER)
        self._heard = performance.digits
        self._codec = leg.codec
        return end

    def _interrupt(self) -> None:
        self._interrupts += 1
        if self._interrupts >= _IMPATIENT:
            if self._files is not None:
                self._files.close()
            leave(int(Exit.INTERRUPTED))
        if self._bridge is not None:
            for leg in self._bridge.legs:
                leg.hang_up()
            # Whom we called may be silent for good: it has `drain` seconds, all in all.
            self._leaving = asyncio.get_running_loop().create_task(self._bridge.aclose())
        if self._on_interrupt is not None:
            self._on_interrupt()

    def _tell_result(self, end: LegEnd, code: Exit) -> None:
        if self._as_json:
            document = end.as_document() | {
                "codec": self._codec or None,
                "keys_heard": self._heard,
                "exit_code": int(code),
            }
            print(json.dumps(document, indent=2, ensure_ascii=False))
            return
        talked = f" after {end.talk_seconds:.1f} s" if end.answered else ""
        told = self.screen.done if exit_of(end) is Exit.ANSWERED else self.screen.fail
        told(f"{end.detail.removesuffix('.')}{talked} ({end.reason}, by {end.by}).")
        if end.quality is not None:
            self.screen.note(_heard(end.quality))


def _heard(quality: Quality) -> str:
    mos = f", MOS about {quality.mos:.1f}" if quality.mos is not None else ""
    text = (
        f"Heard {quality.received} packets, {quality.lost} lost, {quality.late} late, "
        f"jitter {quality.jitter_ms:.1f} ms{mos}; sent {quality.sent}."
    )
    if quality.dropped:
        text += f" {quality.dropped} packets were not from the address that the far side named."
    return text


async def _towards(target: Target) -> tuple[Listen, ...]:
    """Raises OSError when there is no such host, or no way to it."""
    host = await Names().look_up(target.host)
    source = source_towards(host)
    if source is None:
        raise OSError(f"there is no way to {target.host} from this machine")
    return (Listen("udp", source, 0), Listen("tcp", source, 0))


NETWORK_ERRORS = (OSError, PortsExhausted)
