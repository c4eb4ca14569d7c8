"""`python -m tests`: a test that fails among others and never by itself stops nobody (ADR 14)."""

from __future__ import annotations

import pytest

from tests.small_suite import suite_of

pytestmark = pytest.mark.slow

_FAILS_ONCE = """
from pathlib import Path

def test_flaky():
    seen = Path(__file__).with_name("seen")
    known = seen.exists()
    seen.touch()
    assert known
"""
_FAILS = "def test_bad(): assert 1 + 1 == 3\n"
_PASSES = "def test_good(): assert 1 + 1 == 2\n"


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        pytest.param(_PASSES + _FAILS_ONCE, 0, True, id="fails once"),
        pytest.param(_FAILS_ONCE + _FAILS, 1, False, id="another one fails"),
    ],
)
async def test_only_what_fails_again_has_failed(text: str, code: int, told: bool) -> None:
    ended = await suite_of(text)
    assert ended.code == code
    assert ("FLAKY, 1:" in ended.printed) is told


async def test_many_are_no_bad_luck() -> None:
    many = [_FAILS_ONCE.replace("flaky", f"flaky_{n}").replace('seen"', f'{n}"') for n in range(6)]
    ended = await suite_of("".join(many))
    assert ended.code == 1
    assert "Look 1" not in ended.printed
