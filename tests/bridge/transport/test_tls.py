from __future__ import annotations

import asyncio
from pathlib import Path

from bridge.transport import ConnectionLimits, TlsFiles
from tests.bridge.certificates import tls_files
from tests.bridge.transport.far_side import HELLO, REPLY, listening, soon, to

TLS = "tls://127.0.0.1:0"


async def test_a_message_and_its_reply(tmp_path: Path) -> None:
    files = tls_files(tmp_path)
    async with (
        listening(tls=files) as (ours, mine, _),
        listening(TLS, tls=files) as (theirs, heard, [there]),
    ):
        ours.send(to("tls", there))
        await soon(lambda: heard.messages)
        flow = heard.messages[0][1]
        assert flow.transport == "tls"
        theirs.send(to("tls", flow.remote, REPLY, flow))
        await soon(lambda: mine.messages)


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with (
        listening(tls=TlsFiles()) as (ours, mine, _),
        listening(TLS, tls=tls_files(tmp_path)) as (_, heard, [there]),
    ):
        ours.send(to("tls", there))
        await soon(lambda: mine.failures)
        assert "certificate" in mine.failures[0][1]
        assert not heard.messages


async def test_a_certificate_must_have_the_name_that_was_called(tmp_path: Path) -> None:
    files = tls_files(tmp_path, "127.0.0.9")
    async with (
        listening(tls=files) as (ours, mine, _),
        listening(TLS, tls=files) as (_, _, [there]),
    ):
        ours.send(to("tls", there))
        await soon(lambda: mine.failures)
        assert "certificate" in mine.failures[0][1]


async def test_whoever_never_shakes_hands_is_closed_and_not_counted(tmp_path: Path) -> None:
    limits = ConnectionLimits(first_message=0.2, per_address=1)
    async with listening(TLS, tls=tls_files(tmp_path), limits=limits) as (ours, mine, [here]):
        for greeting in (b"", HELLO):
            reader, writer = await asyncio.open_connection(*here)
            writer.write(greeting)
            await reader.read()
            writer.close()
        assert ours.counters.too_many_connections == 0
        assert not mine.messages
