"""Sockets for signalling: UDP, TCP and TLS, with their limits."""

from bridge.transport.driver import Driver
from bridge.transport.limits import ConnectionLimits, Counters
from bridge.transport.sources import Sources
from bridge.transport.tls import TlsFiles
from bridge.transport.transports import Transports

__all__ = ["ConnectionLimits", "Counters", "Driver", "Sources", "TlsFiles", "Transports"]
