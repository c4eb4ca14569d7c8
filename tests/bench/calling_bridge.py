"""`python -m tests.bench.calling_bridge PORT CALLS`: calls with audio, until stdin ends.

Prints the number of answered calls when all are there.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions
from bridge.rtp import PortRange
from engine.logs import set_up_logs


async def _call(port: int, calls: int) -> None:
    options = BridgeOptions(
        listen=(Listen("tcp", "127.0.0.1", 0),),
        ports=PortRange(45_000, 49_998),
        media_timeout=120.0,
    )
    bridge = Bridge(options)
    await bridge.start()
    legs = [await bridge.dial(f"sip:load@127.0.0.1:{port};transport=tcp") for _ in range(calls)]
    print(sum([await leg.answered() for leg in legs]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await bridge.aclose()


if __name__ == "__main__":
    set_up_logs("bridge", "WARNING", "console")
    uvloop.run(_call(int(sys.argv[1]), int(sys.argv[2])))
