"""uvicorn's HTTP with bounds on what comes before a body: so many bytes, so soon.

uvicorn's parser bounds neither, and answers what it cannot read in plain text.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import MEDIA_TYPE, problem_body


def bounded_http(max_head_bytes: int, head_seconds: float) -> type[asyncio.Protocol]:
    """A protocol for `uvicorn.Config(http=…)`. The head is the request line and the headers."""

    class BoundedHttp(_BoundedHttp):
        MAX_HEAD_BYTES = max_head_bytes
        HEAD_SECONDS = head_seconds

    return BoundedHttp


class _HeadTooLarge(Exception):
    pass


class _BoundedHttp(HttpToolsProtocol):
    MAX_HEAD_BYTES: int
    HEAD_SECONDS: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._head_limit: asyncio.TimerHandle | None = None
        self._is_too_large = False
        self._is_whole = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head and self._head_limit is None:
            self._begin_head()
        self._is_whole = False
        super().data_received(data)
        # Of bytes that ended a request, those of the next head are few: they are not told apart.
        if self._in_head and not self._is_whole and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self.MAX_HEAD_BYTES:
                self._refuse_large()

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._end_head()
        if size > self.MAX_HEAD_BYTES:
            self._is_too_large = True
            raise _HeadTooLarge  # the parser stops, and data_received answers
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_whole = True
        self._head_bytes = 0
        self._in_head = True  # of the next request; its time runs from its first byte

    def send_400_response(self, msg: str) -> None:
        if self._is_too_large:
            self._refuse_large()
        else:
            self._refuse(400, "malformed-request", "This is not a request of HTTP/1.1.")

    def _begin_head(self) -> None:
        self._head_bytes = 0
        self._head_limit = self.loop.call_later(self.HEAD_SECONDS, self._head_is_late)

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_limit is not None:
            self._head_limit.cancel()
            self._head_limit = None

    def _head_is_late(self) -> None:
        if self.transport.is_closing():
            return
        if self._head_bytes:
            self._refuse(
                408, "headers-too-slow", f"No whole request within {self.HEAD_SECONDS:g} s."
            )
        else:
            self.transport.close()

    def _refuse_large(self) -> None:
        self._refuse(
            431,
            "headers-too-large",
            f"Address and headers are larger than {self.MAX_HEAD_BYTES} bytes.",
        )

    def _refuse(self, status: int, code: str, detail: str) -> None:
        body = json.dumps(problem_body(status, code, detail)).encode()
        head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + b"\r\n" + body)
        self.transport.close()
