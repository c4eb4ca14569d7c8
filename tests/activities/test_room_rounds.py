"""Which rooms the watch goes into, by nothing but the clock and what is seen from outside."""

from __future__ import annotations

from dataclasses import replace

from activities.room_rounds import TURN_SECONDS, Outside, Rounds
from contract.calls import CallStatus

_QUIET = Outside(room_sid="RM_1", humans=1, publishers=2, status=CallStatus.IN_PROGRESS)


def _seen_at_zero(*, was_odd: bool = False) -> Rounds:
    """Twice, as the first turn is of any length."""
    rounds = Rounds()
    for now in (-1.0, 0.0):
        rounds.visited("call_a", _QUIET, now, was_odd=was_odd)
    return rounds


def test_a_room_that_was_never_seen_is_due() -> None:
    assert Rounds().is_due("call_a", _QUIET, 0.0)


def test_a_room_that_looks_the_same_waits_for_its_turn() -> None:
    rounds = _seen_at_zero()
    assert not rounds.is_due("call_a", _QUIET, 2.0)
    assert rounds.is_due("call_a", _QUIET, TURN_SECONDS)


def test_whatever_changes_makes_a_room_due() -> None:
    rounds = _seen_at_zero()
    for changed in (
        replace(_QUIET, humans=0),
        replace(_QUIET, publishers=1),
        replace(_QUIET, room_sid="RM_2"),
        replace(_QUIET, status=CallStatus.ON_HOLD),
    ):
        assert rounds.is_due("call_a", changed, 2.0), changed


def test_a_room_at_odds_with_the_store_is_seen_at_every_look() -> None:
    assert _seen_at_zero(was_odd=True).is_due("call_a", _QUIET, 2.0)


def test_a_thousand_rooms_take_turns() -> None:
    """A watch that begins sees them all in one look, and never so many again."""
    rounds, calls = Rounds(), [f"call_{number}" for number in range(1000)]
    looks = []
    for look in range(60):
        now = look * 2.0
        due = [call for call in calls if rounds.is_due(call, _QUIET, now)]
        for call in due:
            rounds.visited(call, _QUIET, now, was_odd=False)
        looks.append(len(due))
    assert looks[0] == 1000
    assert max(looks[1:]) < 300
    assert 1000 * 120 / TURN_SECONDS < sum(looks[1:]) < 1000 * 120 / (0.6 * TURN_SECONDS)


def test_a_call_that_is_over_is_forgotten() -> None:
    rounds = _seen_at_zero()
    rounds.forget_all_but({"call_b"})
    assert rounds.is_due("call_a", _QUIET, 1.0)
