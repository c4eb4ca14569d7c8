"""The demo's phone call as whoever answers lives it, with Temporal killed in its middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.demo.phone import NoPhoneCall, Phone
from sandbox.demo.script import DIGIT, GOODBYE, PHONE_QUESTIONS
from sandbox.stack import Stack

TEMPORAL_AWAY_SECONDS = 10.0
_ANSWER_LIMIT = 20.0
_END_LIMIT = 20.0
_HOLD_SECONDS = 1.5
_PAUSE_SECONDS = 0.8  # quiet after which the other side is taken to have finished

Tell = Callable[[str, str], None]  # (who, what)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneTalk:
    """Times are UTC."""

    temporal_gone_at: datetime
    temporal_back_at: datetime
    closed_by_assistant: bool
    carrier: dict[str, Any]  # its own record (docs/sandbox_carrier.md)
    invites: int  # that began a call to this number
    heard: bytes  # a WAV file of what the phone heard


async def talk(stack: Stack, phone: Phone, tell: Tell) -> PhoneTalk:
    """From ringing to farewell. Raises NoPhoneCall when the call is not, or breaks off."""
    await phone.wait_until_answered(_ANSWER_LIMIT)
    tell("callee", "answers the phone")
    await phone.do(hear=_PAUSE_SECONDS)

    gone_at = datetime.now(UTC)
    await stack.kill("temporal")
    tell("demo", f"killed Temporal (SIGKILL) for {TEMPORAL_AWAY_SECONDS:.0f} s; the call goes on")
    acted = asyncio.Event()
    revival = asyncio.create_task(_revive(stack, acted, tell))
    try:
        await _ask(phone, PHONE_QUESTIONS[0], tell)
        await _hold(phone, tell)
        tell("callee", f"presses {DIGIT}")
        await phone.do(dtmf=DIGIT)
        acted.set()
        back_at = await revival
    finally:
        revival.cancel()
    for question in PHONE_QUESTIONS[1:]:
        await _ask(phone, question, tell)

    tell("callee", GOODBYE)
    await phone.do(say=GOODBYE)
    try:
        record = await phone.wait_until_over(_END_LIMIT)
    except NoPhoneCall:
        tell("demo", "the assistant did not end the call, so the phone hangs up")
        await phone.do(hang_up=True)
        record = await phone.wait_until_over(_END_LIMIT)
    return PhoneTalk(
        temporal_gone_at=gone_at,
        temporal_back_at=back_at,
        closed_by_assistant=record["ended_by"] == "bridge",
        carrier=record,
        invites=len(await phone.invites()),
        heard=await phone.heard(),
    )


async def _ask(phone: Phone, question: str, tell: Tell) -> None:
    tell("callee", question)
    await phone.do(say=question)
    await phone.do(hear=_PAUSE_SECONDS)


async def _hold(phone: Phone, tell: Tell) -> None:
    tell("callee", "presses hold")
    await phone.do(hold="sendonly")
    await phone.do(listen=_HOLD_SECONDS)
    await phone.do(resume=True)
    tell("callee", "is back")


async def _revive(stack: Stack, acted: asyncio.Event, tell: Tell) -> datetime:
    """Not before all has happened that it shall miss."""
    await asyncio.sleep(TEMPORAL_AWAY_SECONDS)
    await acted.wait()
    back_at = datetime.now(UTC)
    await stack.start_process("temporal")
    tell("demo", "Temporal is back, on its file, and is told what it missed")
    return back_at
