from __future__ import annotations

import pytest

from contract.rpc_access import may_call_methods


@pytest.mark.parametrize(
    ("caller", "request_id", "in_room_as_agent", "may"),
    [
        ("5f0c", "5f0c", None, True),  # RoomService: nobody in the room is called so
        ("atlas-1", "5f0c", True, True),
        ("media-bot-2", "5f0c", True, True),
        ("atlas-1", "5f0c", False, False),  # a browser that took an agent's name
        ("caller", "5f0c", False, False),
        ("caller", "caller", False, False),  # names its request after itself
        ("stranger", "5f0c", True, False),  # somebody else's agent
        ("gone", "5f0c", None, False),
    ],
)
def test_methods_are_open_to_the_workflow_and_to_agents(
    caller: str, request_id: str, in_room_as_agent: bool | None, may: bool
) -> None:
    assert may_call_methods(caller, request_id, in_room_as_agent=in_room_as_agent) is may
