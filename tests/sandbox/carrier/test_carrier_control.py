"""The carrier does what its control pages tell it, and says what it did."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path

import pytest

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions, Held, Leg, Reattached, Resumed
from tests.bridge.ports import audio_ports
from tests.sandbox.carrier.conftest import Place, open_place

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(autouse=True)
async def _no_faults_left(place: Place):  # type: ignore[no-untyped-def]
    yield
    place.carrier.clear()


async def fault(place: Place, **fault: object) -> None:
    await place.post("/control/fault", 201, **fault)


async def test_the_phone_is_told_what_to_press(place: Place) -> None:
    call = await place.dial("0100")
    assert await call.leg.answered()
    path = f"/control/calls/{call.leg.call.call_id}"
    await place.post(f"{path}/step", hold="session")
    assert call.leg.held_by == {"them"}
    await place.post(f"{path}/step", resume=True)
    assert not call.leg.held_by
    await place.post(f"{path}/step", 422, hold="firmly")
    await place.post(f"{path}/step", 422, sing="la")
    await place.post(f"{path}/step", hang_up=True)
    await place.over(call)
    assert call.record["ended_by"] == "phone"
    await place.post(f"{path}/step", 409, resume=True)
    steps = [each["step"] for each in call.record["doings"] if each["what"] == "step"]
    assert steps == ["hold session", "resume True", "hang_up True"]


async def test_a_recording_can_be_fetched(place: Place) -> None:
    call = await place.dial("0100")
    assert await call.leg.answered()
    await asyncio.sleep(0.4)
    call.leg.hang_up()
    await place.over(call)
    async with place.http.get(f"/control/calls/{call.record['id']}/heard.wav") as answer:
        with wave.open(io.BytesIO(await answer.read())) as file:
            assert file.getframerate() in (8000, 16000)
            assert file.getnframes() > 0


async def test_the_phone_calls_the_bridge(place: Place) -> None:
    """The bridge answers, says something, and hears the phone's keys and hold."""
    came: asyncio.Queue[Leg] = asyncio.Queue()
    place.bridge.on_incoming = came.put_nowait
    port = next(each.port for each in place.bridge.listening if each.transport == "tcp")
    placed = await place.post(
        "/control/call",
        201,
        to=f"sip:+911140001000@127.0.0.1:{port};transport=tcp",
        **{"from": "+919812300111"},
        headers={"X-Exotel-CallSid": "ab12"},
        steps=[{"hold": "zero"}, "resume", {"dtmf": "42"}, "hang_up"],
    )
    leg = await asyncio.wait_for(came.get(), 5)
    told: list[object] = []
    leg.on_event = told.append
    assert (leg.call.target_user, leg.call.remote_user) == ("+911140001000", "+919812300111")
    assert leg.call.headers["x-exotel-callsid"] == "ab12"
    leg.ring()
    await leg.accept()
    end = await asyncio.wait_for(leg.ended(), 10)
    assert (end.by, end.reason) == ("them", "hung-up")
    assert [each for each in told if isinstance(each, Held | Resumed)] == [
        Held("them"),
        Resumed("them"),
    ]
    record = await place.record_of(placed["id"])
    assert (record["direction"], record["ended_by"], record["invites"]) == ("out", "phone", 3)
    assert (record["transport"], record["peer"]) == ("tcp", f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "body", [{}, {"to": "tel:+91"}, {"to": "sip:a@127.0.0.1", "steps": ["jump"]}, {"to": 1}]
)
async def test_a_call_that_cannot_be_is_refused(place: Place, body: dict[str, object]) -> None:
    answer = await place.post("/control/call", 422, **body)
    assert answer["error"].endswith(".")


async def test_an_armed_refusal_hits_the_next_call_only(place: Place) -> None:
    await fault(place, operation="invite", kind="status", value=500, count=1)
    call = await place.over(await place.dial("0100"))
    assert call.end.sip_status == 500
    good = await place.dial("0100")
    assert await good.leg.answered()
    good.leg.hang_up()
    await place.over(good)
    log = (await place.get("/control/log"))["log"]
    assert [entry["fault"] for entry in log[-2:]] == ["status", None]


async def test_an_answer_without_an_sdp_ends_the_call(place: Place) -> None:
    await fault(place, operation="invite", kind="garbage", count=1)
    call = await place.over(await place.dial("0100"))
    assert not call.leg.held_by
    assert call.end.reason in ("unusable-answer", "no-session")


async def test_a_call_that_hangs_goes_on_when_the_fault_is_cleared(place: Place) -> None:
    await fault(place, operation="invite", kind="hang")
    call = await place.dial("0101")
    await asyncio.sleep(0.5)
    assert call.leg.state == "dialling"
    async with place.http.delete("/control/fault") as answer:
        assert (await answer.json())["faults"] == []
    assert await asyncio.wait_for(call.leg.answered(), 5)
    call.leg.hang_up()
    await place.over(call)


async def test_a_caller_gives_up_on_a_call_that_hangs(place: Place) -> None:
    await fault(place, operation="invite", kind="hang")
    call = await place.over(await place.dial("0101", ringing_timeout=0.4))
    assert call.end.reason == "no-answer"
    assert (call.record["ended_by"], call.record["answered"]) == ("bridge", False)


async def test_the_connection_breaks_and_the_carrier_comes_back(place: Place) -> None:
    """In the middle of an INVITE, and of a call: RFC 3261 18.2.2."""
    await fault(place, operation="invite", kind="cut", count=1)
    call = await place.dial("0100")
    assert await asyncio.wait_for(call.leg.answered(), 10)
    await fault(place, operation="call", kind="cut", count=1)
    await asyncio.sleep(0.1)
    path = f"/control/calls/{call.leg.call.call_id}"
    await place.post(f"{path}/step", hold="sendonly")
    assert call.leg.held_by == {"them"}
    await place.post(f"{path}/step", hang_up=True)
    await place.over(call)
    assert (call.end.by, call.end.reason, call.end.answered) == ("them", "hung-up", True)
    assert call.has(Reattached)


async def test_a_call_goes_silent(place: Place) -> None:
    call = await place.dial("0100")
    assert await call.leg.answered()
    await asyncio.sleep(0.3)
    await fault(place, operation="call", kind="hang", count=1)
    await asyncio.sleep(0.1)
    before = call.leg.quality
    await asyncio.sleep(0.6)
    after = call.leg.quality
    assert before is not None
    assert after is not None
    assert after.received - before.received <= 3
    place.carrier.clear()
    await asyncio.sleep(0.3)
    again = call.leg.quality
    assert again is not None
    assert again.received - after.received > 5
    call.leg.hang_up()
    await place.over(call)


async def test_malformed_faults_are_refused(place: Place) -> None:
    for wrong in (
        {},
        {"kind": "cut"},
        {"kind": "explode", "operation": "invite"},
        {"kind": "slow", "operation": "call"},
        {"kind": "cut", "operation": "dance"},
    ):
        assert (await place.post("/control/fault", 422, **wrong))["error"]
    async with place.http.post("/control/fault", data=b"{") as answer:
        assert answer.status == 422


async def test_another_scenario_can_be_given_while_it_runs(place: Place) -> None:
    before = place.carrier.scenario
    async with place.http.put("/control/scenario", data="name: busy\nnumbers: {}") as answer:
        assert answer.status == 200
    async with place.http.put("/control/scenario", data="numbers: {}") as answer:
        assert (answer.status, await answer.json()) == (422, {"error": "name: Field required."})
    assert place.carrier.scenario.name == "busy"
    place.carrier.scenario = before


async def test_a_stranger_and_a_flood_are_refused(tmp_path: Path) -> None:
    async with open_place(
        tmp_path, carrier_allowed="127.0.0.2", carrier_calls_per_minute=2
    ) as place:
        call = await place.over(await place.dial("0100"))
        assert (call.end.sip_status, call.end.answered) == (403, False)
        options = BridgeOptions(
            listen=(Listen("udp", "127.0.0.2", 0), Listen("tcp", "127.0.0.2", 0)),
            ports=audio_ports(),
        )
        known = Bridge(options)
        await known.start()
        try:
            ends = []
            for _ in range(3):
                leg = await known.dial(place.uri("0160", "udp"))
                ends.append((await leg.ended()).sip_status)
            assert ends == [486, 486, 503]
        finally:
            await known.aclose()
