"""Handing the phone on to another address."""

from __future__ import annotations

import asyncio

from bridge.legs import Bridge, Leg, TransferProgress
from sandbox.livekit_sip import refusals
from sandbox.twirp import TwirpError


class Transfers:
    """One at a time, by REFER. Unlike the leg's own, the call is not over when it got there."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._outcome: asyncio.Future[TransferProgress] | None = None

    async def hand_on(
        self, leg: Leg, target: str, headers: dict[str, str], patience: float
    ) -> None:
        """Raises TwirpError unless the far side says that it got there."""
        if self._outcome is not None:
            raise refusals.failed("failed_precondition", "a transfer is under way")
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            leg.call.refer(target, self._bridge.now(), headers=headers)
            self._bridge.pump()
            async with asyncio.timeout(patience):
                told = await self._outcome
        except ValueError as wrong:
            raise TwirpError("invalid_argument", str(wrong)) from None
        except TimeoutError:
            raise refusals.failed("deadline_exceeded", "call transfer timed out") from None
        finally:
            self._outcome = None
        if not 200 <= told.status < 300:
            raise refusals.not_transferred(told.status, told.phrase)

    def told(self, progress: TransferProgress) -> None:
        if progress.final and self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(progress)

    def end(self) -> None:
        """The call is over."""
        if self._outcome is not None and not self._outcome.done():
            error = refusals.failed("canceled", "call ended during the transfer")
            self._outcome.set_exception(error)
