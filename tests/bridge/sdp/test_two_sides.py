"""Two negotiations of ours, in any order of offers, agree on who speaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.sdp import (
    CODECS,
    Direction,
    LocalMedia,
    Negotiation,
    NothingInCommon,
    SessionDescription,
)
from bridge.sdp.directions import DIRECTIONS

_CODECS = st.permutations(CODECS).flatmap(
    lambda order: st.integers(1, 3).map(lambda count: tuple(order[:count]))
)
_STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([*DIRECTIONS, None]), st.booleans()), max_size=8
)


@given(_CODECS, _CODECS, _STEPS)
def test_both_sides_see_the_same_stream(
    ours: tuple[object, ...],
    theirs: tuple[object, ...],
    steps: list[tuple[bool, Direction | None, bool]],
) -> None:
    one = Negotiation(LocalMedia("192.0.2.10", 30000, ours), session_id=1)  # type: ignore[arg-type]
    other = Negotiation(LocalMedia("198.51.100.7", 40000, theirs), session_id=2)  # type: ignore[arg-type]
    said: dict[tuple[int, int], str] = {}
    try:
        one.accept_answer(other.answer_to(one.offer()))
    except NothingInCommon:
        assert not set(ours) & set(theirs)
        return
    for ours_to_offer, direction, refused in steps:
        offerer, answerer = (one, other) if ours_to_offer else (other, one)
        text = offerer.offer(direction)
        texts = [text]
        if refused:
            offerer.offer_refused()
        else:
            texts.append(answerer.answer_to(text))
            offerer.accept_answer(texts[1])
        for spoken in texts:
            origin = SessionDescription.parse(spoken).origin
            key = (origin.session_id, origin.version)
            assert said.setdefault(key, spoken) == spoken  # a version never means two things
        assert one.codec == other.codec
        assert one.sends == other.receives
        assert one.receives == other.sends
        assert not (one.holds and one.receives)


@given(
    st.sampled_from(DIRECTIONS),
    _CODECS,
    st.integers(1, 65535),
    st.integers(1, 2**31),
    st.booleans(),
)
def test_what_is_written_can_be_read(
    direction: Direction, codecs: tuple[object, ...], port: int, session_id: int, secure: bool
) -> None:
    local = LocalMedia(
        "192.0.2.10",
        port,
        codecs,  # type: ignore[arg-type]
        srtp="required" if secure else "refused",
    )
    text = Negotiation(local, session_id=session_id).offer(direction)
    read = SessionDescription.parse(text)
    assert str(read) == text
    assert read.audio is not None
    assert read.audio.direction == direction
    assert [told.encoding for told in read.audio.described[:-1]] == [
        codec.name  # type: ignore[attr-defined]
        for codec in codecs
    ]
