from __future__ import annotations

import asyncio

from contract.identity import new_call_id
from tests.api.service import Service
from tests.api.temporal import eventually


async def test_followers_who_leave_at_any_moment_leave_nothing_that_never_ends(
    service: Service,
) -> None:
    """They cancel whatever statement is under way; the process must still be able to end."""
    call_id = new_call_id()
    await service.given_call(call_id)
    before = asyncio.all_tasks()
    for number in range(40):
        followers = [asyncio.create_task(service.get(f"/calls/{call_id}/events")) for _ in range(3)]
        await asyncio.sleep(number % 10 * 0.003)
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, return_exceptions=True)

    async def all_have_ended() -> bool:
        return not asyncio.all_tasks() - before

    await eventually(all_have_ended)
    assert (await service.get("/calls")).status_code == 200
