"""A minute of fuzzing in CI, less elsewhere (FUZZ_SECONDS), from every kind of message."""

from __future__ import annotations

import os

import pytest

from tests.fuzz.running import fuzz
from tests.fuzz.seeds import signalling

pytest.importorskip("atheris")
pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("FUZZ_SECONDS") or (60 if os.environ.get("CI") else 20))


def test_signalling() -> None:
    fuzzed = fuzz("tests.fuzz.sip", signalling(), seconds=SECONDS)
    print(f"{fuzzed.runs} inputs in {fuzzed.seconds} s")
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 20 * fuzzed.seconds
