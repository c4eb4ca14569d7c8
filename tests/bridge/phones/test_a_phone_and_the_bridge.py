"""Whole calls with a phone that is not ours: signalling, audio both ways, hold, keys, transfer."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.addresses import Listen
from bridge.legs import (
    Bridge,
    BridgeOptions,
    DtmfHeard,
    Held,
    HoldKind,
    Leg,
    LegEvent,
    Resumed,
    TransferRequested,
)
from bridge.rtp import PortRange
from bridge.sdp import codecs_named
from tests.bridge.certificates import tls_files
from tests.bridge.phones.baresip import SAYS_HZ, Baresip, loudest_hz, network_address
from tests.bridge.sipp.process import free_ports, listens

pytestmark = pytest.mark.slow  # starts processes, and calls last for seconds

_ROOT = Path(__file__).parents[3]
_PATIENCE = 15.0


class Ours:
    """The bridge's side of a call."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.told: list[LegEvent] = []
        self._heard = b""
        leg.on_event = self.told.append
        leg.on_frame = self._hear

    def say(self, hertz: float, seconds: float) -> None:
        rate = self.leg.sample_rate
        at = np.arange(int(seconds * rate)) / rate
        self.leg.play((np.sin(2 * np.pi * hertz * at) * 9000).astype("<i2").tobytes())

    @property
    def hears_hz(self) -> float:
        """In the last half second."""
        rate = self.leg.sample_rate
        return loudest_hz(np.frombuffer(self._heard[-rate:], dtype="<i2"), rate)

    @property
    def digits(self) -> str:
        return "".join(event.digit for event in self.told if isinstance(event, DtmfHeard))

    async def until(self, event: LegEvent | type[LegEvent]) -> None:
        for _ in range(int(_PATIENCE / 0.02)):
            if any(
                isinstance(e, event) if isinstance(event, type) else e == event for e in self.told
            ):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {event}, but {self.told}")

    def _hear(self, pcm: bytes) -> None:
        self._heard += pcm


@asynccontextmanager
async def a_bridge(**options: Any) -> AsyncIterator[Bridge]:
    address = network_address()
    listen = tuple(Listen(way, address, 0) for way in ("udp", "tcp"))
    bridge = Bridge(
        BridgeOptions(**({"listen": listen, "ports": PortRange(12_000, 30_000)} | options))
    )
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.aclose()


def uri_of(bridge: Bridge, number: str, transport: str) -> str:
    place = next(each for each in bridge.listening if each.transport == transport)
    return f"sip:{number}@{place.host}:{place.port};transport={transport}"


async def answered(bridge: Bridge, phone: Baresip) -> Ours:
    ours = Ours(await bridge.dial(phone.uri))
    assert await asyncio.wait_for(ours.leg.answered(), _PATIENCE), (ours.leg.end, phone.output())
    return ours


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_with_audio_hold_keys_and_bye(tmp_path: Path, transport: str) -> None:
    async with Baresip.run(tmp_path, transport) as phone, a_bridge() as bridge:
        ours = await answered(bridge, phone)
        ours.say(600, 1.0)
        await asyncio.sleep(1.0)
        assert ours.hears_hz == pytest.approx(SAYS_HZ, abs=10)

        await phone.press("hold")
        await ours.until(Held("them"))
        await phone.press("resume")
        await ours.until(Resumed("them"))

        await phone.press("sndcode", "5#")
        ours.leg.send_dtmf("7")
        (pressed,) = await phone.until("CALL_DTMF_START")
        assert pressed["param"] == "7"
        await asyncio.sleep(0.6)
        assert ours.hears_hz == pytest.approx(SAYS_HZ, abs=10), "audio goes on after hold"
        assert ours.digits == "5#"

        await phone.press("hangup")
        end = await asyncio.wait_for(ours.leg.ended(), _PATIENCE)
        assert (end.by, end.reason, len(end.holds)) == ("them", "hung-up", 1)
        await phone.until("CALL_CLOSED")
        assert phone.heard_hz() == pytest.approx(600, abs=15)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_phone_calls_and_is_held_in_every_way(tmp_path: Path, transport: str) -> None:
    async with Baresip.run(tmp_path, transport) as phone, a_bridge() as bridge:
        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        await phone.press("dial", uri_of(bridge, "+911140001000", transport))
        ours = Ours(await asyncio.wait_for(came.get(), _PATIENCE))
        assert (ours.leg.call.target_user, ours.leg.call.remote_user) == ("+911140001000", "phone")
        ours.leg.ring()
        await phone.until("CALL_RINGING")
        await ours.leg.accept()
        await phone.until("CALL_ESTABLISHED")
        for kind in HoldKind:
            await asyncio.wait_for(ours.leg.hold(kind), _PATIENCE)
            assert ours.leg.held_by == {"us"}, kind
            await asyncio.wait_for(ours.leg.resume(), _PATIENCE)
        await asyncio.sleep(0.7)
        assert ours.hears_hz == pytest.approx(SAYS_HZ, abs=10)
        ours.leg.hang_up()
        end = await asyncio.wait_for(ours.leg.ended(), _PATIENCE)
        assert (end.by, len(end.holds)) == ("us", len(HoldKind))
        await phone.until("CALL_CLOSED")


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
async def test_another_codec(tmp_path: Path, codec: str) -> None:
    options = {"codecs": codecs_named([codec])}
    async with Baresip.run(tmp_path) as phone, a_bridge(**options) as bridge:
        ours = await answered(bridge, phone)
        assert ours.leg.codec == codec
        ours.say(600, 1.0)
        await asyncio.sleep(1.2)
        assert ours.hears_hz == pytest.approx(SAYS_HZ, abs=10)
        ours.leg.hang_up()
        await asyncio.wait_for(ours.leg.ended(), _PATIENCE)
        await phone.until("CALL_CLOSED")
        assert phone.heard_hz() == pytest.approx(600, abs=15)


async def test_encrypted_audio(tmp_path: Path) -> None:
    account = "answermode=auto;mediaenc=srtp-mand"
    async with Baresip.run(tmp_path, account=account) as phone, a_bridge(srtp="required") as bridge:
        ours = await answered(bridge, phone)
        negotiated = ours.leg.negotiated
        assert negotiated is not None
        assert negotiated.srtp is not None
        ours.say(600, 1.0)
        await asyncio.sleep(1.2)
        assert ours.hears_hz == pytest.approx(SAYS_HZ, abs=10)
        ours.leg.hang_up()
        await asyncio.wait_for(ours.leg.ended(), _PATIENCE)
        await phone.until("CALL_CLOSED")
        assert phone.heard_hz() == pytest.approx(600, abs=15)


async def test_signalling_over_tls(tmp_path: Path) -> None:
    """The bridge calls and believes the phone's certificate; then the phone calls the bridge."""
    address = network_address()
    tls = tls_files(tmp_path, address)
    assert tls.certificate is not None
    assert tls.private is not None
    both = tmp_path / "both.pem"
    await asyncio.to_thread(
        lambda: both.write_bytes(tls.private.read_bytes() + tls.certificate.read_bytes())
    )
    listen = (Listen("tls", address, 0),)
    async with (
        Baresip.run(tmp_path, "tls", certificate=both) as phone,
        a_bridge(listen=listen, tls=tls) as bridge,
    ):
        ours = await answered(bridge, phone)
        await phone.press("hold")
        await ours.until(Held("them"))
        ours.leg.hang_up()
        await asyncio.wait_for(ours.leg.ended(), _PATIENCE)
        await phone.until("CALL_CLOSED")

        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        await phone.press("dial", uri_of(bridge, "+911140001000", "tls"))
        leg = await asyncio.wait_for(came.get(), _PATIENCE)
        await leg.accept()
        await phone.until("CALL_ESTABLISHED", 2)
        await phone.press("hangup")
        end = await asyncio.wait_for(leg.ended(), _PATIENCE)
        assert (end.by, end.answered) == ("them", True)


async def test_the_phone_refuses_and_is_cancelled(tmp_path: Path) -> None:
    async with Baresip.run(tmp_path, account="answermode=manual") as phone, a_bridge() as bridge:
        leg = await bridge.dial(phone.uri)
        await phone.until("CALL_INCOMING")
        await phone.press("hangup")
        end = await asyncio.wait_for(leg.ended(), _PATIENCE)
        assert (end.by, end.answered) == ("them", False)
        assert end.sip_status in (480, 486, 603)

        leg = await bridge.dial(phone.uri, ringing_timeout=0.5)
        end = await asyncio.wait_for(leg.ended(), _PATIENCE)
        assert (end.by, end.reason) == ("us", "no-answer")
        await phone.until("CALL_CLOSED", 2)


async def test_the_phone_is_handed_on(tmp_path: Path) -> None:
    """REFER to a phone: it calls where it was sent, and the first call ends."""
    async with Baresip.run(tmp_path) as phone, a_bridge() as bridge:
        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        first = await answered(bridge, phone)
        handing = asyncio.create_task(first.leg.transfer(uri_of(bridge, "+911140002000", "tcp")))
        second = Ours(await asyncio.wait_for(came.get(), _PATIENCE))
        assert second.leg.call.target_user == "+911140002000"
        await second.leg.accept()
        outcome = await asyncio.wait_for(handing, _PATIENCE)
        assert outcome.status == 200
        end = await asyncio.wait_for(first.leg.ended(), _PATIENCE)
        assert end.answered
        second.leg.hang_up()
        await asyncio.wait_for(second.leg.ended(), _PATIENCE)


async def test_the_phone_hands_us_on(tmp_path: Path) -> None:
    async with Baresip.run(tmp_path) as phone, a_bridge(accept_transfers=True) as bridge:
        ours = await answered(bridge, phone)
        await phone.press("transfer", "sip:+15550100@carrier.example")
        await ours.until(TransferRequested)
        asked = next(each for each in ours.told if isinstance(each, TransferRequested))
        assert asked.target == "sip:+15550100@carrier.example"
        ours.leg.accept_transfer()
        ours.leg.report_transfer(200, "OK")
        # A phone hangs up once its transfer came about.
        end = await asyncio.wait_for(ours.leg.ended(), _PATIENCE)
        assert (end.by, end.answered) == ("them", True)


async def test_the_phone_shows_its_password(tmp_path: Path) -> None:
    account = "auth_user=anna;auth_pass=hush;answermode=auto"
    async with (
        Baresip.run(tmp_path, account=account) as phone,
        a_bridge(callers={"anna": "hush"}, caller_algorithms=("MD5",)) as bridge,
    ):
        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        await phone.press("dial", uri_of(bridge, "+911140001000", "tcp"))
        leg = await asyncio.wait_for(came.get(), _PATIENCE)
        await leg.accept()
        await phone.until("CALL_ESTABLISHED")
        leg.hang_up()
        await asyncio.wait_for(leg.ended(), _PATIENCE)


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
            env=os.environ | {"BRIDGE_RTP_PORTS": "12000-30000"},
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
            env=os.environ | {"BRIDGE_RTP_PORTS": "12000-30000"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            while not listens("tcp", port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
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
