"""The driver between sockets, clock and a user agent, also one that fails."""

from __future__ import annotations

import asyncio
import time

from bridge.sip import Address, Flow, UserAgent, UserAgentSettings
from bridge.transport import Driver, Transports

FLOW = Flow("udp", Address("127.0.0.1", 5060), Address("127.0.0.1", 5070))


class Failing(UserAgent):
    def __init__(self) -> None:
        super().__init__(UserAgentSettings({"udp": Address("127.0.0.1", 5060)}))
        self.advanced = 0

    def receive(self, message: bytes, flow: Flow, now: float) -> None:
        raise RuntimeError("a defect")

    def advance(self, now: float) -> None:
        self.advanced += 1
        raise RuntimeError("a defect")

    @property
    def deadline(self) -> float | None:
        return 0.0  # long ago


async def test_a_defect_is_counted_and_neither_breaks_off_nor_spins() -> None:
    agent = Failing()
    driver = Driver(lambda event: None, lambda outgoing, why: None, lambda flow: None, [])
    transports = Transports(driver)
    driver.start(agent, transports)
    driver.received(b"OPTIONS", FLOW)
    began = time.monotonic()
    await asyncio.sleep(0.25)
    driver.close()
    assert 1 <= agent.advanced <= 1 + (time.monotonic() - began) / 0.1
    assert driver.defects == agent.advanced + 1
    await asyncio.sleep(0.15)
    assert driver.defects == agent.advanced + 1
    await transports.aclose()
