"""Joins sockets and clock to the user agent, which has neither."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from bridge.ladder.record import SipMessage, SipTap
from bridge.sip.events import Event
from bridge.sip.flow import Flow, Outgoing
from bridge.sip.user_agent import UserAgent
from bridge.transport.transports import Transports

log = structlog.get_logger()


class Driver:
    """As the sockets' upper side: whatever comes in is handled, with all that follows from it,
    before anything else runs. So a re-INVITE is answered in the turn in which it arrived."""

    def __init__(
        self,
        on_event: Callable[[Event], None],
        on_unreachable: Callable[[Outgoing, str], None],
        taps: list[SipTap],
    ) -> None:
        self.defects = 0
        self._on_event = on_event
        self._on_unreachable = on_unreachable
        self._taps = taps
        self._loop = asyncio.get_running_loop()
        self._agent: UserAgent | None = None
        self._transports: Transports | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False
        self._quiet: asyncio.Future[None] | None = None

    def start(self, agent: UserAgent, transports: Transports) -> None:
        self._agent, self._transports = agent, transports

    def close(self) -> None:
        self._agent = self._transports = None
        if self._timer is not None:
            self._timer.cancel()

    def now(self) -> float:
        return self._loop.time()

    def received(self, data: bytes, flow: Flow) -> None:
        if self._agent is not None:
            self._tap(data, flow, sent=False)
            self._agent.receive(data, flow, self.now())
            self.pump()

    def sent(self, data: bytes, flow: Flow) -> None:
        self._tap(data, flow, sent=True)

    def lost(self, flow: Flow) -> None:
        if self._agent is not None:
            self._agent.flow_lost(flow, self.now())
            self.pump()

    def unreachable(self, outgoing: Outgoing, why: str) -> None:
        log.info("sip_unreachable", transport=outgoing.transport, why=why)
        if self._agent is not None:
            self._on_unreachable(outgoing, why)
            self._agent.unreachable(outgoing, self.now())
            self.pump()

    def pump(self) -> None:
        """Sends and tells all that the agent has, until it has nothing more."""
        if self._pumping:
            return  # the loop further down the stack goes on with it
        self._pumping = True
        try:
            while self.flush() or self._tell():
                pass
        finally:
            self._pumping = False
        self._wait()
        if self._quiet is not None and not self._quiet.done() and not self._is_busy:
            self._quiet.set_result(None)

    async def quiet(self) -> None:
        """Returns when no request of ours waits for its answer any more."""
        if self._is_busy:
            self._quiet = self._loop.create_future()
            await self._quiet

    @property
    def _is_busy(self) -> bool:
        return self._agent is not None and self._agent.unanswered > 0

    def flush(self) -> bool:
        """Sends what is to be sent; whether that was anything."""
        if self._agent is None or self._transports is None:
            return False
        messages = self._agent.outgoing()
        for each in messages:
            self._transports.send(each)
        return bool(messages)

    def _tell(self) -> bool:
        events = self._agent.events() if self._agent is not None else []
        for event in events:
            try:
                self._on_event(event)
            except Exception:  # one call's fault must not end the others
                self.defects += 1
                log.exception("event_not_handled", sip_event=type(event).__name__)
            self.flush()
        return bool(events)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._agent is not None and (due := self._agent.deadline) is not None:
            self._timer = self._loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._agent is not None:
            self._agent.advance(self.now())
            self.pump()

    def _tap(self, data: bytes, flow: Flow, *, sent: bool) -> None:
        for tap in tuple(self._taps):
            try:
                tap(SipMessage(time.time(), sent, flow, data))
            except Exception as error:  # a full disk must not end a call
                self._taps.remove(tap)
                log.warning("sip_tap_failed", error=type(error).__name__, detail=str(error))
