"""The carrier: lets calls in or refuses them, and gives them to its phone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import structlog

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions, Leg, LegOver, Target
from bridge.rtp import PortRange
from sandbox.carrier import faults
from sandbox.carrier.cdr import Book, CallRecord
from sandbox.carrier.faults import Operation
from sandbox.carrier.gate import Gate
from sandbox.carrier.phone import Phone
from sandbox.carrier.scenario import Behaviour, Scenario
from sandbox.carrier.settings import CarrierSettings
from sandbox.carrier.taps import Taps
from sandbox.providers.faults import Fault

log = structlog.get_logger()

_MAX_CALLS = 400
_RECORDINGS_KEPT = 500
_HEARD = 0.05
_FOR_EVER = 24 * 3600.0
_NO_SDP = "v=0\r\nnot what was agreed on\r\n"


class Carrier:
    """`start`, then calls come in; `place` makes one. `aclose` ends them all."""

    def __init__(self, settings: CarrierSettings, scenario: Scenario) -> None:
        self.scenario = scenario
        self.book = Book()
        self.vendor = faults.vendor()
        self.phones: dict[str, Phone] = {}
        self._gate = Gate(settings.carrier_allowed, settings.carrier_calls_per_minute)
        self._folder = settings.carrier_recordings
        host, port = settings.carrier_host, settings.carrier_sip_port
        self.bridge = Bridge(
            BridgeOptions(
                listen=(Listen("tcp", host, port), Listen("udp", host, port)),
                ports=PortRange.parse(settings.carrier_rtp_ports),
                user="phone",
                accept_transfers=True,
                max_calls=_MAX_CALLS,
                # A patient far side: what ends a call is the other side's to find out.
                media_timeout=_FOR_EVER,
                drain=1.0,
            )
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises OSError when a port or the folder cannot be used."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        self.bridge.on_incoming = self._incoming
        taps = Taps(self.book, self.phones)
        self.bridge.sip_taps.append(taps.signalling)
        self.bridge.media_tap = taps.audio
        await self.bridge.start()

    async def aclose(self) -> None:
        self.vendor.clear()
        await self.bridge.aclose()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def place(
        self,
        target: str,
        caller: str,
        behaviour: Behaviour,
        *,
        headers: Mapping[str, str] | None = None,
        ringing_timeout: float | None = None,
    ) -> CallRecord:
        """A call of the phone's to the bridge. Raises ValueError or OSError: nothing was sent."""
        leg = await self.bridge.dial(
            target, caller=caller, headers=headers, ringing_timeout=ringing_timeout
        )
        record = self._open(leg, "out", caller, target, "placed")
        way = Target.parse(target)
        record.transport, record.peer = way.transport, f"{way.host}:{way.port}"
        phone = self._phone(leg, record)
        self._keep(phone, phone.talk(behaviour))
        return record

    def arm(self, fault: Fault) -> None:
        """Raises ValueError for what the carrier cannot do wrong."""
        faults.check(fault)
        self.vendor.arm(fault)
        if fault.operation == Operation.CALL:
            for phone in tuple(self.phones.values()):
                if phone.leg.state == "answered" and fault in self.vendor.faults:
                    self._harm(phone, self.vendor.take(Operation.CALL))

    def clear(self) -> None:
        self.vendor.clear()

    def _incoming(self, leg: Leg) -> None:
        number = leg.call.target_user
        flow = leg.call.flow
        ending, behaviour = self.scenario.of(number)
        record = self._open(leg, "in", leg.call.remote_user, number, ending)
        refusal = self._gate.refusal(flow.remote.host if flow else "0.0.0.0", self.bridge.now())
        fault = None if refusal else self.vendor.take(Operation.INVITE)
        self.vendor.asked(
            Operation.INVITE,
            call=record.id,
            number=number,
            behaviour=ending,
            fault=fault.kind if fault else None,
            refused=refusal[0] if refusal else None,
        )
        phone = self._phone(leg, record)
        if refusal is not None:
            status, phrase = refusal
            leg.reject(status, phrase=phrase)
            self._keep(phone, phone.watch())
        elif fault is not None:
            self._keep(phone, self._misbehave(phone, behaviour, fault))
        else:
            self._keep(phone, phone.answer(behaviour))

    async def _misbehave(self, phone: Phone, behaviour: Behaviour, fault: Fault) -> None:
        leg = phone.leg
        try:
            match fault.kind:
                case "slow":
                    await phone.meanwhile(asyncio.sleep(fault.seconds))
                case "status":
                    behaviour = Behaviour(ring=0, refuse=fault.status)
                case "hang":
                    await phone.meanwhile(self.vendor.cleared.wait())
                case "cut":
                    # Only a caller who has heard of us waits for us to come back (RFC 3261 17.1.4).
                    leg.ring()
                    await phone.meanwhile(asyncio.sleep(_HEARD))
                    self._drop(leg)
                case "garbage":
                    leg.call.accept(_NO_SDP, self.bridge.now())
                    self.bridge.pump()
        except LegOver:  # the caller gave up
            await phone.watch()
            return
        if fault.kind == "garbage":
            await phone.watch()
        else:
            await phone.answer(behaviour)

    def _harm(self, phone: Phone, fault: Fault | None) -> None:
        if fault is None:
            return
        phone.record.did("fault", kind=fault.kind)
        if fault.kind == "cut":
            self._drop(phone.leg)
        else:
            self._task(self._hush(phone))

    async def _hush(self, phone: Phone) -> None:
        silence = asyncio.create_task(phone.be_silent(_FOR_EVER))
        cleared = asyncio.create_task(self.vendor.cleared.wait())
        await asyncio.wait({silence, cleared}, return_when=asyncio.FIRST_COMPLETED)
        for task in (silence, cleared):
            task.cancel()
        await asyncio.gather(silence, cleared, return_exceptions=True)

    def _drop(self, leg: Leg) -> None:
        if leg.call.flow is not None:
            self.bridge.transports.drop(leg.call.flow)

    def _open(
        self, leg: Leg, direction: Literal["in", "out"], caller: str, called: str, ending: str
    ) -> CallRecord:
        flow = leg.call.flow
        return self.book.open(
            CallRecord(
                id=f"call-{secrets.token_hex(6)}",  # recordings of earlier runs stay
                sip_call_id=leg.call.call_id,
                direction=direction,
                caller=caller,
                called=called,
                transport=flow.transport if flow else "",
                peer=str(flow.remote) if flow else "",
                behaviour=ending,
                headers=dict(leg.call.headers) if direction == "in" else {},
            )
        )

    def _phone(self, leg: Leg, record: CallRecord) -> Phone:
        phone = self.phones[record.id] = Phone(self.bridge, leg, record, self._folder)
        return phone

    def _keep(self, phone: Phone, work: Coroutine[Any, Any, None]) -> None:
        async def whole_call() -> None:
            try:
                await work
            finally:
                self.phones.pop(phone.record.id, None)
                await asyncio.to_thread(self._forget_old_recordings)

        self._task(whole_call())

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("phone_failed", error=repr(error))

    def _forget_old_recordings(self) -> None:
        recordings: list[Path] = sorted(
            self._folder.glob("*.wav"), key=lambda file: file.stat().st_mtime
        )
        for file in recordings[:-_RECORDINGS_KEPT]:
            with suppress(OSError):
                file.unlink()
