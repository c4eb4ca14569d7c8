"""`python -m bridge call` and `answer`, as a new user types them, with a phone that is not ours."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.bridge.phones.baresip import SAYS_HZ, Baresip, loudest_hz
from tests.bridge.ports import audio_ports
from tests.bridge.sipp.process import free_ports, is_heard

pytestmark = pytest.mark.slow  # starts processes, and calls last for seconds

_ROOT = Path(__file__).parents[3]


async def test_the_command_completes_a_call(tmp_path: Path) -> None:
    """`python -m bridge call` as a new user types it: hold, keys, a recording, BYE."""
    (tmp_path / "phone").mkdir()
    async with Baresip.run(tmp_path / "phone") as phone:
        says = tmp_path / "phone" / "says.wav"
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "bridge", "call", phone.uri, "--json"],
            *["--listen", f"tcp://{phone.address}:0", "--play", str(says)],
            *["--record", str(tmp_path / "heard.wav"), "--dtmf", "42@1s", "--hold", "500ms@2s"],
            *["--for", "4s"],
            cwd=_ROOT,
            env=os.environ | {"BRIDGE_RTP_PORTS": str(audio_ports())},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), 40)
        assert process.returncode == 0, errors.decode()
        result = json.loads(out)
        assert (result["answered"], result["by"], len(result["holds"])) == (True, "us", 1)
        pressed = [event["param"] for event in await phone.until("CALL_DTMF_START", 2)]
        assert pressed == ["4", "2"]
        await phone.until("CALL_CLOSED")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert loudest_hz(samples[: rate * 3], rate) == pytest.approx(SAYS_HZ, abs=10)
    assert 2.5 < samples.size / rate < 6


async def test_the_command_answers_a_call(tmp_path: Path) -> None:
    """`python -m bridge answer`: the phone calls, hears what it says itself, and hangs up."""
    (tmp_path / "phone").mkdir()
    async with Baresip.run(tmp_path / "phone") as phone:
        port = free_ports()
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "bridge", "answer", "--json", "--echo", "--ring", "200ms"],
            *["--listen", f"tcp://{phone.address}:{port}"],
            cwd=_ROOT,
            env=os.environ | {"BRIDGE_RTP_PORTS": str(audio_ports())},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert await is_heard("tcp", port, process)
            await phone.press("dial", f"sip:+911140001000@{phone.address}:{port};transport=tcp")
            await phone.until("CALL_ESTABLISHED")
            await asyncio.sleep(1.5)
            await phone.press("hangup")
            out, errors = await asyncio.wait_for(process.communicate(), 20)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, errors.decode()
        result = json.loads(out)
        assert (result["direction"], result["by"]) == ("in", "them")
        assert result["answered"]
        await phone.until("CALL_CLOSED")
        assert phone.heard_hz(0.6) == pytest.approx(SAYS_HZ, abs=15)
