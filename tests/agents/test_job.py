from __future__ import annotations

import json

import pytest

from agents.job import parse_job
from contract.identity import AgentRole
from contract.rooms import JobMetadata

GIVEN = JobMetadata(
    call_id="call_1", agent_id="demo", role=AgentRole.ATLAS, generation=2, call_token="secret"
)


def test_a_calls_job_is_read() -> None:
    assert parse_job(GIVEN.to_json(), AgentRole.ATLAS) == GIVEN


def test_the_call_id_may_come_later_from_the_room() -> None:
    raw = json.loads(GIVEN.to_json())
    del raw["call_id"]
    assert parse_job(json.dumps(raw), AgentRole.ATLAS).call_id == ""


@pytest.mark.parametrize(
    "text",
    ["", "demo", "[]", "{}", '"x"', GIVEN.to_json().replace('"atlas"', '"media-bot"')]
    + [GIVEN.to_json().replace(": 2", bad) for bad in (": 0", ": -1", ': "two"')],
)
def test_other_jobs_are_refused_without_quoting_a_secret(text: str) -> None:
    with pytest.raises(ValueError, match=r"job") as refused:
        parse_job(text, AgentRole.ATLAS)
    assert "secret" not in str(refused.value)
