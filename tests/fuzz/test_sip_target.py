"""Some seconds of fuzzing from every kind of message; more with FUZZ_SECONDS."""

from __future__ import annotations

import pytest

from tests.fuzz.running import fuzz, seconds
from tests.fuzz.seeds import signalling

pytest.importorskip("atheris")
pytestmark = pytest.mark.slow


def test_signalling() -> None:
    fuzzed = fuzz("tests.fuzz.sip", signalling(), seconds=seconds())
    print(f"{fuzzed.runs} inputs in {fuzzed.seconds} s")
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 20 * fuzzed.seconds
