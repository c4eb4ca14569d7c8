"""What an operator asks of an installation; here everything but the API is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contract.identity import AgentRole
from contract.probes import PROBE_JOB, ProbeAnswer, is_probe_job, is_probe_room, probe_room
from contract.rooms import JobMetadata
from store.api_keys import Role
from tests.api.service import Service
from tests.api.test_problems_and_keys import assert_problem, given_key
from tests.api.webhooks import deliver, event


@pytest.mark.parametrize("role", list(Role))
async def test_every_key_is_told_whom_it_speaks_for(service: Service, role: Role) -> None:
    key = await given_key(service, f"key of {role}", "other", role)
    told = (await service.get("/installation", headers=key)).json()
    assert told["key"] == {"name": f"key of {role}", "role": role, "tenant_id": "other"}
    assert told["livekit_url"] == "ws://livekit.test"
    skew = datetime.fromisoformat(told["time"]) - datetime.now(UTC)
    assert abs(skew) < timedelta(seconds=5)


async def test_an_unknown_key_is_refused(service: Service) -> None:
    answer = await service.get("/installation", headers={"Authorization": "Bearer nobody"})
    assert_problem(answer, 401, "unauthorised")


async def test_a_probe_names_every_part_that_is_away(service: Service) -> None:
    answer = await service.post("/installation/probe")
    assert answer.status_code == 200
    parts = {part["name"]: part for part in answer.json()["parts"]}
    assert list(parts) == ["worker", "atlas", "media-bot", "livekit_webhooks"]
    assert not any(part["ok"] for part in parts.values())
    assert "start worker_main.py" in parts["worker"]["detail"]
    assert "LiveKit could not be asked" in parts["atlas"]["detail"]


async def test_only_operators_may_probe(service: Service) -> None:
    for role, status in ((Role.AUDITOR, 403), (Role.AGENT, 403), (Role.OPERATOR, 200)):
        key = await given_key(service, f"key of {role}", "default", role)
        answer = await service.post("/installation/probe", headers=key)
        assert answer.status_code == status


async def test_a_probes_webhook_is_taken_although_livekit_is_gone_meanwhile(
    service: Service,
) -> None:
    room = probe_room("webhook", "x")
    assert (await deliver(service, event("room_started", room))).status_code == 200


def test_answers_and_jobs_are_told_from_everything_else() -> None:
    answer = ProbeAnswer({"providers": {}})
    assert ProbeAnswer.parse(answer.to_json()) == answer
    assert [ProbeAnswer.parse(text) for text in ("", "demo", "[]", "{}", "{")] == [None] * 5
    assert is_probe_job(PROBE_JOB)
    job = JobMetadata(call_id="call_1", agent_id="demo", role=AgentRole.ATLAS, generation=1)
    assert not any(is_probe_job(text) for text in (job.to_json(), "", "[]", '{"probe": 1}'))
    assert is_probe_room(probe_room("atlas", "1"), "atlas")
    assert not is_probe_room(probe_room("atlas", "1"), "webhook")
    assert not is_probe_room("call_1", "webhook")
