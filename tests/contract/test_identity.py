from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from contract.identity import (
    AgentRole,
    agent_identity,
    call_id_for_key,
    is_call_id,
    new_call_id,
    parse_agent_identity,
    recording_workflow_id,
)


def test_fresh_ids_are_well_formed_different_and_sort_by_time() -> None:
    first = new_call_id()
    time.sleep(0.002)
    second = new_call_id()
    assert is_call_id(first)
    assert is_call_id(second)
    assert first < second


@given(st.text(), st.text(), st.integers(1, 9))
def test_a_key_always_leads_to_the_same_call(tenant: str, key: str, attempt: int) -> None:
    call_id = call_id_for_key(tenant, key, attempt)
    assert is_call_id(call_id)
    assert call_id == call_id_for_key(tenant, key, attempt)
    assert call_id != call_id_for_key(tenant, key, attempt + 1)


def test_tenant_and_key_do_not_run_into_each_other() -> None:
    assert call_id_for_key("ab", "c") != call_id_for_key("a", "bc")


def test_recording_has_the_calls_own_characters() -> None:
    call_id = new_call_id()
    assert recording_workflow_id(call_id) == "rec_" + call_id[5:]


def test_agents_are_known_by_identity() -> None:
    for role in AgentRole:
        assert parse_agent_identity(agent_identity(role, 12)) == (role, 12)
    for stranger in ("caller", "atlas", "atlas-", "atlas-1-2", "media-bot", "atlas-x", "sip_+1"):
        assert parse_agent_identity(stranger) is None
