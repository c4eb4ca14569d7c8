"""What a new stack has beside the API's own sample: lines to the sandbox's phone, and assistants
in realtime mode and with live transcription. Made through the API, as an operator would; what is
there already is kept."""

from __future__ import annotations

from typing import Any

import aiohttp

from sandbox.stack.errors import StackError
from sandbox.stack.site import Site

TRUNK_ID = "sandbox"
SIP_TRUNK_ID = "sandbox-livekit-sip"
REALTIME_ASSISTANT_ID = "demo-realtime"
TRANSCRIBED_ASSISTANT_ID = "demo-transcribed"
_SAMPLE = "demo"
_PATIENCE = 15.0  # seconds


async def furnish(site: Site) -> None:
    """Raises StackError."""
    async with aiohttp.ClientSession(
        site.api_url,
        headers={"Authorization": f"Bearer {site.keys.api_key}"},
        timeout=aiohttp.ClientTimeout(total=_PATIENCE),
    ) as http:
        try:
            for trunk in _trunks():
                await _lay_phone_line(http, site, trunk)
            await _add_assistants(http)
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise StackError(f"The API could not be told what is here: {trouble!r}.") from None


async def _lay_phone_line(http: aiohttp.ClientSession, site: Site, trunk: dict[str, Any]) -> None:
    """The trunk leads to this stack's carrier. Of one that is there only that is changed: limits
    that a user gave it stay."""
    leads_to = {"host": "127.0.0.1", "port": site.ports.carrier_sip, "transport": "tcp"}
    async with http.patch(f"/trunks/{trunk['id']}", json=leads_to) as answer:
        if answer.status == 404:
            await _create(http, "/trunks", trunk | leads_to)
        else:
            await _require_success(answer)


async def _add_assistants(http: aiohttp.ClientSession) -> None:
    """The sample, by one model that hears and speaks, and with Media Bot's live transcription. Not
    for those who deleted the sample."""
    async with http.get(f"/assistants/{_SAMPLE}") as answer:
        if answer.status != 200:
            return
        sample = await answer.json()
    same = {key: sample[key] for key in ("instructions", "opening")}
    realtime = {"id": REALTIME_ASSISTANT_ID, "name": f"{sample['name']}, realtime"}
    transcribed = {"id": TRANSCRIBED_ASSISTANT_ID, "name": f"{sample['name']}, transcribed"}
    await _add_assistant(http, same | realtime | {"mode": "realtime"})
    await _add_assistant(http, same | transcribed | {"transcribe": True})


async def _add_assistant(http: aiohttp.ClientSession, assistant: dict[str, Any]) -> None:
    async with http.get(f"/assistants/{assistant['id']}") as answer:
        if answer.status == 200:
            return
    await _create(http, "/assistants", assistant)


async def _create(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> None:
    async with http.post(path, json=body) as answer:
        await _require_success(answer)


async def _require_success(answer: aiohttp.ClientResponse) -> None:
    if answer.status >= 400:
        said = (await answer.text())[:300]
        raise StackError(f"The API refused {answer.url.path} ({answer.status}): {said}")


def _trunks() -> tuple[dict[str, Any], ...]:
    """One by the bridge, one by LiveKit SIP."""
    both = {
        "from_number": "+911140001000",
        "countries": ["IN", "US", "GB"],
        # Nobody waits for a line here; who tries the limits lowers them.
        "max_concurrent_calls": 200,
        "calls_per_second": 100,
    }
    by_bridge = {
        "id": TRUNK_ID,
        "name": "Sandbox carrier (docs/sandbox_carrier.md)",
        "kind": "bridge",
        "preset": "exotel",
    }
    by_sip = {
        "id": SIP_TRUNK_ID,
        "name": "Sandbox carrier by LiveKit SIP (docs/sandbox_livekit_sip.md)",
        "kind": "livekit_sip",
        "preset": "generic",
    }
    return by_bridge | both, by_sip | both
