"""Our way to LiveKit: tokens of phones, and the RoomService."""

from __future__ import annotations


class LiveKitAccess:
    """`aclose` it when the last leg has gone."""

    def __init__(self, url: str, api_key: str, api_secret: str) -> None:
        """`url`: ws://, wss://, http:// or https://."""
        self.url = url
        self._api_key = api_key
        self._api_secret = api_secret

    async def aclose(self) -> None: ...
