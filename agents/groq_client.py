"""One HTTP client for Groq's mind and ears, made quickly.

A client that the plugin makes for itself parses the machine's certificates again, 90 ms on the
event loop (200 ms on a busy machine) in the moment before the greeting. Here they are parsed
when the module is imported: once, in the process that all jobs are forked from.
"""

from __future__ import annotations

import anyio._backends._asyncio
import anyio._core._synchronization  # noqa: F401  # imported by httpx2 at its first request
import httpx2
import openai
import openai.lib.streaming.chat
import openai.resources.chat.completions
import openai.resources.models  # openai imports these at their first use

_TRUST = httpx2.create_ssl_context()
_TIMEOUT = httpx2.Timeout(connect=5.0, read=5.0, write=5.0, pool=5.0)


def groq_client(api_key: str, base_url: str) -> openai.AsyncClient:
    return openai.AsyncClient(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,  # livekit tries again by its own rules
        http_client=httpx2.AsyncClient(verify=_TRUST, timeout=_TIMEOUT),
    )
