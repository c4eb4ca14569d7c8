from __future__ import annotations

from bridge.room.cushion import Cushion


def cushion() -> Cushion:
    return Cushion(most=3, idle=0)


def test_more_than_the_most_never_waits() -> None:
    fresh = cushion()
    assert not fresh.is_too_much(3)
    assert fresh.is_too_much(4)
    assert fresh.dropped == 1


def test_what_is_not_used_up_for_a_second_shrinks_a_frame_a_second() -> None:
    fresh = cushion()
    assert [at for at in range(150) if fresh.is_too_much(2)] == [49, 99, 149]


def test_what_is_used_up_now_and_then_stays() -> None:
    fresh = cushion()
    assert not any(fresh.is_too_much(0 if at % 40 == 0 else 2) for at in range(500))
