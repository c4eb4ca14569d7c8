"""TCP: the reply on its connection, one connection a destination, and the limits."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from bridge.sip import Address
from bridge.transport import ConnectionLimits, Sources
from tests.bridge.transport.far_side import HELLO, REPLY, listening, reset, soon, to

TCP = "tcp://127.0.0.1:0"


async def test_the_reply_goes_out_on_the_connection_of_the_request() -> None:
    async with listening(TCP) as (transports, heard, [here]):
        peers = [await asyncio.open_connection(*here) for _ in range(2)]
        for _, writer in peers:
            writer.write(HELLO)
        await soon(lambda: len(heard.messages) == 2)
        for number, (data, flow) in enumerate(heard.messages):
            assert data == HELLO
            transports.send(to("tcp", flow.remote, REPLY + bytes([number]), flow))
        ports = [flow.remote.port for _, flow in heard.messages]
        for reader, writer in peers:
            mine = ports.index(writer.get_extra_info("sockname")[1])
            assert await reader.read(100) == REPLY + bytes([mine])
            writer.close()


async def test_messages_are_put_together_and_taken_apart() -> None:
    async with listening(TCP) as (_, heard, [here]):
        _, writer = await asyncio.open_connection(*here)
        for piece in (HELLO[:10], HELLO[10:] + HELLO + HELLO[:1], HELLO[1:]):
            writer.write(piece)
            await asyncio.sleep(0.01)
        await soon(lambda: len(heard.messages) == 3)
        assert {data for data, _ in heard.messages} == {HELLO}
        writer.close()


async def test_a_ping_is_answered() -> None:
    async with listening(TCP) as (_, heard, [here]):
        reader, writer = await asyncio.open_connection(*here)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        assert not heard.messages
        writer.close()


@pytest.mark.parametrize(("pongs", "given_up"), [(2, True), (0, False)])
async def test_we_ping_whom_we_called_and_give_up_one_that_stops_answering(
    pongs: int, given_up: bool
) -> None:
    """Silence of one that never answered a ping proves nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(HELLO)
        for _ in range(pongs):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\r\n")
        while await reader.read(100):
            pass
        writer.close()

    limits = ConnectionLimits(ping_every=0.05, pong_within=0.1)
    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        listening(TCP, limits=limits) as (transports, heard, _),
    ):
        transports.send(to("tcp", Address(*server.sockets[0].getsockname())))
        await soon(lambda: transports.open_connections == 1)
        await asyncio.sleep(0.4)
        assert bool(heard.lost_flows) == given_up
        assert not heard.messages


async def test_our_connection_is_opened_once_and_used_again() -> None:
    async with (
        listening(TCP) as (ours, _, _),
        listening(TCP) as (_, heard, [there]),
    ):
        for _ in range(3):
            ours.send(to("tcp", there))
        await soon(lambda: len(heard.messages) == 3)
        ours.send(to("tcp", there))
        await soon(lambda: len(heard.messages) == 4)
        assert len({flow.remote for _, flow in heard.messages}) == 1
        assert ours.open_connections == 1


async def test_a_destination_that_refuses_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        closed = Address("127.0.0.1", found.getsockname()[1])
    async with listening(TCP) as (transports, heard, _):
        transports.send(to("tcp", closed))
        await soon(lambda: heard.failures)
        outgoing, why = heard.failures[0]
        assert outgoing.destination == closed
        assert "refused" in why
        assert transports.counters.connects_failed == 1


async def test_a_reset_is_told() -> None:
    async with listening(TCP) as (transports, heard, [here]):
        _, writer = await asyncio.open_connection(*here)
        writer.write(HELLO)
        await soon(lambda: heard.messages)
        reset(writer)
        await soon(lambda: heard.lost_flows)
        assert heard.lost_flows == [heard.messages[0][1]]
        flow = heard.lost_flows[0]
        transports.send(to("tcp", flow.remote, REPLY, flow))
        assert heard.failures[0][1] == "the connection is gone"


async def test_whoever_takes_too_long_with_a_first_message_is_closed() -> None:
    limits = ConnectionLimits(first_message=0.2)
    async with listening(TCP, limits=limits) as (transports, heard, [here]):
        reader, writer = await asyncio.open_connection(*here)
        end = asyncio.ensure_future(reader.read())
        for byte in HELLO:  # a byte now and then does not help
            if end.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        assert await end == b""
        assert transports.counters.too_slow == 1
        assert transports.open_connections == 0
        assert not heard.messages
        writer.close()


async def test_a_later_message_has_its_time_too_and_idleness_is_no_fault() -> None:
    limits = ConnectionLimits(first_message=0.2)
    async with listening(TCP, limits=limits) as (transports, _, [here]):
        reader, writer = await asyncio.open_connection(*here)
        writer.write(HELLO)
        await asyncio.sleep(0.4)
        assert transports.open_connections == 1
        writer.write(HELLO[:20])
        assert await reader.read() == b""
        assert transports.counters.too_slow == 1
        writer.close()


async def test_what_cannot_be_framed_closes_its_connection() -> None:
    async with listening(TCP) as (transports, heard, [here]):
        reader, writer = await asyncio.open_connection(*here)
        writer.write(HELLO.replace(b": 0", b": -1"))
        assert await reader.read() == b""
        assert transports.counters.bad_framing == 1
        assert not heard.messages
        writer.close()


async def test_one_address_and_all_together_have_their_share_of_connections() -> None:
    limits = ConnectionLimits(per_address=2, together=3)
    async with listening(TCP, limits=limits) as (transports, _, [here]):
        kept = [await asyncio.open_connection(*here) for _ in range(2)]
        await soon(lambda: transports.open_connections == 2)
        reader, third = await asyncio.open_connection(*here)
        assert await reader.read() == b""
        other = [
            await asyncio.open_connection(*here, local_addr=(host, 0))
            for host in ("127.0.0.2", "127.0.0.3")
        ]
        assert await other[1][0].read() == b""
        assert transports.counters.too_many_connections == 2
        kept[0][1].close()  # makes room
        await soon(lambda: transports.open_connections == 2)
        again = await asyncio.open_connection(*here)
        await soon(lambda: transports.open_connections == 3)
        for _, writer in (*kept, *other, again, (reader, third)):
            writer.close()


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    limits = ConnectionLimits(written_ahead=64 * 1024)
    async with listening(TCP, limits=limits) as (transports, heard, [here]):
        reader, writer = await asyncio.open_connection(*here, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(HELLO)
        await soon(lambda: heard.messages)
        flow = heard.messages[0][1]
        for _ in range(1000):
            transports.send(to("tcp", flow.remote, REPLY * 1000, flow))
            await asyncio.sleep(0)
            if heard.lost_flows:
                break
        assert transports.counters.unread == 1
        assert heard.lost_flows == [flow]
        reader.feed_eof()
        writer.close()


async def test_strangers_get_nothing() -> None:
    sources = Sources(["trunk=127.0.0.2"])
    async with listening(TCP, "udp://127.0.0.1:0", sources=sources) as (transports, heard, places):
        reader, writer = await asyncio.open_connection(*places[0])
        writer.write(HELLO)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(HELLO, places[1])
            await soon(lambda: transports.counters.strangers == 2)
        _, known = await asyncio.open_connection(*places[0], local_addr=("127.0.0.2", 0))
        known.write(HELLO)
        await soon(lambda: heard.messages)
        assert [flow.remote.host for _, flow in heard.messages] == ["127.0.0.2"]
        writer.close()
        known.close()


async def test_closing_leaves_nothing_behind() -> None:
    before = len(asyncio.all_tasks())
    async with listening(TCP, "udp://127.0.0.1:0") as (transports, _, [here, _]):
        peers = [await asyncio.open_connection(*here) for _ in range(5)]
        await soon(lambda: transports.open_connections == 5)
    for reader, writer in peers:
        assert await reader.read() == b""
        writer.close()
    assert transports.open_connections == 0
    assert len(asyncio.all_tasks()) == before
