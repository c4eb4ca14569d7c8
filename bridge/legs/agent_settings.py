"""What the bridge tells its user agent at the start."""

from __future__ import annotations

from collections.abc import Sequence

from bridge import sip
from bridge.addresses import Listen
from bridge.legs.options import BridgeOptions

_REALM = "switchboard"


def agent_settings(
    options: BridgeOptions, address: str, listening: Sequence[Listen]
) -> sip.UserAgentSettings:
    """`address` is ours as peers are told; `listening` has the real ports."""
    challenge = None
    if options.callers:
        challenge = sip.Challenge(_REALM, options.callers, options.caller_algorithms)
    return sip.UserAgentSettings(
        contacts=_contacts(address, listening),
        user=options.user,
        timers=options.timers,
        # The bridge refuses what is over its own number; the agent remembers ended calls as well.
        limits=sip.Limits(calls=2 * options.max_calls),
        challenge=challenge,
    )


def _contacts(address: str, listening: Sequence[Listen]) -> dict[sip.Transport, sip.Address]:
    """Where we do not listen, the far side must come back by the connection that we opened."""
    first = listening[0].port
    ports: dict[sip.Transport, int] = {"udp": first, "tcp": first, "tls": first}
    ports |= {place.transport: place.port for place in reversed(listening)}
    return {way: sip.Address(address, port) for way, port in ports.items()}
