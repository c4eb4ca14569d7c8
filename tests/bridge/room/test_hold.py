"""Two write `call.hold`; what stands there in the end is right for both."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.room.hold import RemoteHold
from contract.holds import Holder, HoldState

OPERATOR, REMOTE, ASSISTANT = Holder.OPERATOR, Holder.REMOTE, Holder.ASSISTANT


def state(seq: int, *holders: Holder) -> HoldState:
    return HoldState(seq, frozenset(holders))


def test_the_far_side_holds_beside_others() -> None:
    hold = RemoteHold()
    assert hold.seen(state(4, OPERATOR).to_json()) is None
    assert hold.change(holds=True) == state(5, OPERATOR, REMOTE)
    assert hold.change(holds=False) == state(6, OPERATOR)


def test_what_we_wrote_ourselves_needs_no_repair() -> None:
    hold = RemoteHold()
    written = []
    for number in range(4):
        hold.change(holds=number % 2 == 0)
        hold.writing(hold.text)
        written.append(hold.text)
    assert [hold.seen(text) for text in written] == [None] * 4


def test_whoever_forgets_the_far_sides_hold_is_put_right() -> None:
    hold = RemoteHold()
    hold.change(holds=True)
    repair = hold.seen(state(7, OPERATOR).to_json())
    assert repair is not None
    assert repair == (state(8, OPERATOR, REMOTE), True)


def test_an_equal_seq_is_no_higher_one() -> None:
    hold = RemoteHold()
    hold.change(holds=True)
    hold.change(holds=False)
    repair = hold.seen(state(2, OPERATOR).to_json())
    assert repair is not None
    assert repair == (state(3, OPERATOR), False)


@pytest.mark.parametrize("text", ["", "yes", "[]", '{"seq": -1, "holders": []}'])
def test_what_is_no_state_is_replaced(text: str) -> None:
    hold = RemoteHold()
    hold.change(holds=True)
    repair = hold.seen(text)
    assert repair is not None
    assert repair == (state(2, REMOTE), True)


def test_what_somebody_wrote_just_before_ours_arrived_is_not_lost() -> None:
    hold = RemoteHold()
    hold.change(holds=True)
    hold.writing(hold.text)
    assert hold.seen(hold.text) is None
    hold.change(holds=False)
    resumed = hold.text
    hold.writing(resumed)
    assert hold.seen(state(3, OPERATOR).to_json()) is None  # newer than ours, and came first
    repair = hold.seen(resumed)
    assert repair is not None
    assert repair.state == state(4, OPERATOR)


class _Room:
    """The attribute on the server, a writer as bridge.room.attributes is, and all the delays."""

    def __init__(self) -> None:
        self.hold = RemoteHold()
        self.values = [""]  # that stood there, in order
        self.events: deque[str] = deque()
        self.waiting: str | None = None
        self.under_way: str | None = None

    def _stands(self, text: str) -> None:
        if text != self.values[-1]:
            self.values.append(text)
            self.events.append(text)

    def pressed(self, holds: bool) -> None:
        self.hold.change(holds=holds)
        self.waiting = self.hold.text

    def workflow_writes(self, holders: frozenset[Holder], ahead: int) -> None:
        known = HoldState.parse(self.values[-1]) or HoldState()
        self._stands(HoldState(max(0, known.seq + ahead), holders).to_json())

    def send(self) -> None:
        if self.under_way is None and self.waiting is not None:
            self.under_way, self.waiting = self.waiting, None
            self.hold.writing(self.under_way)

    def arrive(self) -> None:
        if self.under_way is not None:
            self._stands(self.under_way)
            self.under_way = None

    def fail(self, arrived: bool) -> None:
        if self.under_way is not None:
            if arrived:  # but its answer did not
                self._stands(self.under_way)
            self.hold.not_written()
            self.waiting = self.waiting or self.under_way
            self.under_way = None

    def hear(self) -> None:
        if self.events:
            repair = self.hold.seen(self.events.popleft())
            if repair is not None:
                self.waiting = self.hold.text

    @property
    def is_quiet(self) -> bool:
        return not self.events and self.waiting is None and self.under_way is None


_OTHERS = st.sets(st.sampled_from([OPERATOR, ASSISTANT])).map(frozenset)
_REMOTE_TOO = st.sets(st.sampled_from(list(Holder))).map(frozenset)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pressed"), st.booleans()),
        st.tuples(st.just("workflow_writes"), _REMOTE_TOO, st.integers(-2, 2)),
        st.tuples(st.just("fail"), st.booleans()),
        *(st.tuples(st.just(what)) for what in ("send", "arrive", "hear")),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps=_STEPS)
def test_in_whatever_order_they_write_both_are_heard(steps: list[tuple[object, ...]]) -> None:
    room = _Room()
    last_of_workflow: frozenset[Holder] = frozenset()
    for name, *arguments in steps:
        getattr(room, str(name))(*arguments)
        if name == "workflow_writes":
            last_of_workflow = arguments[0]  # type: ignore[assignment]
    for _ in range(200):
        if room.is_quiet:
            break
        room.send()
        room.arrive()
        room.hear()
    assert room.is_quiet, "they go on for ever"
    stands = HoldState.parse(room.values[-1]) or HoldState()
    assert (REMOTE in stands.holders) == room.hold.holds
    assert stands.holders - {REMOTE} == last_of_workflow - {REMOTE}
    assert stands == room.hold.state or (stands.seq == 0 and not stands.holders)
    # Whoever takes higher numbers only, as Atlas does, is right in the end as well.
    reader = HoldState()
    for text in room.values[1:]:
        seen = HoldState.parse(text)
        assert seen is not None
        if seen.seq > reader.seq:
            reader = seen
    assert reader.holders == stands.holders
