from __future__ import annotations

import asyncio
import socket

from bridge.sip import Address
from tests.bridge.transport.far_side import HELLO, listening, soon, to

UDP = "udp://127.0.0.1:0"


async def test_a_datagram_goes_and_comes() -> None:
    async with listening(UDP) as (ours, mine, [here]), listening(UDP) as (theirs, heard, [there]):
        ours.send(to("udp", there))
        await soon(lambda: heard.messages)
        data, flow = heard.messages[0]
        assert (data, flow.local, flow.remote, flow.connection) == (HELLO, there, here, 0)
        theirs.send(to("udp", flow.remote, HELLO, flow))
        await soon(lambda: mine.messages)


async def test_a_name_is_looked_up() -> None:
    async with listening(UDP) as (ours, mine, _), listening(UDP) as (_, heard, [there]):
        ours.send(to("udp", Address("localhost", there.port)))
        await soon(lambda: heard.messages)
        ours.send(to("udp", Address("nobody.invalid", there.port)))
        await soon(lambda: mine.failures)
        assert "nobody.invalid" in mine.failures[0][1]


async def test_an_address_of_the_other_kind_is_unreachable() -> None:
    async with listening(UDP) as (ours, mine, _):
        ours.send(to("udp", Address("::1", 5060)))
        assert len(mine.failures) == 1


async def test_blank_lines_are_nobodys_message() -> None:
    async with listening(UDP) as (_, heard, [here]):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handset:
            for blank in (b"\r\n\r\n", b"\0\0\0\0", b"", HELLO):
                handset.sendto(blank, here)
        await soon(lambda: heard.messages)
        await asyncio.sleep(0.01)
        assert [data for data, _ in heard.messages] == [HELLO]
