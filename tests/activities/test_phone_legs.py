"""Dialling: which trunk, how fast, and what is told of what came of it. No SIP in here."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.phone_legs import PhoneLegActivities
from bridge.room import NoLine, PhoneThere, RoomCall
from bridge.sip import Credentials
from contract.calls import CallStatus
from contract.phone import PHONE_THERE_ERROR, Dialled, DialPhone, LegReport, NotDialled
from contract.steps import WriteRecord
from store.calls import Calls
from store.database import Database
from tests.activities.office import NUMBER, Office, sealed

ANSWERED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def refused(reason: str) -> LegReport:
    return LegReport(reason=reason, by="us", detail="", answered=False, ended_at=ANSWERED)


@dataclass
class Leg:
    """A leg that is decided when the test says so."""

    decision: asyncio.Future[datetime | None]
    cancelled: list[str] = field(default_factory=list)
    crosses: bool = False  # the far side answers when it is cancelled

    async def decided(self) -> datetime | None:
        return await asyncio.shield(self.decision)

    def cancel(self, reason: str = "cancelled") -> None:
        self.cancelled.append(reason)
        if not self.decision.done():
            self.decision.set_result(ANSWERED if self.crosses else None)

    async def ended(self) -> LegReport:
        return refused("cancelled" if self.cancelled else "busy")


class Teller:
    def __init__(self, on_over: Callable[[], None]) -> None:
        self.on_over = on_over
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True


class Bridge:
    """Stands where `bridge.room.RoomLegs` does."""

    def __init__(self) -> None:
        self.leg = Leg(asyncio.get_running_loop().create_future())
        self.refusal: Exception | None = None
        self.calls: list[tuple[RoomCall, float]] = []
        self.tellers: list[Teller] = []
        self.was_asked = asyncio.Event()

    async def dial(self, call: RoomCall, _teller: Teller) -> Leg:
        self.calls.append((call, time.monotonic()))
        self.was_asked.set()
        if self.refusal is not None:
            raise self.refusal
        return self.leg

    def teller(self, _call_id: str, on_over: Callable[[], None]) -> Teller:
        self.tellers.append(Teller(on_over))
        return self.tellers[-1]


@dataclass
class BridgeOffice(Office):
    bridge: Bridge

    @property
    def dialling(self) -> PhoneLegActivities:
        legs: Any = self.bridge
        teller: Any = self.bridge.teller
        return PhoneLegActivities(self.desk, legs, teller)

    async def dial(self, order: DialPhone) -> Dialled:
        return await ActivityEnvironment().run(self.dialling.dial_phone, order)

    async def fails(self, order: DialPhone) -> ApplicationError:
        with pytest.raises(ApplicationError) as found:
            await self.dial(order)
        assert found.value.non_retryable
        assert NUMBER not in str(found.value)
        return found.value


@pytest.fixture
async def office(tmp_path: Path) -> Any:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/office.db")
    await database.migrate()
    yield BridgeOffice(database, Bridge())
    await database.aclose()


async def test_the_trunk_is_dialled_as_it_is_kept(office: BridgeOffice) -> None:
    await office.trunk(sealed("hush"))
    office.bridge.leg.decision.set_result(ANSWERED)
    headers = {"X-Campaign": "7"}
    order = await office.order(dtmf="12#", headers=headers, ringing_timeout_seconds=20)
    assert await office.dial(order) == Dialled(answered_at=ANSWERED)
    ((call, _),) = office.bridge.calls
    assert call.target == f"sip:{NUMBER}@203.0.113.7:5070;transport=tcp"
    assert call.credentials == Credentials("acme", "hush")
    assert (call.from_number, call.hostname) == ("+911140001122", "203.0.113.7")
    assert (call.codecs, call.ringing_timeout) == (("PCMA", "PCMU"), 20)
    assert (call.dtmf, call.headers, call.max_duration) == ("12#", headers, 3660)


async def test_what_the_order_says_of_the_caller_comes_first(office: BridgeOffice) -> None:
    await office.trunk(auth=None, host="2001:db8::7")
    office.bridge.leg.decision.set_result(None)
    dialled = await office.dial(await office.order(from_number="+911140001199"))
    assert dialled == Dialled(refused=refused("busy"))
    ((call, _),) = office.bridge.calls
    assert (call.from_number, call.credentials) == ("+911140001199", None)
    assert call.target == f"sip:{NUMBER}@[2001:db8::7]:5070;transport=tcp"


@pytest.mark.parametrize(
    ("password", "changes", "kind"),
    [
        (None, {}, NotDialled.TRUNK_UNUSABLE),
        ("s1.nothing.nothing", {}, NotDialled.TRUNK_UNUSABLE),
        (sealed("hush", "trunk-password/other/one"), {}, NotDialled.TRUNK_UNUSABLE),
        (sealed("hush"), {"enabled": False}, NotDialled.TRUNK_DISABLED),
    ],
    ids=["no password", "no seal", "sealed for another trunk", "disabled"],
)
async def test_nothing_is_sent_over_a_trunk_that_cannot_be_used(
    office: BridgeOffice, password: str | None, changes: dict[str, Any], kind: NotDialled
) -> None:
    await office.trunk(password, **changes)
    assert (await office.fails(await office.order())).type == kind
    assert office.bridge.calls == []


async def test_a_trunk_that_is_gone(office: BridgeOffice) -> None:
    assert (await office.fails(await office.order())).type == NotDialled.TRUNK_GONE


async def test_a_call_that_is_over_rings_nobody_up(office: BridgeOffice) -> None:
    await office.trunk(auth=None)
    order = await office.order()
    async with office.database.session() as session:
        await Calls(session).write(WriteRecord(call_id=order.call_id, status=CallStatus.ENDED))
    assert (await office.fails(order)).type == NotDialled.CALL_OVER
    assert office.bridge.calls == []


async def test_a_store_that_does_not_answer(office: BridgeOffice) -> None:
    await office.trunk(auth=None)
    order = await office.order()
    async with office.database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE trunks RENAME TO elsewhere")
    assert (await office.fails(order)).type == NotDialled.STORE_AWAY


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (PhoneThere("The room has one."), PHONE_THERE_ERROR),
        (NoLine("No address."), NotDialled.TRUNK_UNUSABLE),
    ],
)
async def test_what_the_bridge_refuses(office: BridgeOffice, refusal: Exception, kind: str) -> None:
    await office.trunk(auth=None)
    office.bridge.refusal = refusal
    assert (await office.fails(await office.order())).type == kind
    assert office.bridge.tellers[0].closed


async def test_a_defect_is_no_proof_that_nothing_was_sent(office: BridgeOffice) -> None:
    await office.trunk(auth=None)
    office.bridge.refusal = KeyError("a bug")
    with pytest.raises(KeyError):
        await office.dial(await office.order())
    assert office.bridge.tellers[0].closed


async def test_calls_start_no_faster_than_the_trunk_takes_them(office: BridgeOffice) -> None:
    await office.trunk(auth=None)
    office.bridge.leg.decision.set_result(ANSWERED)
    orders = [await office.order() for _ in range(4)]
    await asyncio.gather(*map(office.dial, orders))
    moments = sorted(moment for _, moment in office.bridge.calls)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) > 0.1  # 5 a second


async def test_who_would_wait_too_long_is_told_so(office: BridgeOffice) -> None:
    await office.trunk(auth=None, calls_per_second=0.01)
    office.bridge.leg.decision.set_result(ANSWERED)
    await office.dial(await office.order())
    assert (await office.fails(await office.order())).type == NotDialled.TRUNK_BUSY
    assert len(office.bridge.calls) == 1


@pytest.mark.parametrize("crosses", [False, True])
async def test_cancelled_it_tells_what_came_of_the_cancel(
    office: BridgeOffice, crosses: bool
) -> None:
    await office.trunk(auth=None)
    office.bridge.leg.crosses = crosses
    environment, order = ActivityEnvironment(), await office.order()
    beats: list[object] = []
    environment.on_heartbeat = lambda *details: beats.append(details)
    dialling = asyncio.ensure_future(environment.run(office.dialling.dial_phone, order))
    async with asyncio.timeout(5):
        await office.bridge.was_asked.wait()
    environment.cancel()
    expected = Dialled(answered_at=ANSWERED) if crosses else Dialled(refused=refused("cancelled"))
    assert await dialling == expected
    assert office.bridge.leg.cancelled == ["cancelled"]
    assert beats


async def test_a_leg_whose_workflow_was_terminated_is_hung_up(office: BridgeOffice) -> None:
    await office.trunk(auth=None)
    office.bridge.leg.decision.set_result(ANSWERED)
    await office.dial(await office.order())
    office.bridge.tellers[0].on_over()
    assert office.bridge.leg.cancelled == ["cancelled"]


def test_the_longest_pause_fits_into_the_time_that_dialling_has() -> None:
    from activities.dialling_desk import _LONGEST_PAUSE
    from workflows.options import DIALLING_TAKES

    assert timedelta(seconds=_LONGEST_PAUSE) < DIALLING_TAKES
