"""Whatever comes in is shown: masked, short, harmless, without an exception."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as some

from bridge.ladder.masking import mask_text
from bridge.ladder.message_line import message_line
from tests.bridge.ladder.messages import INVITE


@given(some.binary(max_size=300), some.integers(0, len(INVITE)))
def test_bytes(noise: bytes, place: int) -> None:
    for data in (noise, INVITE[:place] + noise + INVITE[place:]):
        told = message_line(data)
        assert len(told.text) <= 100
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", told.text)


@given(some.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True), some.text(max_size=20))
def test_numbers(number: str, host: str) -> None:
    for text in (f"sip:{number}@{host}", f"tel:{number}", f'"{number}" <sip:{number}@h>'):
        shown = mask_text(text)
        assert number[:-2] not in shown
        assert shown.count(number[-2:]) >= 1
