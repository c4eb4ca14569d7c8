"""Facts come late, twice and in any order; what the call makes of them is always the same."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.calls import CallRequest, CallStatus, Direction, Provider
from contract.endings import EndedBy, EndedReason
from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen
from contract.identity import AgentRole
from workflows.call_state import CallState
from workflows.journal import Journal

BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_ids = itertools.count(1)


def call(direction: Direction = Direction.WEB, human: str = "caller") -> CallState:
    request = CallRequest(
        call_id="call_00000000000000000000000000",
        tenant_id="default",
        direction=direction,
        provider=Provider.WEB,
        room_name="room",
        requested_at=BEGIN,
        assistant_id="demo",
        human_identity=human,
    )
    state = CallState(request, Journal("workflow"))
    state.room_sid = "RM_1"
    return state


def fact(
    kind: FactKind, second: float = 0, source: FactSource = FactSource.LIVEKIT, **fields: Any
) -> Fact:
    at = BEGIN + timedelta(seconds=second)
    return Fact(id=f"EV_{next(_ids)}", source=source, kind=kind, at=at, **fields)


def who(identity: str, sid: str, why: str = "", joined: float | None = None) -> dict[str, Any]:
    return ParticipantSeen(
        identity=identity,
        sid=sid,
        participant_kind=ParticipantKind.STANDARD,
        room_sid="RM_1",
        disconnect_reason=why,
        joined_at=None if joined is None else BEGIN + timedelta(seconds=joined),
    ).to_data()


def joined(second: float, sid: str = "PA_1", identity: str = "caller") -> Fact:
    return fact(FactKind.PARTICIPANT_JOINED, second, data=who(identity, sid, joined=second))


def left(second: float, sid: str = "PA_1", why: str = "CLIENT_INITIATED", since: float = 1) -> Fact:
    return fact(FactKind.PARTICIPANT_LEFT, second, data=who("caller", sid, why, since))


ORDINARY = [
    fact(FactKind.PARTICIPANT_JOINED, 0.3, data=who("atlas-1", "PA_A")),
    fact(FactKind.AGENT_READY, 0.5, FactSource.ATLAS, generation=1, seq=1),
    joined(1),
    fact(FactKind.OPENING_STARTED, 1.2, FactSource.ATLAS, generation=1, seq=2),
    left(31),
    fact(FactKind.ROOM_FINISHED, 51, data={"room_sid": "RM_1"}),
]


@settings(max_examples=200, deadline=None)
@given(st.permutations(ORDINARY), st.lists(st.sampled_from(ORDINARY), max_size=6))
def test_same_end_whatever_the_order(order: list[Fact], again: list[Fact]) -> None:
    state = call()
    without_finish = [each for each in order if each.kind is not FactKind.ROOM_FINISHED]
    for each in (*without_finish, *again, order[-1]):
        state.apply(each)
    assert state.ending is not None
    assert state.ending.reason is EndedReason.CALLER_HUNG_UP
    assert state.ending.ended_by is EndedBy.CALLER


@settings(max_examples=100, deadline=None)
@given(st.sets(st.sampled_from(range(len(ORDINARY)))))
def test_any_facts_may_be_lost_but_one_that_tells_the_end(lost: set[int]) -> None:
    state = call()
    kept = [each for number, each in enumerate(ORDINARY) if number not in lost]
    for each in kept:
        state.apply(each)
    told = any(each.kind in (FactKind.PARTICIPANT_LEFT, FactKind.ROOM_FINISHED) for each in kept)
    assert (state.ending is not None) == told


@given(st.permutations([joined(1), left(31)]))
def test_talk_time_is_by_the_facts_own_clocks(order: list[Fact]) -> None:
    state = call()
    for each in order:
        state.apply(each)
    assert state.talk_seconds == 30


def test_duplicates_are_dropped_by_id_and_by_number() -> None:
    state = call()
    ready = fact(FactKind.AGENT_READY, 1, FactSource.ATLAS, generation=1, seq=1)
    resent = Fact(**{**ready.to_dict(), "id": "another", "at": ready.at})
    state.apply(ready)
    written = len(state.journal.take())
    state.apply(ready)
    state.apply(resent)
    assert written == 1
    assert not state.journal.has_news


def test_a_page_that_reloads_does_not_end_the_call() -> None:
    state = call()
    state.apply(joined(1, "PA_1"))
    state.apply(left(5, "PA_1", why="DUPLICATE_IDENTITY"))
    state.apply(joined(5, "PA_2"))
    assert state.ending is None
    state.apply(left(9, "PA_2"))
    assert state.ending is not None


def test_the_first_connections_end_comes_after_the_second_ones_start() -> None:
    state = call()
    state.apply(joined(1, "PA_1"))
    state.apply(joined(5, "PA_2"))
    state.apply(left(5, "PA_1"))
    assert state.ending is None


def test_other_people_in_the_room_do_not_answer_or_end_the_call() -> None:
    state = call()
    state.apply(joined(1, identity="human-2"))
    assert state.answered_at is None
    state.apply(joined(2))
    state.apply(fact(FactKind.PARTICIPANT_LEFT, 3, data=who("human-2", "PA_9")))
    assert state.ending is None


def test_the_first_ending_stays() -> None:
    state = call()
    state.apply(joined(1))
    state.apply(fact(FactKind.ASSISTANT_ENDED, 10, FactSource.ATLAS, generation=1, seq=3))
    state.apply(left(11))
    assert state.ending is not None
    assert state.ending.reason is EndedReason.ASSISTANT_HUNG_UP
    assert state.talk_seconds == 9


def test_a_namesake_room_that_finished_earlier_is_not_ours() -> None:
    state = call()
    state.apply(fact(FactKind.ROOM_FINISHED, 1, data={"room_sid": "RM_OLD"}))
    assert state.ending is None


def test_a_room_that_closes_before_anybody_came() -> None:
    state = call()
    state.apply(fact(FactKind.ROOM_FINISHED, 90, data={"room_sid": "RM_1"}))
    assert state.ending is not None
    assert (state.ending.reason, state.talk_seconds) == (EndedReason.NO_ANSWER, 0)


def test_clocks_that_disagree_never_make_a_negative_bill() -> None:
    state = call()
    state.apply(joined(10))
    state.apply(fact(FactKind.HUMANS_GONE, 4, FactSource.WATCH))
    assert state.talk_seconds == 0


@pytest.mark.parametrize(
    ("direction", "reason", "by"),
    [
        (Direction.INBOUND, EndedReason.CALLER_HUNG_UP, EndedBy.CALLER),
        (Direction.OUTBOUND, EndedReason.CALLEE_HUNG_UP, EndedBy.CALLEE),
    ],
)
def test_who_hung_up_depends_on_who_called(
    direction: Direction, reason: EndedReason, by: EndedBy
) -> None:
    state = call(direction)
    state.apply(left(3))
    assert state.ending is not None
    assert (state.ending.reason, state.ending.ended_by) == (reason, by)


def test_a_phone_that_is_in_the_room_has_not_answered_yet() -> None:
    state = call(Direction.OUTBOUND)
    state.apply(joined(1))
    assert (state.answered_at, state.status) == (None, CallStatus.QUEUED)


def test_an_agent_of_an_earlier_generation_is_stale() -> None:
    state = call()
    state.atlas.next_generation()
    state.apply(fact(FactKind.PARTICIPANT_JOINED, 3, data=who("atlas-1", "PA_A")))
    state.apply(fact(FactKind.AGENT_FAILED, 3, FactSource.ATLAS, generation=1, seq=9))
    assert state.agents.stale == ["atlas-1"]
    assert not state.atlas.came
    assert not state.atlas.lost


def test_usage_of_every_generation_counts() -> None:
    state = call()
    item = {"what": "llm", "provider": "groq", "model": "m", "quantity": "3", "unit": "u"}
    for generation in (2, 1):
        state.apply(
            fact(
                FactKind.USAGE_REPORTED,
                source=FactSource.ATLAS,
                generation=generation,
                seq=5,
                data={"items": [item]},
            )
        )
    assert [each.quantity for each in state.agents.usage_items] == ["3", "3"]


def test_a_fact_of_somebody_who_is_no_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="bridge"):
        call().apply(fact(FactKind.AGENT_READY, source=FactSource.BRIDGE))


def test_media_bot_is_known_by_its_hyphen() -> None:
    state = call()
    state.apply(fact(FactKind.AGENT_READY, 1, FactSource.MEDIA_BOT, generation=1, seq=1))
    assert state.agents.posts[AgentRole.MEDIA_BOT].came


def test_an_agent_that_is_not_heard_is_doubted_once_in_ten_seconds() -> None:
    state = call()
    state.apply(fact(FactKind.AGENT_READY, 1, FactSource.ATLAS, generation=1, seq=1))

    def unheard(second: float, generation: int) -> Fact:
        data = {"role": "atlas", "generation": generation}
        return fact(FactKind.AGENT_LOST, second, FactSource.MEDIA_BOT, data=data)

    state.apply(unheard(10, 1))
    assert state.atlas.doubted
    state.agents.answers(state.atlas, BEGIN + timedelta(seconds=11), does=True)
    assert not state.atlas.doubted
    assert not state.atlas.lost
    state.apply(unheard(19, 1))
    assert not state.atlas.doubted
    state.apply(unheard(21, 1))
    state.agents.answers(state.atlas, BEGIN + timedelta(seconds=22), does=False)
    assert state.atlas.lost
    state.atlas.next_generation()
    state.apply(fact(FactKind.AGENT_READY, 23, FactSource.ATLAS, generation=2, seq=1))
    for late in (unheard(20, 1), unheard(29, 2)):
        state.apply(late)
        assert not state.atlas.doubted


@pytest.mark.parametrize(
    "kind", [FactKind.PLAYBACK_STARTED, FactKind.PLAYBACK_ENDED, FactKind.PLAYBACK_FAILED]
)
def test_what_media_bot_plays_is_on_the_timeline_in_its_words(kind: FactKind) -> None:
    state = call()
    state.apply(fact(kind, 3, FactSource.MEDIA_BOT, data={"detail": "The hold music is played."}))
    [entry] = state.journal.take()
    assert (entry.kind, entry.text) == (kind.value, "The hold music is played.")
    assert state.ending is None
