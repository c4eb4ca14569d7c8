"""The stand-in as a process: what it is told, and its end in the middle of a call."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.livekit_sip.bench import Bench

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIVEKIT_SIP_HTTP_PORT", ""),
        ("LIVEKIT_SIP_RTP_PORTS", "many"),
        ("LIVEKIT_SIP_HOST", "192.0.2.1"),  # no address of this machine
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    settings = {
        "PYTHONPATH": str(CHECKOUT),
        "LIVEKIT_SIP_HTTP_PORT": "0",
        "LIVEKIT_URL": "ws://127.0.0.1:1",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "secret" * 6,
    } | {name: value}
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox.livekit_sip"],
        env=settings,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert name in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.stack
@pytest.mark.asyncio(loop_scope="session")
async def test_sigterm_says_goodbye_to_everybody(bench: Bench) -> None:
    talking, ringing = await bench.talk(), await bench.dial("0162")
    await ringing.until("dialing", "ringing")
    try:
        await bench.stack.kill("sip", signal.SIGTERM)
        assert (await talking.over())["ended_by"] == "bridge"
        assert (await ringing.over())["status"] == 487
        assert await talking.gone() == "CLIENT_INITIATED"
        assert await bench.participants(talking.room) != []  # the guest is still there
        identities = {who.identity for who in await bench.participants(talking.room)}
        assert identities == {"atlas-1"}
    finally:
        await bench.stack.start_process("sip")
