"""One call of the gateway's: a participant, a telephone, and what happens between the two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from livekit import rtc
from livekit.rtc.participant import PublishTrackError

from bridge.legs import (
    Answered,
    BridgeClosing,
    DtmfHeard,
    Leg,
    LegEnded,
    LegEvent,
    Ringing,
    Target,
    TransferProgress,
)
from bridge.room.sound import Sound
from bridge.rtp import PortsExhausted
from contract.rooms import SipAttribute
from sandbox.livekit_sip import refusals
from sandbox.livekit_sip.media_watch import MediaWatch
from sandbox.livekit_sip.order import Order
from sandbox.livekit_sip.place import Place
from sandbox.livekit_sip.seat import Reason, Seat
from sandbox.livekit_sip.transfers import Transfers
from sandbox.twirp import TwirpError

log = structlog.get_logger()

_Left = rtc.DisconnectReason
_RINGING = 180  # 100 only says that somebody has the request
_KEY_MS = 250  # a key and the pause after it, as livekit-sip presses them
_PAUSE = 0.5  # s; a `w`
_OURS_FIRST = 60.0  # s: our own patience with ringing is over before the leg's
_AFTER_TRANSFER = 1.0  # s: whoever was handed on hangs up first, if it does


class Call:
    """`join`, `dial`; `answered` tells what came of it, `over` is set when all is done."""

    def __init__(self, place: Place, order: Order) -> None:
        self.order = order
        self.seat = Seat(place)
        self.over = asyncio.Event()
        self._place = place
        codecs = place.bridge.options.codecs
        self._sound = Sound(self.seat.room, [codec.sample_rate for codec in codecs])
        self._outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._transfers = Transfers(place.bridge)
        self._leg: Leg | None = None
        self._rings = self._is_answered = self._is_active = False
        self._media = MediaWatch(
            order.media_timeout or place.media_timeout, place.first_media_timeout
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._ending: asyncio.Task[None] | None = None
        self._log = log.bind(call_id=order.call_id)

    async def join(self) -> None:
        """Raises TwirpError."""
        order = self.order
        self.seat.on_gone = self._gone
        self.seat.on_digit = self._press
        try:
            await self.seat.take(
                order.room_name, order.identity, order.name, order.metadata, order.attributes
            )
        except rtc.ConnectError as error:
            self._log.warning("room_not_joined", error=type(error).__name__)
            self.end(_Left.UNKNOWN_REASON)
            raise refusals.failed("internal", "update room failed") from None

    def dial(self) -> None:
        """Never blocks."""
        self._task(self._dial())

    async def answered(self) -> None:
        """Raises TwirpError when nobody did."""
        await asyncio.shield(self._outcome)

    async def transfer(self, target: str, headers: dict[str, str], patience: float) -> None:
        """Raises TwirpError."""
        if self._leg is None or not self._is_active or self._ending is not None:
            raise refusals.failed("failed_precondition", "can't transfer non established call")
        await self._transfers.hand_on(self._leg, target, headers, patience)
        self._later(_AFTER_TRANSFER, lambda: self.end(_Left.CLIENT_INITIATED, hung_up=True))

    def at(self, number: str) -> str:
        """Another number where this one was called."""
        return Target.parse(self.order.target).at(number)

    def end(
        self, reason: Reason, *, hung_up: bool = False, refusal: TwirpError | None = None
    ) -> None:
        """Once; whoever comes later changes nothing. `hung_up`: the room is told so."""
        if self._ending is not None:
            return
        self._settle(refusal or refusals.given_up())
        for timer in self._timers:
            timer.cancel()
        self._transfers.end()
        if hung_up:
            self.seat.show("hangup")
        if self._leg is not None:
            self._leg.on_event = None
            self._leg.hang_up()
        self._sound.close()
        self._log.info("sip_call_over", livekit=_Left.Name(reason))
        self._ending = asyncio.create_task(self._leave(reason))

    async def _leave(self, reason: Reason) -> None:
        # Not before: what is still being published or dialled would be left behind.
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.seat.leave(reason)
        await self._sound.aclose()
        self.over.set()

    async def _dial(self) -> None:
        order = self.order
        try:
            await self._sound.publish()  # before anybody is called, as livekit-sip does
        except PublishTrackError as error:
            self._log.warning("sound_not_published", error=type(error).__name__)
            refusal = refusals.failed("internal", "update room failed")
            self.end(_Left.CLIENT_INITIATED, refusal=refusal)
            return
        try:
            leg = await self._place.bridge.dial(
                order.target,
                caller=order.caller,
                headers=order.headers,
                credentials=order.credentials,
                ringing_timeout=order.ringing_timeout + _OURS_FIRST,
            )
        except (ValueError, OSError, PortsExhausted, BridgeClosing) as error:
            self._log.info("not_dialled", error=type(error).__name__)
            refusal = refusals.failed("internal", "the INVITE could not be sent")
            self.end(_Left.CLIENT_INITIATED, refusal=refusal)
            return
        self._leg = leg
        leg.on_event = self._told
        if leg.media is not None:
            leg.media.tap = self._media.tap
        if leg.end is not None:
            self._told(LegEnded(leg.end))
        self._later(order.ringing_timeout, self._rang_enough)

    def _told(self, event: LegEvent) -> None:
        match event:
            case Ringing() if event.status >= _RINGING and not self._rings:
                self._rings = True
                self.seat.show("ringing")
            case Answered():
                self._answered()
            case DtmfHeard(way="rtp"):  # livekit-sip does not read INFO
                self.seat.press(event.digit)
            case TransferProgress():
                self._transfers.told(event)
            case LegEnded() if self._is_answered:
                self.end(_Left.CLIENT_INITIATED, hung_up=event.end.by == "them")
            case LegEnded():
                refusal, reason = refusals.not_answered(event.end)
                self.end(reason, refusal=refusal)

    def _answered(self) -> None:
        self._is_answered = True
        for timer in self._timers:
            timer.cancel()
        self._later(self.order.max_duration, lambda: self.end(_Left.CLIENT_INITIATED, hung_up=True))
        self._task(self._begin())
        self._task(self._watch_media())

    async def _begin(self) -> None:
        """Keys first: until they are pressed nobody speaks to anybody."""
        assert self._leg is not None
        call = self._leg.call
        known = {SipAttribute.CALL_ID_FULL: call.call_id}
        if call.dialog is not None and call.dialog.remote_tag:
            known[SipAttribute.CALL_TAG] = call.dialog.remote_tag
        if self.order.dtmf:
            self.seat.show("automation", known)
            self._press(self.order.dtmf)
            pauses = self.order.dtmf.count("w")
            keys = len(self.order.dtmf) - pauses
            await asyncio.sleep(pauses * _PAUSE + keys * 2 * _KEY_MS / 1000)
        self.seat.show("active", known)
        self._is_active = True
        self._sound.open(self._leg)
        self.seat.listen(self._sound.earpiece)
        await self.seat.settled()
        self._settle(None)

    def _press(self, digits: str) -> None:
        """On the telephone: somebody in the room did, or the order says so."""
        media = self._leg.media if self._leg is not None and self._ending is None else None
        if media is None or not media.can_send_dtmf:
            return
        try:
            media.send_dtmf(digits, tone_ms=_KEY_MS, gap_ms=_KEY_MS)
        except ValueError:
            self._log.info("no_such_key")

    async def _watch_media(self) -> None:
        await self._media.silence()
        self._log.info("media_timeout")
        self.end(_Left.CLIENT_INITIATED)

    def _rang_enough(self) -> None:
        self.end(_Left.USER_UNAVAILABLE, refusal=refusals.given_up())

    def _gone(self) -> None:
        self.end(_Left.CLIENT_INITIATED)

    def _settle(self, refusal: TwirpError | None) -> None:
        if self._outcome.done():
            return
        if refusal is None:
            self._outcome.set_result(None)
        else:
            self._outcome.set_exception(refusal)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, what))

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
