from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from livekit.protocol.models import ParticipantInfo, Room
from livekit.protocol.webhook import WebhookEvent

from api.livekit_events.facts import fact_of

SECOND = datetime(2026, 11, 21, 9, 0, 7, tzinfo=UTC)


def event(name: str) -> WebhookEvent:
    return WebhookEvent(
        event=name,
        id="EV_1",
        created_at=int(SECOND.timestamp()),
        room=Room(name="r", sid="RM_1"),
        participant=ParticipantInfo(
            identity="caller", sid="PA_1", joined_at_ms=int(SECOND.timestamp() * 1000) - 4567
        ),
    )


@pytest.mark.parametrize(
    ("received_after", "known_to"),
    [(0.62, 0.62), (0.0, 0.0), (1.4, 0.0), (30.0, 0.0), (-0.5, 0.0)],
)
def test_a_leaving_is_timed_as_finely_as_it_can_be_known(
    received_after: float, known_to: float
) -> None:
    fact = fact_of(event("participant_left"), SECOND + timedelta(seconds=received_after))
    assert fact is not None
    assert fact.at == SECOND + timedelta(seconds=known_to)
    assert fact.data["joined_at"] == (SECOND - timedelta(milliseconds=4567)).isoformat()


def test_a_join_is_known_to_the_millisecond() -> None:
    fact = fact_of(event("participant_joined"), SECOND)
    assert fact is not None
    assert fact.at == SECOND - timedelta(milliseconds=4567)
