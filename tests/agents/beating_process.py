"""A participant in a process of its own, which can be killed: joins, beats, and answers nothing.

`python -m tests.agents.beating_process <url> <token> <role>`; a line on stdout once it beats.
"""

from __future__ import annotations

import asyncio
import json
import sys

from livekit import rtc

from contract.rooms import Topic


async def beat(url: str, token: str, role: str) -> None:
    room = rtc.Room()
    await room.connect(url, token)
    payload = json.dumps({"role": role, "generation": 1})
    for count in range(10_000):
        await room.local_participant.publish_data(payload, topic=Topic.AGENT_ALIVE)
        if count == 5:  # LiveKit relays what a newcomer says 1.5 s before it says who that is
            print("beats", flush=True)
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(beat(*sys.argv[1:4]))
