"""Deletions and legal holds from the command line, against the real API and its database."""

from __future__ import annotations

from tests.cli.conftest import Installation, Switchboard
from tests.ended_calls import ended_call

WHY = ("--reason", "GDPR 17")


async def test_what_was_said_is_deleted_unless_it_is_held(
    installation: Installation, switchboard: Switchboard
) -> None:
    call_id = await ended_call(installation.service.parts.database, tenant_id="default")
    held = await switchboard("calls", "legal-hold", call_id, "--reason", "Case 117")
    assert "it keeps recording and transcript" in held.err
    refused = await switchboard("calls", "delete-transcript", call_id, *WHY, "--yes")
    assert (refused.code, "Case 117" in refused.err) == (6, True)
    lifted = await switchboard("calls", "lift-legal-hold", call_id, "--reason", "Settled")
    assert lifted.code == 0, lifted.err
    gone = await switchboard("calls", "delete-transcript", call_id, *WHY, "--json")
    assert gone.document["by"] == "bootstrap"
    shown = await switchboard("calls", "show", call_id)
    assert "by bootstrap: GDPR 17" in shown.out
