"""How a phone call ended, by its record and by the far side."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.switchboard import SettledCall


def assert_ended(record: SettledCall, reason: str, by: str) -> None:
    told = record.call["ended_reason"], record.call["ended_by"]
    assert told == (reason, by), record.call["ended_detail"]
    assert record.kinds().count("ended") == 1


def assert_unanswered(record: SettledCall) -> None:
    assert record.call["answered_at"] is None
    assert record.call["talk_seconds"] == 0
    assert Decimal(record.call["cost"]["total"]) == 0
    assert record.recording["status"] == "not_requested"


def assert_billed_as_seen(record: SettledCall, far: dict[str, Any]) -> None:
    """The far side is the oracle: I2."""
    assert far["answered"], far
    assert record.call["answered_at"] is not None
    assert record.call["talk_seconds"] == pytest.approx(far["seconds"], abs=1.0)
