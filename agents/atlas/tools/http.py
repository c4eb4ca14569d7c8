"""Tools that ask an HTTP service, as the assistant's configuration describes them."""

from __future__ import annotations

import json
import logging
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from livekit.agents import RunContext, function_tool, llm
from yarl import URL

from agents.atlas.fillers import FillerController
from agents.atlas.tools.repetition import RepetitionBreaker
from contract.assistants import HttpTool

log = logging.getLogger(__name__)

LONGEST_ANSWER = 8_192  # bytes; the rest would only fill the model's context

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class HttpToolCaller:
    """One configured tool. Whatever goes wrong becomes a short text for the model."""

    def __init__(
        self, options: HttpTool, http: aiohttp.ClientSession, breaker: RepetitionBreaker
    ) -> None:
        self._options = options
        self._http = http
        self._breaker = breaker

    def tool(self, fillers: FillerController) -> llm.Tool:
        async def ask(raw_arguments: dict[str, object], context: RunContext[None]) -> str:
            async with AsyncExitStack() as stack:
                filler = context.with_filler(lambda _: fillers.next_word(), delay=fillers.delay)
                await stack.enter_async_context(filler)
                return await self.call(raw_arguments)

        return function_tool(
            ask,
            raw_schema={
                "name": self._options.name,
                "description": self._options.description,
                "parameters": self._options.parameters or _NO_PARAMETERS,
            },
        )

    async def call(self, arguments: dict[str, Any]) -> str:
        name = self._options.name
        if not self._breaker.allows(f"{name} {json.dumps(arguments, sort_keys=True)}"):
            log.warning("a tool was called too often", extra={"tool": name})
            return "Refused: this was asked several times just now. Do not ask again."
        try:
            status, text = await self._ask(arguments)
        except TimeoutError:
            log.warning("a tool took too long", extra={"tool": name})
            return "The service did not answer in time."
        except (aiohttp.ClientError, ValueError) as failed:
            log.warning(
                "a tool could not be reached", extra={"tool": name, "error": type(failed).__name__}
            )
            return "The service could not be reached."
        if status >= 300:
            log.warning("a tool refused", extra={"tool": name, "status": status})
            return f"The service answered with status {status}. {text}".strip()
        return text or "Done."

    async def _ask(self, arguments: dict[str, Any]) -> tuple[int, str]:
        url = URL(self._options.url)
        body: dict[str, Any] | None = arguments
        if self._options.method.upper() == "GET":
            url, body = url.update_query(_as_query(arguments)), None
        async with self._http.request(
            self._options.method.upper(),
            url,
            json=body,
            headers=self._options.headers,
            # The configured address and no other: a redirect could lead into our own network.
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=self._options.timeout_seconds),
        ) as answer:
            return answer.status, await _beginning(answer)


def _as_query(arguments: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in arguments.items()
        if value is not None
    }


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    body = b""
    while len(body) <= LONGEST_ANSWER:
        piece = await answer.content.read(LONGEST_ANSWER + 1 - len(body))
        if not piece:
            return body.decode(errors="replace").strip()
        body += piece
    return body[:LONGEST_ANSWER].decode(errors="replace") + " (cut)"
