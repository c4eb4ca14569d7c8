"""Our way to LiveKit, as far as it needs no LiveKit."""

from __future__ import annotations

import pytest

from bridge.room import LiveKitAccess


@pytest.mark.parametrize(
    ("url", "stun"),
    [
        ("ws://livekit:7880", "stun:livekit:3478"),
        ("wss://rooms.example", "stun:rooms.example:3478"),
        ("http://[::1]:7880", "stun:[::1]:3478"),
    ],
)
def test_no_stun_server_of_others_is_asked(url: str, stun: str) -> None:
    config = LiveKitAccess(url, "key", "secret").rtc_config
    assert [list(server.urls) for server in config.ice_servers] == [[stun]]
