"""Calls over LiveKit SIP, as the stack's own stand-in makes them (docs/sandbox_livekit_sip.md)."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.e2e.phone.phone_call import PhoneCall, PhoneLines

TRUNK = "sandbox-livekit-sip"  # seeded by the stack


async def call_by_livekit(lines: PhoneLines, ending: str = "0100", **body: Any) -> PhoneCall:
    return await lines.call(ending, **({"trunk_id": TRUNK} | body))


class Gateway:
    """Its control pages."""

    def __init__(self, lines: PhoneLines) -> None:
        self._url = lines.switchboard.description.stand_ins["sip"].control_url
        self._http = httpx2.AsyncClient(timeout=10)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        body = {"operation": operation, "kind": kind, **more}
        answer = await self._http.post(f"{self._url}/fault", json=body)
        assert answer.status_code < 300, answer.text

    async def aclose(self) -> None:
        await self._http.delete(f"{self._url}/fault")
        await self._http.aclose()
