"""Facts, metadata and tokens: what one part writes, the other reads; rubbish never passes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.call_token import call_id_of_token, make_call_token
from contract.facts import Fact, FactKind, FactSource, ParticipantKind, ParticipantSeen
from contract.identity import AgentRole, new_call_id
from contract.recordings import EgressSeen
from contract.rooms import Gate, JobMetadata, Opening, RoomMetadata

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def test_fact_survives_the_wire() -> None:
    fact = Fact(
        id="EV_1",
        source=FactSource.ATLAS,
        kind=FactKind.AGENT_READY,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        generation=2,
        seq=3,
        data={"a": 1},
    )
    assert Fact.from_dict(fact.to_dict()) == fact


@given(_json | st.fixed_dictionaries({"id": _json, "source": _json, "kind": _json, "at": _json}))
def test_rubbish_is_no_fact(raw: Any) -> None:
    with pytest.raises(ValueError, match="fact"):
        Fact.from_dict(raw)


@given(_json)
def test_rubbish_is_no_egress(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"object|egress"):
        EgressSeen.from_dict(raw)


def test_participant_survives_the_wire_and_unknown_kinds_are_other() -> None:
    seen = ParticipantSeen(
        identity="caller",
        sid="PA_1",
        participant_kind=ParticipantKind.SIP,
        joined_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
    assert ParticipantSeen.from_data(seen.to_data()) == seen
    assert seen.is_human
    other = ParticipantSeen.from_data({"identity": "x", "participant_kind": "robot"})
    assert other.participant_kind is ParticipantKind.OTHER
    with pytest.raises(ValueError, match="identity"):
        ParticipantSeen.from_data({})


def test_room_metadata_survives_and_a_bare_string_names_the_agent() -> None:
    metadata = RoomMetadata(
        agent_id="demo", call_id="call_x", generation={AgentRole.ATLAS: 2, AgentRole.MEDIA_BOT: 1}
    )
    assert RoomMetadata.parse(metadata.to_json()) == metadata
    assert RoomMetadata.parse("demo").agent_id == "demo"
    assert RoomMetadata.parse('"demo"').agent_id == "demo"
    assert RoomMetadata.parse('{"assistant_id": "demo"}').agent_id == "demo"


@given(st.text())
def test_room_metadata_of_others_never_hurts(text: str) -> None:
    RoomMetadata.parse(text)


def test_job_metadata_survives_and_its_token_is_not_printed() -> None:
    job = JobMetadata(
        call_id="call_x",
        agent_id="demo",
        role=AgentRole.ATLAS,
        generation=2,
        opening=Opening.RESUME,
        gate=Gate.START_RPC,
        call_token="secret-token",
    )
    assert JobMetadata.parse(job.to_json()) == job
    assert "secret-token" not in repr(job)


@given(st.text() | _json.map(str))
def test_rubbish_is_no_job(text: str) -> None:
    with pytest.raises(ValueError, match="metadata"):
        JobMetadata.parse(text)


def test_a_call_token_opens_its_own_call_only() -> None:
    call_id = new_call_id()
    token = make_call_token("s" * 32, call_id)
    assert call_id_of_token("s" * 32, token) == call_id
    assert call_id_of_token("t" * 32, token) is None
    assert call_id_of_token("s" * 32, token.replace(call_id, new_call_id())) is None
    for rubbish in ("", "ct1", "ct1..", f"ct2.{call_id}.00", token[:-1], token + "é"):
        assert call_id_of_token("s" * 32, rubbish) is None
