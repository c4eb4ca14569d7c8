"""`python -m bridge` against itself: two processes, one call."""

from __future__ import annotations

import asyncio
import signal
import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.bridge.console.running import finish, free_port, run, said, start
from tests.bridge.console.test_sound import tone, written
from tests.bridge.ladder.capture import packets, stream

pytestmark = pytest.mark.slow

NUMBER = "+919876543210"


def share(file: Path, hz: float) -> float:
    """Of a tone in the sound of a recording."""
    with wave.open(str(file), "rb") as opened:
        rate = opened.getframerate()
        samples = np.frombuffer(opened.readframes(opened.getnframes()), dtype="<i2").astype(float)
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    at = np.fft.rfftfreq(samples.size, 1 / rate)
    return float(power[np.abs(at - hz) < 30].sum() / power.sum())


async def test_a_whole_call_with_sound_keys_hold_and_everything_written_down(
    tmp_path: Path,
) -> None:
    port = free_port()
    hello = written(tmp_path / "hello.wav", tone(450, 16_000, 2.0), 16_000)
    reply = written(tmp_path / "reply.wav", tone(650, 8_000, 2.0), 8_000)
    ladder, pcap = tmp_path / "ladder.txt", tmp_path / "call.pcap"
    answering = await start(
        *("answer", "--listen", f"tcp://127.0.0.1:{port}", "--ring", "0.2s"),
        *("--play", str(reply), "--record", str(tmp_path / "there.wav")),
        waits_for="Waiting for a call",
    )
    called = await run(
        *("call", f"sip:{NUMBER}@127.0.0.1:{port};transport=tcp", "--json"),
        *("--play", str(hello), "--record", str(tmp_path / "here.wav")),
        *("--dtmf", "12#@0.8s", "--hold", "500ms@2s", "--for", "3s"),
        *("--ladder", str(ladder), "--pcap", str(pcap), "--pcap-media"),
    )
    answered = await finish(answering)
    assert (called.code, answered.code) == (0, 0), called.err + answered.err
    told = called.document
    assert (told["answered"], told["reason"], told["by"], told["codec"]) == (
        *(True, "hung-up", "us", "PCMU"),
    )
    assert 2.5 < told["talk_seconds"] < 8
    [hold] = told["holds"]
    assert hold["by"] == "us"
    assert share(tmp_path / "there.wav", 450) > 0.8
    assert share(tmp_path / "here.wav", 650) > 0.8
    for line in ("INVITE", "180 Ringing", "200 OK", "ACK", "[sendonly", "[recvonly", "BYE"):
        assert line in ladder.read_text()
        assert line in answered.err
    assert NUMBER[1:] not in ladder.read_text() + called.err + answered.err
    assert "key #" in answered.err
    assert stat.S_IMODE(pcap.stat().st_mode) == 0o600
    found = packets(pcap)
    assert stream([each for each in found if each.protocol == 6], ("127.0.0.1", port))
    assert sum(each.protocol == 17 for each in found) > 100
    assert "holds the caller's voice" not in called.out
    assert "voice" in called.err


async def test_busy_rejected_and_never_answered_have_their_exit_codes() -> None:
    async def one(how: list[str], *more: str) -> tuple[int, int]:
        port = free_port()
        listen = f"tcp://127.0.0.1:{port}"
        answering = await start("answer", "--listen", listen, *how, waits_for="Waiting")
        called = await run("call", f"sip:bob@127.0.0.1:{port};transport=tcp", *more)
        return called.code, (await finish(answering)).code

    codes = await asyncio.gather(
        one(["--busy"]), one(["--reject", "603"]), one(["--never"], "--ring", "500ms")
    )
    assert [called for called, _ in codes] == [3, 5, 4]


async def test_ctrl_c_hangs_up_properly() -> None:
    port = free_port()
    answering = await start(
        "answer", "--listen", f"udp://127.0.0.1:{port}", waits_for="Waiting for a call"
    )
    calling = await start("call", f"sip:bob@127.0.0.1:{port}", waits_for="answered")
    calling.send_signal(signal.SIGINT)
    called, answered = await finish(calling), await finish(answering)
    assert called.code == 130
    assert "BYE" in called.err
    assert answered.code == 0
    assert "The far side hung up" in answered.err


async def test_waiting_ends_by_ctrl_c() -> None:
    waiting = await start("answer", "--listen", f"udp://127.0.0.1:{free_port()}")
    await said(waiting, "Waiting for a call")
    waiting.send_signal(signal.SIGINT)
    assert (await finish(waiting)).code == 130


WRONG = [
    (["call", "anna"], 2, "no SIP address"),
    (["call", "sip:anna@10.0.0.1", "--dtmf", "12x"], 2, "no telephone has"),
    (["call", "sip:anna@10.0.0.1", "--play", "/nowhere.wav"], 2, "cannot be read"),
    (["call", "sip:anna@10.0.0.1", "--pcap-media"], 2, "needs --pcap"),
    (["call", "sip:anna@127.0.0.1", "--record", "/nowhere/x.wav"], 2, "cannot be written"),
    (["call", "sip:anna@127.0.0.1", "--pcap", "/tmp"], 2, "cannot be written"),
    (["call", "sip:anna@127.0.0.1", "--ring", "0s"], 2, "--ring"),
    (["answer", "--listen", "tcp://192.0.2.77:5060"], 2, "cannot be used"),
    (["call", "sip:anna@8.8.8.8", "--listen", "udp://127.0.0.1:0"], 2, "BRIDGE_ADVERTISED_IP"),
    (["call", "sip:anna@nobody.invalid"], 6, "no address"),
    (["answer", "--listen", "udp://somewhere:5060"], 2, "not an IP address"),
]


async def test_what_cannot_be_is_told_in_a_sentence() -> None:
    all_ran = await asyncio.gather(*(run(*arguments) for arguments, _, _ in WRONG))
    for ran, (arguments, code, words) in zip(all_ran, WRONG, strict=True):
        assert ran.code == code, arguments
        assert words in ran.err
        assert not ran.out
