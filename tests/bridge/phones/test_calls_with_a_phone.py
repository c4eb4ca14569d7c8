"""Whole calls with a phone that is not ours: signalling, audio both ways, hold, keys, transfer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.addresses import Listen
from bridge.legs import Held, HoldKind, Leg, Resumed, TransferRequested
from bridge.sdp import codecs_named
from tests.bridge.certificates import tls_files
from tests.bridge.phones.baresip import SAYS_HZ, Baresip, network_address
from tests.bridge.phones.ours import PATIENCE, Ours, a_bridge, answered, uri_of

pytestmark = pytest.mark.slow  # starts processes, and calls last for seconds


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_with_audio_hold_keys_and_bye(tmp_path: Path, transport: str) -> None:
    async with Baresip.run(tmp_path, transport) as phone, a_bridge() as bridge:
        ours = await answered(bridge, phone)
        ours.say(600, 1.0)
        await asyncio.sleep(1.0)
        await ours.hears(SAYS_HZ)

        await phone.press("hold")
        await ours.until(Held("them"))
        await phone.press("resume")
        await ours.until(Resumed("them"))

        await phone.press("sndcode", "5#")
        ours.leg.send_dtmf("7")
        (pressed,) = await phone.until("CALL_DTMF_START")
        assert pressed["param"] == "7"
        await asyncio.sleep(0.6)
        await ours.hears(SAYS_HZ)  # audio goes on after hold
        async with asyncio.timeout(PATIENCE):
            while len(ours.digits) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert ours.digits == "5#"

        await phone.press("hangup")
        end = await asyncio.wait_for(ours.leg.ended(), PATIENCE)
        assert (end.by, end.reason, len(end.holds)) == ("them", "hung-up", 1)
        await phone.until("CALL_CLOSED")
        assert phone.heard_hz() == pytest.approx(600, abs=15)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_phone_calls_and_is_held_in_every_way(tmp_path: Path, transport: str) -> None:
    async with Baresip.run(tmp_path, transport) as phone, a_bridge() as bridge:
        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        await phone.press("dial", uri_of(bridge, "+911140001000", transport))
        ours = Ours(await asyncio.wait_for(came.get(), PATIENCE))
        assert (ours.leg.call.target_user, ours.leg.call.remote_user) == ("+911140001000", "phone")
        ours.leg.ring()
        await phone.until("CALL_RINGING")
        await ours.leg.accept()
        await phone.until("CALL_ESTABLISHED")
        for kind in HoldKind:
            await asyncio.wait_for(ours.leg.hold(kind), PATIENCE)
            assert ours.leg.held_by == {"us"}, kind
            await asyncio.wait_for(ours.leg.resume(), PATIENCE)
        await asyncio.sleep(0.7)
        await ours.hears(SAYS_HZ)
        ours.leg.hang_up()
        end = await asyncio.wait_for(ours.leg.ended(), PATIENCE)
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
        await ours.hears(SAYS_HZ)
        ours.leg.hang_up()
        await asyncio.wait_for(ours.leg.ended(), PATIENCE)
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
        await ours.hears(SAYS_HZ)
        ours.leg.hang_up()
        await asyncio.wait_for(ours.leg.ended(), PATIENCE)
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
        await asyncio.wait_for(ours.leg.ended(), PATIENCE)
        await phone.until("CALL_CLOSED")

        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        await phone.press("dial", uri_of(bridge, "+911140001000", "tls"))
        leg = await asyncio.wait_for(came.get(), PATIENCE)
        await leg.accept()
        await phone.until("CALL_ESTABLISHED", 2)
        await phone.press("hangup")
        end = await asyncio.wait_for(leg.ended(), PATIENCE)
        assert (end.by, end.answered) == ("them", True)


async def test_the_phone_refuses_and_is_cancelled(tmp_path: Path) -> None:
    async with Baresip.run(tmp_path, account="answermode=manual") as phone, a_bridge() as bridge:
        leg = await bridge.dial(phone.uri)
        await phone.until("CALL_INCOMING")
        await phone.press("hangup")
        end = await asyncio.wait_for(leg.ended(), PATIENCE)
        assert (end.by, end.answered) == ("them", False)
        assert end.sip_status in (480, 486, 603)

        leg = await bridge.dial(phone.uri, ringing_timeout=0.5)
        end = await asyncio.wait_for(leg.ended(), PATIENCE)
        assert (end.by, end.reason) == ("us", "no-answer")
        await phone.until("CALL_CLOSED", 2)


async def test_the_phone_is_handed_on(tmp_path: Path) -> None:
    """REFER to a phone: it calls where it was sent, and the first call ends."""
    async with Baresip.run(tmp_path) as phone, a_bridge() as bridge:
        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        first = await answered(bridge, phone)
        handing = asyncio.create_task(first.leg.transfer(uri_of(bridge, "+911140002000", "tcp")))
        second = Ours(await asyncio.wait_for(came.get(), PATIENCE))
        assert second.leg.call.target_user == "+911140002000"
        await second.leg.accept()
        outcome = await asyncio.wait_for(handing, PATIENCE)
        assert outcome.status == 200
        end = await asyncio.wait_for(first.leg.ended(), PATIENCE)
        assert end.answered
        second.leg.hang_up()
        await asyncio.wait_for(second.leg.ended(), PATIENCE)


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
        end = await asyncio.wait_for(ours.leg.ended(), PATIENCE)
        assert (end.by, end.answered) == ("them", True)


async def test_the_phone_shows_its_password(tmp_path: Path) -> None:
    account = "auth_user=anna;auth_pass=hush;answermode=auto"
    async with (
        Baresip.run(tmp_path, account=account) as phone,
        a_bridge(callers={"anna": "hush"}) as bridge,
    ):
        came: asyncio.Queue[Leg] = asyncio.Queue()
        bridge.on_incoming = came.put_nowait
        await phone.press("dial", uri_of(bridge, "+911140001000", "tcp"))
        leg = await asyncio.wait_for(came.get(), PATIENCE)
        await leg.accept()
        await phone.until("CALL_ESTABLISHED")
        leg.hang_up()
        await asyncio.wait_for(leg.ended(), PATIENCE)
