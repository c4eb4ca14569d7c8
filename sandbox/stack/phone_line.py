"""The trunk to the sandbox's phone: made through the API, as an operator would."""

from __future__ import annotations

import aiohttp

from sandbox.stack.errors import StackError
from sandbox.stack.site import Site

TRUNK_ID = "sandbox"
_PATIENCE = 15.0  # seconds


async def lay_phone_line(site: Site) -> None:
    """The trunk leads to this stack's carrier. Of one that is there only that is changed: limits
    that a user gave it stay."""
    leads_to = {"host": "127.0.0.1", "port": site.ports.carrier_sip, "transport": "tcp"}
    async with aiohttp.ClientSession(
        site.api_url,
        headers={"Authorization": f"Bearer {site.keys.api_key}"},
        timeout=aiohttp.ClientTimeout(total=_PATIENCE),
    ) as http:
        try:
            async with http.patch(f"/trunks/{TRUNK_ID}", json=leads_to) as answer:
                status, said = answer.status, await answer.text()
            if status == 404:
                async with http.post("/trunks", json=_trunk() | leads_to) as answer:
                    status, said = answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise StackError(f"The API did not take the trunk {TRUNK_ID!r}: {trouble!r}.") from None
    if status >= 400:
        raise StackError(f"The API refused the trunk {TRUNK_ID!r} ({status}): {said[:300]}")


def _trunk() -> dict[str, object]:
    return {
        "id": TRUNK_ID,
        "name": "Sandbox carrier (docs/sandbox_carrier.md)",
        "kind": "bridge",
        "preset": "exotel",
        "from_number": "+911140001000",
        "countries": ["IN", "US", "GB"],
        # Nobody waits for a line here; who tries the limits lowers them.
        "max_concurrent_calls": 200,
        "calls_per_second": 100,
    }
