"""Offers and answers within a call: hold and resume, from both sides (RFC 3264, RFC 6337)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bridge.legs.errors import LegOver, Refused
from bridge.legs.events import HoldKind
from bridge.legs.hold_texts import with_direction_of_session, without_address
from bridge.legs.host import LegHost
from bridge.sdp import Negotiation, NothingInCommon, SdpError
from bridge.sip import Call


class Offers:
    """`changed` is called after each exchange that both sides agreed on."""

    def __init__(
        self, host: LegHost, call: Call, negotiation: Negotiation, changed: Callable[[], None]
    ) -> None:
        self._host = host
        self._call = call
        self._negotiation = negotiation
        self._changed = changed
        self._turn = asyncio.Lock()
        self._outcome: asyncio.Future[int] | None = None
        self._before = negotiation.wish
        self._asked_for_theirs = False
        self._over = False

    # Theirs

    def received(self, sdp: str | None) -> None:
        """Answered before anything else happens: a carrier measures it."""
        if sdp is None:
            self._call.answer(self._negotiation.offer(), self._host.now())
            self._host.flush()
            return
        try:
            answer = self._negotiation.answer_to(sdp)
        except (SdpError, NothingInCommon) as error:
            self._call.refuse_offer(error.sip_status, self._host.now())
            self._host.flush()
            return
        self._call.answer(answer, self._host.now())
        self._host.flush()
        self._changed()
        if self._outcome is not None and self._asked_for_theirs:
            self._done(0)

    # Ours

    async def hold(self, kind: HoldKind) -> None:
        """Raises Refused or LegOver."""
        await self._exchange(kind)

    async def resume(self) -> None:
        """Raises Refused or LegOver."""
        await self._exchange(None)

    def answered(self, sdp: str) -> None:
        """Raises SdpError or NothingInCommon: their answer is of no use."""
        self._negotiation.accept_answer(sdp)
        self._changed()
        self._done(0)

    def failed(self, status: int) -> None:
        self._negotiation.offer_refused()
        self._negotiation.wish = self._before
        self._done(status or 408)

    def end(self) -> None:
        self._over = True
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(LegOver("The call ended meanwhile."))

    async def _exchange(self, kind: HoldKind | None) -> None:
        async with self._turn:
            if self._over:
                raise LegOver("The call has ended.")
            self._before = self._negotiation.wish
            self._outcome = asyncio.get_running_loop().create_future()
            self._asked_for_theirs = kind is HoldKind.DELAYED
            if self._asked_for_theirs:
                self._negotiation.wish = "sendonly"
                self._call.offer(None, self._host.now())
            else:
                # Written at each sending: after glare the session may be another one.
                self._call.offer(lambda: self._written(kind), self._host.now())
            self._host.pump()
            try:
                status = await self._outcome
            finally:
                self._outcome = None
            if status:
                raise Refused(status)

    def _written(self, kind: HoldKind | None) -> str:
        match kind:
            case None:
                return self._negotiation.offer("sendrecv")
            case HoldKind.SENDONLY:
                return self._negotiation.offer("sendonly")
            case HoldKind.SESSION:
                return with_direction_of_session(self._negotiation.offer("sendonly"))
            case HoldKind.ZERO:
                return without_address(self._negotiation.offer("inactive"))
            case _:
                return self._negotiation.offer("inactive")

    def _done(self, status: int) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(status)
