"""What happens while a call lasts: hold, keys, transfer, and who may tell the phone what."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from livekit import api, rtc
from prometheus_client import REGISTRY

from bridge.legs import HoldKind
from contract.facts import FactKind
from contract.holds import Holder, HoldState
from contract.rooms import Attribute
from tests.bridge.room.rig import Call, Table, Told, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

REMOTE, OPERATOR = Holder.REMOTE, Holder.OPERATOR


def holds(call: Call, *holders: Holder) -> bool:
    return call.watcher.hold.holders == frozenset(holders)


def changes_with(call: Call, name: Attribute) -> list[dict[str, str]]:
    return [change for change in call.watcher.changes if name in change]


async def stands(call: Call, state: HoldState) -> None:
    """Everybody reads this, at last."""
    try:
        await eventually(lambda: call.watcher.hold == state)
    except AssertionError:
        at_server = await call.hall.attributes(call.room)
        raise AssertionError(f"{call.watcher.changes}, server: {at_server}") from None


@pytest.mark.parametrize("kind", list(HoldKind))
async def test_every_kind_of_hold_is_told_and_every_resume(table: Table, kind: HoldKind) -> None:
    call = await table.talk()
    await table.hall.do(call.leg, hold=kind)
    await eventually(lambda: holds(call, REMOTE))
    assert call.watcher.attributes["call.state"] == "held"
    assert call.watcher.attributes["sip.callStatus"] == "active"
    # Both in one write: who comes just then never sees the one without the other. (All attributes
    # can be known before the change is told: the SDK reads them when it tells an earlier one.)
    written = await eventually(lambda: changes_with(call, Attribute.CALL_HOLD))
    assert [change.get(Attribute.CALL_STATE) for change in written] == ["held"]
    (told,) = await eventually(lambda: call.watcher.heard("call_hold"))
    assert (told["seq"], told["holders"]) == (1, ["remote"])
    await table.hall.do(call.leg, resume=True)
    await eventually(lambda: call.watcher.attributes["call.state"] == "answered")
    assert holds(call)
    (told,) = await eventually(lambda: call.watcher.heard("call_resume"))
    assert (told["seq"], told["holders"]) == (2, [])
    call.leg.cancel()
    await call.over()
    assert call.told.of(FactKind.HELD) == [{"holder": "remote", "seq": 1}]
    assert call.told.of(FactKind.RESUMED) == [{"holder": "remote", "seq": 2}]


@pytest.mark.parametrize(("number", "held"), [("0117", False), ("0118", True)])
async def test_a_hold_that_flaps_twenty_times_ends_in_its_last_state(
    table: Table, number: str, held: bool
) -> None:
    call = await table.talk(number)
    changes = 21 if held else 20
    await eventually(lambda: call.watcher.hold.seq >= changes, 12)
    await asyncio.sleep(0.3)
    assert call.watcher.hold == HoldState(changes, frozenset([REMOTE] if held else []))
    assert call.watcher.attributes["call.state"] == ("held" if held else "answered")
    seqs = [told["seq"] for _, told, _ in call.watcher.messages if "holders" in told]
    assert seqs == list(range(1, changes + 1))
    call.leg.cancel()
    await call.over()
    facts = [(kind, data["seq"]) for kind, data, _ in call.told.facts if "holder" in data]
    assert [seq for _, seq in facts] == list(range(1, changes + 1))
    assert facts[-1][0] == (FactKind.HELD if held else FactKind.RESUMED)


async def test_hanging_up_while_the_far_side_holds(table: Table) -> None:
    call = await table.talk("0115")
    report = await call.over()
    assert (report.reason, report.by) == ("hung-up", "them")
    assert call.told.kinds[-2:] == ["held", "leg_ended"]


async def test_the_workflows_hold_stands_beside_the_far_sides(table: Table) -> None:
    call = await table.talk()
    ours = HoldState(1, frozenset([OPERATOR]))
    await table.hall.write(call.room, call_hold=ours.to_json())
    await stands(call, ours)
    await table.hall.do(call.leg, hold="sendonly")
    await stands(call, HoldState(2, frozenset([OPERATOR, REMOTE])))
    # The workflow had not heard of it when it wrote this.
    forgetful = HoldState(2, frozenset())
    await table.hall.write(call.room, call_hold=forgetful.to_json())
    await stands(call, HoldState(3, frozenset([REMOTE])))
    await table.hall.do(call.leg, resume=True)
    await stands(call, HoldState(4))
    call.leg.cancel()
    await call.over()
    # 1 before them, where the bridge had not heard of the operator's yet.
    assert [data["seq"] for data in call.told.of(FactKind.HELD)][-2:] == [2, 3]


async def test_whoever_comes_late_reads_how_it_stands(table: Table) -> None:
    call = await table.talk()
    await table.hall.do(call.leg, hold="inactive")
    await eventually(lambda: holds(call, REMOTE))
    late = await table.hall.join(call.room, "atlas-2")
    phone = await eventually(lambda: late.phone)
    assert phone.attributes["call.state"] == "held"
    assert HoldState.parse(phone.attributes["call.hold"]) == HoldState(1, frozenset([REMOTE]))
    call.leg.cancel()
    await call.over()


async def test_keys_go_both_ways_and_only_their_number_is_a_fact(table: Table) -> None:
    call = await table.talk("0120", dtmf="9w1")
    await eventually(lambda: len(call.watcher.heard("dtmf")) == 3)
    keys = call.watcher.heard("dtmf")
    assert [each["digit"] for each in keys] == ["1", "2", "3"] or len(keys) == 3
    assert all(each["ms"] > 0 for each in keys)
    await table.hall.tell(call.room, "phone.dtmf", digits="5#", id="a")
    await table.hall.tell(call.room, "phone.dtmf", digits="5#", id="a")  # our answer was lost
    await table.hall.tell(call.room, "phone.dtmf", digits="6", id="b")
    record = await table.hall.record(call.leg)
    await eventually(lambda: len(record.document()["dtmf"]) >= 5)
    await asyncio.sleep(0.5)
    assert record.document()["dtmf"] == "915#6"
    call.leg.cancel()
    await call.over()
    counted = call.told.of(FactKind.DTMF)
    assert sum(each["count"] for each in counted) == len(call.watcher.heard("dtmf"))
    assert all(set(each) == {"count"} for each in counted)


async def test_hanging_up_twice_is_hanging_up_once(table: Table) -> None:
    call = await table.talk()
    first, second = await asyncio.gather(
        table.hall.tell(call.room, "phone.hangup", reason="assistant-hung-up"),
        table.hall.tell(call.room, "phone.hangup", reason="assistant-hung-up"),
    )
    report = await call.over()
    assert (report.reason, report.by) == ("hung-up", "us")
    assert "assistant-hung-up" in report.detail
    for answer in (first, second):
        assert answer == {"ok": True, "answered": True, "ended": report.to_data()}
    record = await table.hall.record(call.leg)
    await eventually(lambda: record.end)
    assert record.end is not None
    assert record.end.by == "them"


async def test_hanging_up_while_it_rings_cancels(table: Table) -> None:
    call = await table.dial("0162")
    await eventually(lambda: call.watcher.attributes.get("call.state") == "ringing")
    answer = await table.hall.tell(call.room, "phone.hangup")
    assert (answer["ok"], answer["answered"]) == (True, False)
    report = await call.over()
    assert answer["ended"] == report.to_data()
    assert (report.reason, report.answered) == ("cancelled", False)


async def test_keys_and_transfers_before_the_answer_are_refused_in_words(table: Table) -> None:
    call = await table.dial("0162")
    await eventually(lambda: call.watcher.attributes.get("call.state") == "ringing")
    keys = await table.hall.tell(call.room, "phone.dtmf", digits="1", id="a")
    handed_on = await table.hall.tell(call.room, "phone.transfer", to="+919876500199")
    for answer in (keys, handed_on):
        assert answer["ok"] is False
        assert answer["detail"]
    call.leg.cancel()
    await call.over()


@pytest.mark.parametrize(
    ("method", "payload"),
    [
        ("phone.dtmf", {"digits": "12x", "id": "a"}),
        ("phone.dtmf", {"digits": "1" * 65, "id": "a"}),
        ("phone.dtmf", {"id": "a"}),
        ("phone.transfer", {}),
        ("phone.transfer", {"to": "somebody"}),
        ("phone.transfer", {"to": "http://example.com/"}),
    ],
)
async def test_nonsense_is_refused(table: Table, method: str, payload: dict[str, str]) -> None:
    call = await table.talk()
    with pytest.raises(rtc.RpcError) as refused:
        await call.watcher.call(method, **payload)
    assert refused.value.code == 1400
    call.leg.cancel()
    await call.over()


async def test_methods_are_open_to_the_workflow_and_to_agents_only(table: Table) -> None:
    call = await table.talk()
    assert await table.hall.tell(call.room, "ping") == {"ok": True}
    assert await call.watcher.call("ping") == {"ok": True}
    for identity, kind in (("human-1", "standard"), ("atlas-9", "standard"), ("spy", "agent")):
        stranger = await table.hall.join(call.room, identity, kind)
        await eventually(lambda stranger=stranger: stranger.phone)
        with pytest.raises(rtc.RpcError) as refused:
            await stranger.call("phone.hangup")
        assert refused.value.code == 1403
    assert call.leg.report is None
    call.leg.cancel()
    await call.over()


async def test_a_transfer_that_gets_through_ends_the_leg(table: Table) -> None:
    call = await table.talk()
    answer = await table.hall.tell(call.room, "phone.transfer", to="+919876500199")
    assert (answer["ok"], answer["sip_status"]) == (True, 200)
    report = await call.over()
    assert (report.reason, report.by) == ("transferred", "us")
    record = await table.hall.record(call.leg)
    asked = [each for each in record.doings if each["what"] == "transfer-requested"]
    assert "+919876500199@127.0.0.1" in asked[0]["target"]


@pytest.mark.parametrize(("number", "status"), [("0131", 603), ("0132", 486)])
async def test_a_transfer_that_fails_keeps_the_call(table: Table, number: str, status: int) -> None:
    call = await table.talk(number)
    answer = await call.watcher.call("phone.transfer", to="sip:bob@127.0.0.1:5070")
    assert (answer["ok"], answer["sip_status"]) == (False, status)
    assert call.leg.report is None
    call.leg.cancel()
    await call.over()


async def test_a_transfer_that_they_ask_for_is_told_to_agents_and_refused(table: Table) -> None:
    call = await table.talk()
    human = await table.hall.join(call.room, "human-1", "standard")
    await table.hall.do(call.leg, transfer="sip:+15550100@127.0.0.1:5070")
    (asked,) = await eventually(lambda: call.watcher.heard("transfer_requested"))
    assert "+15550100" in asked["target"]
    assert not human.heard("transfer_requested")
    record = await table.hall.record(call.leg)
    assert {"transferred": 603} in [{e["what"]: e.get("status")} for e in record.doings]
    call.leg.cancel()
    await call.over()


async def test_the_phone_is_seen_to_live(table: Table) -> None:
    call = await table.talk()
    await asyncio.sleep(2.0)
    gaps = np.diff(call.watcher.beats)
    assert 3 <= len(gaps) <= 6
    assert gaps.max() < 1.4  # whoever hears nothing for 1.5 s asks
    call.leg.cancel()
    await call.over()


async def _hears(call: Call, hz: float | None, patience: float = 4.0) -> None:
    """Raises AssertionError unless the far side's phone hears this tone alone (None: nothing)."""
    record = await call.hall.record(call.leg)
    phone = call.hall.carrier.phones[record.id]
    until = time.monotonic() + patience
    while True:
        frames: list[bytes] = []
        phone.leg.on_frame = frames.append
        await asyncio.sleep(0.5)
        pcm = np.frombuffer(b"".join(frames[-20:]), dtype="<i2").astype(float)
        loud = float(np.abs(pcm).max(initial=0.0))
        power = np.abs(np.fft.rfft(pcm * np.hanning(pcm.size)))
        peak = float(np.fft.rfftfreq(pcm.size, 1 / 8000)[power.argmax()]) if pcm.size else 0.0
        if (loud < 300) if hz is None else (loud > 1000 and abs(peak - hz) < 20):
            return
        assert time.monotonic() < until, f"heard {peak} Hz at {loud}"


async def test_current_generations_are_heard_and_past_ones_are_not(table: Table) -> None:
    call = await table.talk()
    await call.watcher.speak(440)
    await _hears(call, 440)
    # A second Atlas, which the workflow has not made the current one yet.
    second = await table.hall.join(call.room, "atlas-2")
    await second.speak(700)
    await _hears(call, 440)
    await table.hall.set_generations(call.room, atlas=2, media_bot=1)
    await _hears(call, 700)
    # LiveKit that was restarted forgets: what was known stays.
    await table.hall.livekit.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=call.room, metadata="")
    )
    await asyncio.sleep(0.3)
    await _hears(call, 700)
    # The frozen one wakes, and comes back.
    again = await table.hall.join(call.room, "atlas-1")
    await again.speak(900)
    await _hears(call, 700)
    call.leg.cancel()
    await call.over()
    assert REGISTRY.get_sample_value("bridge_subscriptions") == 0


async def test_of_media_bot_its_player_is_heard_and_of_humans_their_microphone(
    table: Table,
) -> None:
    call = await table.talk()
    bot = await table.hall.join(call.room, "media-bot-1")
    await bot.speak(500, rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
    await _hears(call, 500)
    await bot.leave()
    await _hears(call, None)
    browser = await table.hall.join(call.room, "caller", "standard")
    await browser.speak(600)
    await _hears(call, None)
    human = await table.hall.join(call.room, "human-1", "standard")
    await human.speak(800)
    await _hears(call, 800)
    call.leg.cancel()
    await call.over()


async def test_the_end_is_told_before_the_phone_leaves(table: Table) -> None:
    slow = Told(acknowledges=False)
    call = await table.talk("0100", told=slow)
    call.leg.cancel()
    await call.over()
    (asked_at,) = slow.asked_at
    left_at = await eventually(lambda: call.watcher.left_at)
    assert 0.25 < left_at - asked_at < 1.0


async def test_each_leg_leaves_its_ladder_without_a_number(table: Table, tmp_path: Path) -> None:
    call = await table.talk()
    await table.hall.do(call.leg, hold="sendonly")
    call.leg.cancel()
    await call.over()
    file = tmp_path / "ladders" / f"{call.room}.txt"
    await table.legs.drain(5.0)  # it comes with the far side's last word
    ladder = await asyncio.to_thread(file.read_text)
    for part in ("INVITE sip:+••••••••••00@", "180 Ringing", "200 OK (INVITE)", "[sendonly", "BYE"):
        assert part in ladder
    assert ladder.rstrip().endswith("200 OK (BYE)")
    assert "98765" not in ladder
    assert (await asyncio.to_thread(file.stat)).st_mode & 0o777 == 0o600


async def test_the_metrics_tell_of_legs_and_name_nobody(table: Table) -> None:
    def count(outcome: str) -> float:
        labels = {"outcome": outcome}
        return REGISTRY.get_sample_value("bridge_invites_total", labels) or 0.0

    before = count("answered"), count("busy"), REGISTRY.get_sample_value("bridge_legs")
    talked = REGISTRY.get_sample_value("bridge_talk_seconds_total") or 0.0
    call = await table.talk()
    assert REGISTRY.get_sample_value("bridge_legs") == before[2] + 1  # type: ignore[operator]
    await asyncio.sleep(0.3)
    call.leg.cancel()
    await call.over()
    busy = await table.dial("0160")
    await busy.over()
    assert (count("answered"), count("busy")) == (before[0] + 1, before[1] + 1)
    assert REGISTRY.get_sample_value("bridge_legs") == before[2]
    assert 0.3 <= REGISTRY.get_sample_value("bridge_talk_seconds_total") - talked < 3  # type: ignore[operator]
    ticks = REGISTRY.get_sample_value("bridge_pacer_lateness_seconds_count")
    assert ticks is not None
    assert ticks > 10
