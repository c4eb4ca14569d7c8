"""A caller behind a NAT names addresses that lead nowhere, and has one TCP connection: all that is
for it must come by that one (RFC 3261 18.2.2, RFC 5923). It keeps it alive by CRLFs."""

from __future__ import annotations

import asyncio

import pytest

from bridge.legs import Bridge, BridgeOptions, Leg
from tests.bridge.ports import audio_ports

_NOWHERE = "198.51.100.9:5060"  # RFC 5737
_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 30002 RTP/AVP 0\r\n"
)


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.to_tag = ""

    async def send(self, method: str, number: int, body: str = "", pieces: int = 1) -> None:
        headers = [
            f"{method} sip:+15550100@bridge.example SIP/2.0",
            f"Via: SIP/2.0/TCP {_NOWHERE};branch=z9hG4bK{method}{number}",
            "Max-Forwards: 70",
            "From: <sip:phone@nat.example>;tag=phone",
            f"To: <sip:+15550100@bridge.example>{self.to_tag}",
            "Call-ID: one-connection",
            f"CSeq: {number} {method}",
            f"Contact: <sip:phone@{_NOWHERE};transport=tcp>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        data = ("\r\n".join(headers) + "\r\n\r\n" + body).encode()
        size = len(data) // pieces + 1
        for place in range(0, len(data), size):
            self._writer.write(data[place : place + size])
            await self._writer.drain()
            await asyncio.sleep(0.01 if pieces > 1 else 0)

    async def receive(self) -> str:
        """One message, whole; its To tag is remembered."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)).decode()
        fields = {
            k.lower(): v.strip() for k, _, v in (x.partition(":") for x in head.split("\r\n"))
        }
        await self._reader.readexactly(int(fields["content-length"]))
        if head.startswith("SIP/2.0") and ";tag=" in fields["to"]:
            self.to_tag = ";tag=" + fields["to"].partition(";tag=")[2]
        return head

    async def keep_alive(self) -> bytes:
        self._writer.write(b"\r\n\r\n")
        return await asyncio.wait_for(self._reader.readexactly(2), 5)


async def test_all_of_a_call_goes_by_the_callers_own_connection() -> None:
    bridge = Bridge(BridgeOptions(ports=audio_ports()))
    came: asyncio.Queue[Leg] = asyncio.Queue()
    bridge.on_incoming = came.put_nowait
    await bridge.start()
    port = next(place.port for place in bridge.listening if place.transport == "tcp")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    caller = Caller(reader, writer)
    try:
        assert await caller.keep_alive() == b"\r\n"
        await caller.send("OPTIONS", 1, pieces=7)
        assert (await caller.receive()).startswith("SIP/2.0 200")
        caller.to_tag = ""
        await caller.send("INVITE", 2, _SDP, pieces=9)
        leg = await asyncio.wait_for(came.get(), 5)
        leg.ring()
        await leg.accept()
        assert (await caller.receive()).startswith("SIP/2.0 180")
        assert (await caller.receive()).startswith("SIP/2.0 200")
        await caller.send("ACK", 2)
        assert await caller.keep_alive() == b"\r\n", "in the middle of a call, too"
        leg.hang_up()
        bye = await caller.receive()
        assert bye.startswith(f"BYE sip:phone@{_NOWHERE}")
        answer = [
            line
            for line in bye.split("\r\n")
            if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        writer.write(
            ("SIP/2.0 200 OK\r\n" + "\r\n".join(answer) + "\r\nContent-Length: 0\r\n\r\n").encode()
        )
        end = await asyncio.wait_for(leg.ended(), 5)
        assert (end.by, end.reason, end.answered) == ("us", "hung-up", True)
        assert end.talk_seconds == pytest.approx(0.1, abs=2)
    finally:
        writer.close()
        await bridge.aclose()
