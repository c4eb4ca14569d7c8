"""What a bridge tells of a phone, late, twice and in any order: the same call comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.endings import CallEnding, EndedBy, EndedReason
from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen
from contract.holds import Holder
from contract.phone import LegReport, PhoneOrder
from tests.workflows.test_call_state import BEGIN, fact
from workflows.call_state import CallState
from workflows.journal import Journal


def phone_call(provider: Provider = Provider.BRIDGE) -> CallState:
    request = CallRequest(
        call_id="call_00000000000000000000000000",
        tenant_id="default",
        direction=Direction.OUTBOUND,
        provider=provider,
        room_name="room",
        requested_at=BEGIN,
        assistant_id="demo",
        human_identity="phone",
        phone=PhoneOrder(trunk_id="sandbox", to_number="+919876500101"),
    )
    state = CallState(request, Journal("workflow"))
    state.room_sid = "RM_1"
    return state


def of_bridge(seq: int, kind: FactKind, second: float, /, **data: Any) -> Fact:
    return fact(kind, second, FactSource.BRIDGE, generation=1, seq=seq, data=data)


def report(second: float, **changes: Any) -> LegReport:
    values: dict[str, Any] = {
        "reason": "bye",
        "by": "them",
        "detail": "The far side hung up.",
        "answered": True,
        "answered_at": BEGIN + timedelta(seconds=5),
        "ended_at": BEGIN + timedelta(seconds=second),
    }
    return LegReport(**(values | changes))


def seen(kind: FactKind, second: float, why: str = "") -> Fact:
    who = ParticipantSeen(
        identity="phone",
        sid="PA_P",
        participant_kind=ParticipantKind.SIP,
        room_sid="RM_1",
        disconnect_reason=why,
    )
    return fact(kind, second, data=who.to_data())


TALK = [
    fact(FactKind.AGENT_READY, 0.5, FactSource.ATLAS, generation=1, seq=1),
    seen(FactKind.PARTICIPANT_JOINED, 1),
    of_bridge(1, FactKind.RINGING, 2, sip_status=180),
    of_bridge(2, FactKind.ANSWERED, 5, codec="PCMA"),
    of_bridge(3, FactKind.HELD, 10, holder="remote", seq=1),
    of_bridge(4, FactKind.RESUMED, 12, holder="remote", seq=2),
    of_bridge(5, FactKind.DTMF, 13, count=2),
    of_bridge(6, FactKind.QUALITY, 60, mos=4.3),
    of_bridge(7, FactKind.CONNECTION_CHANGED, 61, lost=True),
    of_bridge(8, FactKind.LEG_ENDED, 65.5, **report(65.5).to_data()),
    seen(FactKind.PARTICIPANT_LEFT, 65.8, "CLIENT_INITIATED"),
    fact(FactKind.ROOM_FINISHED, 86, data={"room_sid": "RM_1"}),
]


@settings(max_examples=300, deadline=None)
@given(st.permutations(TALK), st.lists(st.sampled_from(TALK), max_size=6))
def test_same_call_whatever_the_order(order: list[Fact], again: list[Fact]) -> None:
    state = phone_call()
    for each in (*order, *again):
        state.apply(each)
    assert state.ending is not None
    assert (state.ending.reason, state.ending.ended_by) == (
        EndedReason.CALLEE_HUNG_UP,
        EndedBy.CALLEE,
    )
    assert (state.talk_seconds, state.answered_at) == (60.5, BEGIN + timedelta(seconds=5))
    assert state.holds.holders == frozenset()
    kinds = [entry.kind for entry in state.journal.take()]
    held = [kind for kind in kinds if kind in ("held", "resumed")]
    assert held in (["held", "resumed"], [])
    assert held or order.index(TALK[5]) < order.index(TALK[4])
    assert kinds.count("ringing") == kinds.count("answered") == kinds.count("leg_ended") == 1


@settings(max_examples=200, deadline=None)
@given(st.permutations(TALK[:9]))
def test_a_call_that_lasts_is_the_same_whatever_the_order(order: list[Fact]) -> None:
    state = phone_call()
    for each in order:
        state.apply(each)
    assert (state.status, state.ending) == (CallStatus.IN_PROGRESS, None)
    assert state.holds.held_since is None


@given(
    st.permutations(
        [
            of_bridge(1, FactKind.RINGING, 2, sip_status=180),
            of_bridge(
                2,
                FactKind.LEG_ENDED,
                9,
                **report(
                    9, answered=False, answered_at=None, reason="busy", sip_status=486
                ).to_data(),
            ),
            seen(FactKind.PARTICIPANT_LEFT, 9.2, "CLIENT_INITIATED"),
        ]
    )
)
def test_who_was_never_answered_has_talked_for_nothing(order: list[Fact]) -> None:
    state = phone_call()
    for each in order:
        state.apply(each)
    assert state.ending is not None
    assert (state.ending.reason, state.talk_seconds) == (EndedReason.BUSY, 0)
    assert state.answered_at is None


@given(
    st.permutations(
        [
            of_bridge(2, FactKind.ANSWERED, 6, codec="PCMA"),
            of_bridge(
                3,
                FactKind.LEG_ENDED,
                7.5,
                **report(
                    7.5, reason="cancelled", by="us", answered_at=BEGIN + timedelta(seconds=6)
                ).to_data(),
            ),
            fact(FactKind.CANCEL_REQUESTED, 5, FactSource.API),
        ]
    )
)
def test_an_answer_that_crosses_the_end_counts_by_its_own_clock(order: list[Fact]) -> None:
    state = phone_call()
    for each in order:
        state.apply(each)
    assert state.ending is not None
    assert state.ending.reason is EndedReason.CANCELLED
    assert state.talk_seconds == 1.5


def test_a_guess_gives_way_to_the_bridges_word() -> None:
    state = phone_call()
    state.phone.answered(BEGIN + timedelta(seconds=8), guessed=True)
    assert state.status is CallStatus.IN_PROGRESS
    state.apply(of_bridge(1, FactKind.ANSWERED, 5, codec="PCMA"))
    assert state.answered_at == BEGIN + timedelta(seconds=5)
    state.phone.answered(BEGIN + timedelta(seconds=9), guessed=True)
    assert state.answered_at == BEGIN + timedelta(seconds=5)


def test_a_guess_that_was_wrong_is_not_billed() -> None:
    state = phone_call()
    state.phone.answered(BEGIN + timedelta(seconds=8), guessed=True)
    never = report(9, answered=False, answered_at=None, reason="busy", sip_status=486)
    state.apply(of_bridge(1, FactKind.LEG_ENDED, 9, **never.to_data()))
    assert (state.answered_at, state.talk_seconds) == (None, 0)


@pytest.mark.parametrize("heard", [3.0, 22.0, None])
def test_a_lost_bridge_ends_the_call_when_it_was_last_heard(heard: float | None) -> None:
    state = phone_call()
    state.apply(of_bridge(1, FactKind.ANSWERED, 5, codec="PCMA"))
    moment = None if heard is None else (BEGIN + timedelta(seconds=heard)).isoformat()
    data = {"last_heard_at": moment}
    state.apply(fact(FactKind.PHONE_LOST, 24, FactSource.ATLAS, generation=1, data=data))
    assert state.ending is None  # until it was asked
    state.phone.is_gone_for_good()
    assert state.ending is not None
    assert state.ending.reason is EndedReason.PLATFORM_ERROR
    # Two clocks may disagree: never before the answer.
    assert state.talk_seconds == {3.0: 0, 22.0: 17, None: 19}[heard]


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        ("bye", EndedReason.CALLEE_HUNG_UP),  # it lived after all, and knows better
        ("removed", EndedReason.PLATFORM_ERROR),  # by us, as we took it for dead
    ],
)
def test_a_guess_gives_way_to_the_report_unless_that_tells_of_ourselves(
    reason: str, ended: EndedReason
) -> None:
    state = phone_call()
    state.apply(of_bridge(1, FactKind.ANSWERED, 5, codec="PCMA"))
    guess = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN, "Nobody knows.")
    state.end(guess, BEGIN + timedelta(seconds=12), guessed=True)
    state.apply(of_bridge(2, FactKind.LEG_ENDED, 26, **report(26, reason=reason).to_data()))
    assert (state.ending and state.ending.reason, state.talk_seconds) == (ended, 21)


def test_what_the_record_has_is_not_changed_any_more() -> None:
    state = phone_call()
    guess = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN, "Nobody knows.")
    state.end(guess, BEGIN + timedelta(seconds=12), guessed=True)
    state.status = CallStatus.ENDED
    state.apply(of_bridge(2, FactKind.LEG_ENDED, 26, **report(26).to_data()))
    assert state.ending == guess
    assert state.bill_order(BEGIN).ended_at == BEGIN + timedelta(seconds=12)


def test_an_answer_that_the_record_has_is_billed_whoever_denies_it() -> None:
    """The bridge's word came too late; bill and record must tell of the same call."""
    state = phone_call()
    state.phone.answered(BEGIN + timedelta(seconds=8), guessed=True)
    guess = CallEnding(EndedReason.PLATFORM_ERROR, EndedBy.UNKNOWN, "Nobody knows.")
    state.end(guess, BEGIN + timedelta(seconds=12), guessed=True)
    state.status = CallStatus.ENDED
    never = report(9, answered=False, answered_at=None, reason="busy", sip_status=486)
    state.apply(of_bridge(1, FactKind.LEG_ENDED, 9, **never.to_data()))
    assert state.bill_order(BEGIN).answered_at == BEGIN + timedelta(seconds=8)
    assert state.talk_seconds == 4
    assert not state.was_answered  # so nobody's usage is waited for


def test_an_answer_that_the_record_has_not_is_not_billed() -> None:
    state = phone_call()
    given_up = CallEnding(EndedReason.CANCELLED, EndedBy.OPERATOR, "Withdrawn.")
    state.end(given_up, BEGIN + timedelta(seconds=3))
    state.status = CallStatus.ENDED
    crossed = report(7, reason="cancelled", by="us").to_data()
    state.apply(of_bridge(1, FactKind.LEG_ENDED, 7, **crossed))
    assert state.bill_order(BEGIN).answered_at is None
    assert (state.ended_at, state.talk_seconds) == (BEGIN + timedelta(seconds=3), 0)


@pytest.mark.parametrize(
    ("why", "waits"),
    [
        ("CLIENT_INITIATED", False),
        ("PARTICIPANT_REMOVED", False),
        ("CONNECTION_TIMEOUT", True),
        ("UNKNOWN_REASON", True),
        ("SERVER_SHUTDOWN", True),
    ],
)
def test_who_did_not_mean_to_leave_may_come_back(why: str, waits: bool) -> None:
    state = phone_call()
    state.apply(seen(FactKind.PARTICIPANT_JOINED, 1))
    state.apply(seen(FactKind.PARTICIPANT_LEFT, 23, why))
    assert state.phone.gone is not None
    assert state.phone.gone.may_come_back is waits
    assert state.ending is None


def test_a_phone_that_comes_back_has_not_gone() -> None:
    state = phone_call()
    state.apply(seen(FactKind.PARTICIPANT_JOINED, 1))
    state.apply(fact(FactKind.HUMANS_GONE, 5, FactSource.WATCH))
    assert state.phone.gone is not None
    again = seen(FactKind.PARTICIPANT_JOINED, 6)
    state.apply(Fact(**{**again.to_dict(), "at": again.at, "data": again.data | {"sid": "PA_Q"}}))
    assert (state.phone.gone, state.ending) == (None, None)


def test_others_hold_while_the_far_side_resumes() -> None:
    state = phone_call()
    state.apply(of_bridge(1, FactKind.ANSWERED, 5, codec="PCMA"))
    state.holds.hold(Holder.OPERATOR, BEGIN + timedelta(seconds=8))
    state.apply(of_bridge(2, FactKind.HELD, 10, holder="remote", seq=7))
    state.apply(of_bridge(3, FactKind.RESUMED, 12, holder="remote", seq=8))
    assert state.status is CallStatus.ON_HOLD
    assert state.holds.next_state().seq == 9
    assert state.holds.held_since == BEGIN + timedelta(seconds=8)
    state.holds.resume(Holder.OPERATOR, BEGIN + timedelta(seconds=20))
    assert state.status is CallStatus.IN_PROGRESS


@pytest.mark.parametrize(
    "data",
    [{}, {"reason": "bye"}, {"reason": "bye", "answered": True, "ended_at": 5, "by": "them"}],
)
def test_malformed_reports_are_refused(data: dict[str, Any]) -> None:
    state = phone_call()
    with pytest.raises((ValueError, TypeError, KeyError)):
        state.apply(of_bridge(1, FactKind.LEG_ENDED, 9, **data))
    assert state.ending is None


@pytest.mark.parametrize("data", [{}, {"holder": "nobody", "seq": 1}, {"holder": "remote"}])
def test_malformed_holds_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        phone_call().apply(of_bridge(1, FactKind.HELD, 9, **data))


# Over LiveKit SIP: what Atlas sees, what LiveKit tells, and what dialling came to.
SEEN_BY_ATLAS = [
    fact(FactKind.RINGING, 2, FactSource.ATLAS, generation=1, seq=2),
    fact(FactKind.ANSWERED, 5, FactSource.ATLAS, generation=1, seq=3),
    fact(
        FactKind.LEG_ENDED, 65.5, FactSource.ATLAS, generation=1, seq=4, data=report(65.5).to_data()
    ),
    fact(FactKind.ANSWERED, 40, FactSource.ATLAS, generation=2, seq=1, data={"guessed": True}),
    seen(FactKind.PARTICIPANT_JOINED, 1),
    seen(FactKind.PARTICIPANT_LEFT, 65.6, "CLIENT_INITIATED"),
]


@settings(max_examples=300, deadline=None)
@given(
    st.permutations([*SEEN_BY_ATLAS, None]), st.lists(st.sampled_from(SEEN_BY_ATLAS), max_size=4)
)
def test_same_call_over_livekit_sip_whatever_the_order(
    order: list[Fact | None], again: list[Fact]
) -> None:
    state = phone_call(Provider.LIVEKIT_SIP)
    for each in (*order, *again):
        if each is None:  # dialling returns after the keys of the order
            state.phone.answered(BEGIN + timedelta(seconds=6), guessed=True)
        else:
            state.apply(each)
    assert state.ending is not None
    assert state.ending.reason is EndedReason.CALLEE_HUNG_UP
    assert state.answered_at == BEGIN + timedelta(seconds=5)
    assert state.ended_at in {BEGIN + timedelta(seconds=moment) for moment in (65.5, 65.6)}
    kinds = [entry.kind for entry in state.journal.take()]
    assert kinds.count("ringing") == kinds.count("answered") == kinds.count("leg_ended") == 1
