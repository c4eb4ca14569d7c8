"""Some seconds of fuzzing for descriptions and media; more with FUZZ_SECONDS."""

from __future__ import annotations

import pytest

from tests.fuzz.running import fuzz, seconds
from tests.fuzz.seeds import datagrams, descriptions

pytest.importorskip("atheris")
pytestmark = pytest.mark.slow


def test_descriptions() -> None:
    fuzzed = fuzz("tests.fuzz.sdp", descriptions(), seconds=seconds())
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 50 * fuzzed.seconds


def test_datagrams() -> None:
    fuzzed = fuzz("tests.fuzz.rtp", datagrams(), seconds=seconds())
    assert not fuzzed.finding, fuzzed.finding
    assert fuzzed.runs > 50 * fuzzed.seconds
