"""One request to a receiver, whatever kind of server that is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp import web

from activities.webhook_http import KEPT_BYTES, Answer, WebhookSender
from contract.tool_targets import ToolTargets
from contract.webhooks import new_secret, signed_headers
from tests.api.service import free_port
from tests.webhook_receiver import receiver, status

LOOPBACK = ToolTargets((ip_network("127.0.0.0/8"),))
BODY = '{"type":"call.ended"}'


async def post(url: str, targets: ToolTargets = LOOPBACK, patience: float = 10) -> Answer:
    sender = WebhookSender(targets, patience=patience)
    return await sender.post(url, BODY, {"webhook-id": "evt_1"})


async def test_what_is_sent_is_what_was_signed() -> None:
    secrets = [new_secret(), new_secret()]
    async with receiver(status(200, "thanks")) as one:
        headers = signed_headers("evt_1", datetime.now(UTC), BODY, secrets)
        answer = await WebhookSender(LOOPBACK).post(one.url, BODY, headers)
        (got,) = one.got
    assert (answer.http_status, answer.text, answer.failure) == (200, "thanks", "")
    assert got.webhook_id == "evt_1"
    assert got.headers["content-type"] == "application/json"
    for secret in secrets:
        assert got.verify(secret) == {"type": "call.ended"}
    with pytest.raises(Exception, match="No matching signature"):
        got.verify(new_secret())


async def test_a_redirect_is_not_followed() -> None:
    async with receiver() as elsewhere, receiver(status(302, Location=elsewhere.url)) as one:
        answer = await post(one.url)
        assert (answer.http_status, elsewhere.got) == (302, [])


async def test_of_an_endless_answer_the_beginning_is_kept() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"a\0" * 4096)

    async with receiver(endless) as one:
        answer = await post(one.url)
    assert answer.http_status == 200
    assert len(answer.text) == KEPT_BYTES
    assert "\0" not in answer.text


async def test_a_receiver_that_keeps_silent_is_given_up() -> None:
    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with receiver(silent) as one:
        answer = await post(one.url, patience=0.3)
    assert answer.http_status is None
    assert answer.failure == "It did not answer within 0.3 s."
    assert answer.seconds > 0.2


async def test_a_status_counts_though_the_rest_never_comes() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.Event().wait()
        raise AssertionError

    async with receiver(half) as one:
        answer = await post(one.url, patience=3)
    assert (answer.http_status, answer.text) == (200, "half")


async def test_a_receiver_that_is_down_is_told_apart_from_one_that_is_refused() -> None:
    down = await post(f"http://127.0.0.1:{free_port()}/")
    assert (down.failure, down.is_refused) == ("It cannot be reached.", False)
    async with receiver() as one:
        private = await post(one.url, ToolTargets())
        assert (private.failure, private.is_refused) == ("Its address is not public.", True)
        assert one.got == []


class Rebinding(aiohttp.abc.AbstractResolver):
    """A name that leads to a private address at the moment that counts."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_to_a_private_address_is_refused_when_connecting() -> None:
    async with receiver() as one:
        port = one.url.split(":")[2].split("/")[0]
        sender = WebhookSender(ToolTargets(), resolver=Rebinding())
        answer = await sender.post(f"http://crm.example:{port}/hook", BODY, {})
        assert (answer.is_refused, one.got) == (True, [])


async def test_what_speaks_no_http_has_not_answered_properly() -> None:
    async with raw_server(b"SSH-2.0-OpenSSH_9.2\r\n") as url:
        answer = await post(url)
    assert (answer.http_status, answer.failure) == (None, "It did not answer properly.")


@pytest.mark.parametrize(
    ("code", "header", "seconds"),
    [
        (503, "120", 120.0),
        (429, "0", 0.0),
        (429, "99999999999999999999", 24 * 3600.0),
        (503, "soon", None),
        (503, "-5", None),
        (503, "", None),
        (500, "120", None),
        (200, "120", None),
        (503, "Sat, 21 Nov 2026 99:99:99 GMT", None),
    ],
    ids=["503", "at once", "for ever", "a word", "less", "empty", "500", "taken", "no date"],
)
async def test_a_receiver_may_ask_for_a_pause(
    code: int, header: str, seconds: float | None
) -> None:
    async with receiver(status(code, Retry_After=header)) as one:
        assert (await post(one.url)).retry_after == seconds


async def test_a_receiver_may_name_the_moment() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    async with receiver(status(503, Retry_After=moment)) as one:
        asked = (await post(one.url)).retry_after
    assert asked is not None
    assert 3500 < asked <= 3600


@asynccontextmanager
async def raw_server(greeting: bytes) -> AsyncIterator[str]:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
