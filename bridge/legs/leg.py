"""One phone call as the bridge sees it: signalling, description and media together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from bridge.legs.core import LegCore, LegState
from bridge.legs.digits import checked_digits, send_by_info
from bridge.legs.errors import LegOver
from bridge.legs.events import HoldKind, LegEvent, TransferProgress
from bridge.legs.host import LegHost
from bridge.legs.offers import Offers
from bridge.legs.outcome import LegEnd, Side
from bridge.legs.record import Why
from bridge.rtp import PortsExhausted, Quality
from bridge.sdp import Negotiation, NothingInCommon, SdpError
from bridge.sip import Call

__all__ = ["Leg", "LegState"]


class Leg(LegCore):
    """Made by `Bridge.dial`, or handed to `Bridge.on_incoming`. Callbacks must not block."""

    def __init__(
        self, host: LegHost, call: Call, *, max_duration: float, accept_transfers: bool
    ) -> None:
        super().__init__(host, call, max_duration=max_duration, accept_transfers=accept_transfers)
        self._describing = asyncio.Lock()
        self._described: str | None = None

    @property
    def id(self) -> str:
        """Unique in this process, safe to log."""
        return self.call.id

    @property
    def on_event(self) -> Callable[[LegEvent], None] | None:
        return self.news.on_event

    @on_event.setter
    def on_event(self, told: Callable[[LegEvent], None] | None) -> None:
        self.news.on_event = told

    def events(self) -> AsyncIterator[LegEvent]:
        """The same as `on_event` gets, from now on; the end is the last one."""
        return self.news.events()

    @property
    def held_by(self) -> frozenset[Side]:
        return self.record.holds.by

    @property
    def sample_rate(self) -> int:
        """Hz, of the PCM both ways; it may change with a re-INVITE."""
        return self.media.sample_rate if self.media is not None else 8000

    @property
    def codec(self) -> str:
        """Empty until there is one."""
        known = self._negotiation.codec if self._negotiation is not None else None
        return known.name if known is not None else ""

    @property
    def answered_at(self) -> datetime | None:
        """When the 200 came, or went."""
        return self.record.answered_at

    @property
    def quality(self) -> Quality | None:
        """So far."""
        if self.record.quality is None and self.media is not None:
            return self.media.quality()
        return self.record.quality

    def play(self, pcm: bytes) -> None:
        """After what is playing already."""
        if self.media is not None and self.record.why is None and self.state != "ended":
            self.media.play(pcm)

    async def answered(self) -> bool:
        """Once that is known: whether there is somebody to talk to."""
        await self._decided.wait()
        return self._talks

    async def ended(self) -> LegEnd:
        """Once it has ended and its media is closed."""
        await self._is_over.wait()
        if self._closing is not None:
            await asyncio.shield(self._closing)
        assert self.end is not None
        return self.end

    async def parted(self) -> None:
        """Once it has ended and the far side has confirmed our BYE, or never will."""
        await self._parted.wait()

    def ring(self, status: int = 180) -> None:
        self.call.ring(self._host.now(), status)
        self._host.pump()

    async def play_early(self) -> None:
        """Ring with our audio (183): what `play` gets now is heard before the answer."""
        sdp = await self._own_description()
        if sdp is not None and self._negotiation is not None and self.media is not None:
            self.call.ring(self._host.now(), 183, sdp)
            if self._negotiation.current is not None:
                self.media.apply(self._negotiation.current, early=True)
            self._host.pump()

    async def accept(self) -> None:
        """Answer an incoming call. What cannot be answered is refused, and ends."""
        sdp = await self._own_description()
        if sdp is not None and self.state == "ringing" and self.record.why is None:
            self.call.accept(sdp, self._host.now())
            self._host.flush()
            self._answer()
            self._host.pump()

    def reject(
        self, status: int = 603, *, reason: str = "rejected", detail: str = "", phrase: str = ""
    ) -> None:
        """Refuse an incoming call."""
        if self.state != "ringing" or self.call.direction != "in":
            raise LegOver("There is no call to be refused.")
        self._leave(Why(reason, detail or f"We refused the call with {status}."))
        self.call.reject(status, self._host.now(), phrase)
        self._host.pump()

    async def hold(self, kind: HoldKind = HoldKind.SENDONLY) -> None:
        """Raises Refused when the far side does, LegOver when the call ends meanwhile."""
        await self._in_call().hold(kind)

    async def resume(self) -> None:
        """Raises Refused or LegOver."""
        await self._in_call().resume()

    def send_dtmf(self, digits: str) -> None:
        """As telephone events, or by INFO where the far side takes none. Raises ValueError."""
        digits = checked_digits(digits)
        self._in_call()
        assert self.media is not None
        if self.media.can_send_dtmf:
            self.media.send_dtmf(digits)
        else:
            self._host.keep(send_by_info(self._host, self.call, digits))

    async def transfer(self, target: str, *, patience: float = 120.0) -> TransferProgress:
        """Hand the far side on to another SIP address; when it got there we hang up.

        A far side that tells nothing for `patience` seconds is taken for 408.
        """
        self._in_call()
        try:
            async with asyncio.timeout(patience):
                outcome = await self._transfers.transfer(target)
        except TimeoutError:
            return TransferProgress(408, "No Report", True)
        if 200 <= outcome.status < 300:  # only that says that it got through (RFC 3515)
            self.hang_up("transferred", "The far side was handed on.")
        return outcome

    def accept_transfer(self) -> None:
        """We shall call where they asked us to; then tell how it goes by `report_transfer`."""
        self._transfers.accept()

    def report_transfer(self, status: int, phrase: str = "") -> None:
        self._transfers.report(status, phrase)

    def refuse_transfer(self, status: int = 603) -> None:
        self._transfers.refuse(status)

    async def _own_description(self) -> str | None:
        """None: the call ended, or does now, as it cannot be answered."""
        if self.call.direction != "in" or self.state != "ringing":
            raise LegOver("There is no call to be answered.")
        async with self._describing:
            if self._described is not None or self.record.why is not None:
                return self._described
            try:
                media = await self._host.open_media()
            except (PortsExhausted, OSError) as error:
                self.reject(503, reason="no-media", detail=f"There is no port for audio: {error}")
                return None
            if self.state != "ringing" or self.record.why is not None:  # one side gave up
                await media.aclose()
                return None
            negotiation = Negotiation(self._host.local_media(media))
            self.take(media, negotiation)
            try:
                text = negotiation.answer_to(self.offer) if self.offer else negotiation.offer()
            except (SdpError, NothingInCommon) as error:
                self.reject(error.sip_status, reason="not-acceptable", detail=str(error))
                return None
            self._described = text
            return text

    def _in_call(self) -> Offers:
        if self.state != "answered" or self.record.why is not None or self._offers is None:
            raise LegOver("The call is not answered, or has ended.")
        return self._offers
