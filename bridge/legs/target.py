"""Whom to call, and by which way: `sip:+91…@host:5070;transport=tcp`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sipmessage import URI

from bridge.addresses import in_uri
from bridge.sip.flow import DEFAULT_PORTS, Transport

_WAYS: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}


class TargetError(ValueError):
    """No address that can be called, in a sentence that does not repeat the number."""


@dataclass(frozen=True, slots=True)
class Target:
    uri: str
    host: str
    port: int
    transport: Transport

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises TargetError. Without a transport it is UDP, and TLS for sips:."""
        try:
            uri = URI.parse(text)
        except ValueError:
            raise TargetError(
                "That is no SIP address: write sip:number@host or sip:number@host;transport=tcp."
            ) from None
        if uri.scheme not in ("sip", "sips") or not uri.host:
            raise TargetError(f"A {uri.scheme}: address does not say where to call: write sip:.")
        told = uri.parameters.get("transport")
        transport = _WAYS.get(str(told).lower()) if told else "udp"
        if transport is None:
            raise TargetError(f"The transport {told!r} is none of udp, tcp and tls.")
        if uri.scheme == "sips":
            transport = "tls"
        port = uri.port or DEFAULT_PORTS[transport]
        if not 0 < port < 65536:
            raise TargetError("The port of that address is none.")
        host = uri.host.removeprefix("[").removesuffix("]")
        return cls(text, host, port, transport)

    def at(self, user: str) -> str:
        """Another number there, by the same way."""
        return f"sip:{user}@{in_uri(self.host)}:{self.port};transport={self.transport}"
