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


_AFTER_A_DEFECT = 0.1


class Driver:
    """As the sockets' upper side: whatever comes in is handled, with all that follows from it,
    before anything else runs. So a re-INVITE is answered in the turn in which it arrived."""

    def __init__(
        self,
        on_event: Callable[[Event], None],
        on_unreachable: Callable[[Outgoing, str], None],
        on_lost: Callable[[Flow], None],
        taps: list[SipTap],
    ) -> None:
        self.defects = 0
        self._is_defect = False
        self._on_event = on_event
        self._on_unreachable = on_unreachable
        self._on_lost = on_lost
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
            self._guarded(lambda agent: agent.receive(data, flow, self.now()))

    def sent(self, data: bytes, flow: Flow) -> None:
        self._tap(data, flow, sent=True)

    def lost(self, flow: Flow) -> None:
        if self._agent is not None:
            self._on_lost(flow)
        self._guarded(lambda agent: agent.flow_lost(flow, self.now()))

    def unreachable(self, outgoing: Outgoing, why: str) -> None:
        log.info("sip_unreachable", transport=outgoing.transport, why=why)
        if self._agent is not None:
            self._on_unreachable(outgoing, why)
            self._guarded(lambda agent: agent.unreachable(outgoing, self.now()))

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

    def _guarded(self, ask: Callable[[UserAgent], None]) -> None:
        """What one message does to the agent must not break the connection of other calls."""
        if self._agent is None:
            return
        self._is_defect = False
        try:
            ask(self._agent)
        except Exception:
            self._is_defect = True
            self.defects += 1
            log.exception("signalling_failed")
        self.pump()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._agent is not None and (due := self._agent.deadline) is not None:
            # Not at once again where a defect keeps a timer from being used up.
            soonest = self.now() + (_AFTER_A_DEFECT if self._is_defect else 0.0)
            self._timer = self._loop.call_at(max(due, soonest), self._due)

    def _due(self) -> None:
        self._timer = None
        self._guarded(lambda agent: agent.advance(self.now()))

    def _tap(self, data: bytes, flow: Flow, *, sent: bool) -> None:
        for tap in tuple(self._taps):
            try:
                tap(SipMessage(time.time(), sent, flow, data))
            except Exception as error:  # a full disk must not end a call
                self._taps.remove(tap)
                log.warning("sip_tap_failed", error=type(error).__name__, detail=str(error))
