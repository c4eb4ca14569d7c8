"""Clients that send too much, too slowly, or something else than HTTP, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.service import settings_for
from tests.api.sockets import ask, listening, request

pytestmark = pytest.mark.slow  # waits until patience ends

CLOSE = "Connection: close"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    settings = settings_for(
        tmp_path,
        max_header_bytes=4096,
        header_timeout_seconds=1.0,
        body_timeout_seconds=1.0,
        rate_limit_requests=1000,
    )
    async with listening(settings) as port:
        yield port


async def test_an_ordinary_request_is_answered(port: int) -> None:
    answer = await ask(port, request("/calls", CLOSE))
    assert (answer.status, answer.headers["ratelimit"]) == (200, '"key";r=999;t=1')
    in_pieces = await ask(port, *[bytes([one]) for one in request("/calls", CLOSE)])
    assert in_pieces.status == 200


async def test_two_requests_share_a_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(request("/calls"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readexactly(len(b'{"items":[],"next_cursor":null}'))
        await asyncio.sleep(0.5)  # together longer than a head may take
    writer.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [request("/calls", "X: " + "y" * 5000)],
        [request("/calls?" + "y" * 5000)],
        [request("/calls", *[f"X-{n}: y" for n in range(600)])],
        [b"GET /calls HTTP/1.1\r\nX: ", *[b"y" * 500] * 9],
    ],
    ids=["a-header", "the-address", "many-headers", "a-header-in-pieces"],
)
async def test_a_head_that_is_too_large_is_431(port: int, pieces: list[bytes]) -> None:
    answer = await ask(port, *pieces)
    assert (answer.status, answer.problem()["code"]) == (431, "headers-too-large")


async def test_a_body_may_be_larger_than_a_head(port: int) -> None:
    body = b'{"name": "' + b"x" * 20_000 + b'"}'
    kind = "Content-Type: application/json"
    head = request("/assistants", kind, f"Content-Length: {len(body)}", CLOSE, method="POST")
    for pieces in ([head, body], [head + body], [head, body[:9000], body[9000:]]):
        answer = await ask(port, *pieces)
        assert (answer.status, answer.problem()["code"]) == (422, "invalid-request")


async def test_a_head_that_trickles_is_408(port: int) -> None:
    answer = await ask(port, b"GET /calls HT", b"TP/1.1\r\n", b"X: y\r\n", pause=0.1)
    assert (answer.status, answer.problem()["code"]) == (408, "headers-too-slow")


async def test_who_connects_and_says_nothing_is_let_go(port: int) -> None:
    assert (await ask(port)).is_empty


async def test_a_body_that_trickles_is_408_and_ends_the_connection(port: int) -> None:
    head = request(
        "/web_call/get_token",
        "Content-Type: application/json",
        "Content-Length: 100",
        method="POST",
    )
    answer = await ask(port, head, b'{"assis', pause=0.1)
    assert (answer.status, answer.problem()["code"]) == (408, "body-too-slow")


async def test_a_body_that_is_announced_too_large_is_413_before_it_is_sent(port: int) -> None:
    head = request("/web_call/get_token", "Content-Length: 99999999999999999999999", method="POST")
    answer = await ask(port, head)
    assert answer.status in (400, 413)
    head = request("/web_call/get_token", "Content-Length: 9999999", method="POST")
    answer = await ask(port, head)
    assert (answer.status, answer.problem()["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("raw", [b"\x16\x03\x01 hello\r\n\r\n", b"GET\r\n\r\n", b"\0\0\0\0"])
async def test_what_is_not_http_is_400(port: int, raw: bytes) -> None:
    answer = await ask(port, raw)
    assert (answer.status, answer.problem()["code"]) == (400, "malformed-request")


async def test_the_client_behind_a_proxy_is_the_one_that_the_proxy_names(tmp_path: Path) -> None:
    def as_client(address: str) -> bytes:
        unknown = request("/nothing", f"X-Forwarded-For: {address}", CLOSE)
        return unknown.replace(b"Authorization", b"X-Nothing")

    strict = settings_for(tmp_path, address_rate_limit_requests=1)
    async with listening(strict) as port:
        assert (await ask(port, as_client("203.0.113.1"))).status == 404
        assert (await ask(port, as_client("203.0.113.1"))).status == 429
        assert (await ask(port, as_client("203.0.113.2"))).status == 404
        # One customer's IPv6 addresses count as one.
        assert (await ask(port, as_client("2001:db8::1"))).status == 404
        assert (await ask(port, as_client("2001:db8::2"))).status == 429
    nobody = settings_for(tmp_path, address_rate_limit_requests=1, trusted_proxies="192.0.2.1")
    async with listening(nobody) as port:
        assert (await ask(port, as_client("203.0.113.1"))).status == 404
        assert (await ask(port, as_client("203.0.113.2"))).status == 429
