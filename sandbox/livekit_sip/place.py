"""What all calls of the gateway share."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.addresses import Listen
from bridge.legs import Bridge, BridgeOptions
from bridge.room import LiveKitAccess
from bridge.rtp import PortRange
from sandbox.livekit_sip.settings import LiveKitSipSettings

_FOR_EVER = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Place:
    bridge: Bridge
    livekit: LiveKitAccess
    livekit_keys: tuple[str, str]
    media_timeout: float
    first_media_timeout: float

    async def aclose(self) -> None:
        await self.bridge.aclose()
        await self.livekit.aclose()


async def open_place(settings: LiveKitSipSettings) -> Place:
    """Raises OSError when an address or port cannot be used."""
    host, port = settings.livekit_sip_host, settings.livekit_sip_port
    keys = settings.livekit_api_key, settings.livekit_api_secret
    bridge = Bridge(
        BridgeOptions(
            listen=(Listen("udp", host, port), Listen("tcp", host, port)),
            ports=PortRange.parse(settings.livekit_sip_rtp_ports),
            user="livekit",
            # A call's own limits are livekit-sip's, which differ from the bridge's.
            media_timeout=_FOR_EVER,
            max_duration=_FOR_EVER,
        )
    )
    await bridge.start()
    return Place(
        bridge=bridge,
        livekit=LiveKitAccess(settings.livekit_url, *keys),
        livekit_keys=keys,
        media_timeout=settings.livekit_sip_media_timeout_seconds,
        first_media_timeout=settings.livekit_sip_first_media_seconds,
    )
