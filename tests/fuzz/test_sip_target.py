"""A minute of fuzzing in CI, less elsewhere (FUZZ_SECONDS), from every kind of message."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.running import fuzz, seconds
from tests.fuzz.seeds import signalling

pytest.importorskip("atheris")
pytestmark = pytest.mark.slow

IN_CI = 60.0  # s


def test_signalling() -> None:
    fuzzed = fuzz("tests.fuzz.sip", signalling(), seconds=_seconds())
    print(f"{fuzzed.runs} inputs in {fuzzed.seconds} s")
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 20 * fuzzed.seconds


def _seconds() -> float:
    told = "FUZZ_SECONDS" in os.environ or not os.environ.get("CI")
    return seconds() if told else IN_CI
