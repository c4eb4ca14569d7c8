"""One request to a tenant's receiver: only where it may lead, never further, and not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from contract.tool_targets import ToolTargets
from engine.guarded_http import REFUSED, guarded_session

PATIENCE_SECONDS = 10.0
KEPT_BYTES = 2048
_LONGEST_WAIT_SECONDS = 24 * 3600.0
_ASK_TO_WAIT = (429, 503)  # RFC 9110 section 10.2.3, RFC 6585 section 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`http_status` is None when there was none, and `failure` says why. Seconds."""

    seconds: float
    http_status: int | None = None
    text: str = ""
    retry_after: float | None = None
    failure: str = ""
    is_refused: bool = False  # by us: it leads to an address that is not public


class WebhookSender:
    def __init__(
        self,
        targets: ToolTargets,
        *,
        patience: float = PATIENCE_SECONDS,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        """`patience`: seconds for the whole of one request."""
        self._targets = targets
        self._patience = patience
        self._resolver = resolver

    async def post(self, url: str, body: str, headers: Mapping[str, str]) -> Answer:
        """Never raises for what the receiver, or the way to it, does."""
        begun = time.monotonic()
        deadline = asyncio.get_running_loop().time() + self._patience
        session = guarded_session(
            self._targets,
            "a webhook's address is neither public nor in WEBHOOK_PRIVATE_NETWORKS",
            resolver=self._resolver,
            auto_decompress=False,  # what is kept of an answer is small, whatever it would become
            timeout=aiohttp.ClientTimeout(total=None),
        )
        async with session:
            failure, is_refused = "", False
            try:
                async with asyncio.timeout_at(deadline):
                    answer = await session.post(
                        url, data=body.encode(), headers=_headers(headers), allow_redirects=False
                    )
                text = await _beginning(answer, deadline)
                return Answer(
                    seconds=time.monotonic() - begun,
                    http_status=answer.status,
                    text=text,
                    retry_after=_retry_after(answer),
                )
            except TimeoutError:
                failure = f"It did not answer within {self._patience:g} s."
            except aiohttp.ClientConnectorCertificateError:
                failure = "Its certificate is not valid."
            except aiohttp.ClientConnectorDNSError:
                failure = "Its name leads nowhere."
            except aiohttp.ClientConnectorError as error:
                is_refused = error.os_error.errno == REFUSED
                failure = "Its address is not public." if is_refused else "It cannot be reached."
            except (aiohttp.ClientError, OSError, ValueError):
                failure = "It did not answer properly."
        return Answer(seconds=time.monotonic() - begun, failure=failure, is_refused=is_refused)


def _headers(signed: Mapping[str, str]) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "Switchboard",
        **signed,
    }


async def _beginning(answer: aiohttp.ClientResponse, deadline: float) -> str:
    """Of an answer that may be endless, or never come: its status has told what matters."""
    kept = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError, OSError, ValueError):
        async with asyncio.timeout_at(deadline):
            while len(kept) < KEPT_BYTES and (
                piece := await answer.content.read(KEPT_BYTES - len(kept))
            ):
                kept += piece
    answer.close()
    # PostgreSQL takes no NUL.
    return bytes(kept).decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _retry_after(answer: aiohttp.ClientResponse) -> float | None:
    """Seconds, of a number or a date; None for what is neither, or says nothing of waiting."""
    text = answer.headers.get("Retry-After", "").strip()
    if answer.status not in _ASK_TO_WAIT or not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_WAIT_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT_SECONDS)
