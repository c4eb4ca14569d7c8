"""Which port each part listens on: fixed ones for people, free ones for tests."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Self

from sandbox.stack.errors import StackError
from sandbox.stack.parts import Part

# Below the range that Linux hands out for outgoing connections (32768 and up), so that a port
# which is free when we look is still free when the server binds it.
_FIRST_FREE, _BLOCK, _BLOCKS = 20_000, 20, 600

# Audio of the bridge and of the carrier's phone: below the blocks, above the tests' own
# (tests/bridge/ports.py). All stacks of a machine share them: a pair that is taken is passed over.
BRIDGE_RTP, CARRIER_RTP = "16000-17999", "18000-19999"


@dataclass(frozen=True, slots=True)
class Ports:
    """Field `x` is set by the variable SWITCHBOARD_X_PORT."""

    api: int = 8080
    temporal: int = 7233
    temporal_ui: int = 8233
    livekit: int = 7880
    livekit_tcp: int = 7881
    livekit_udp: int = 7882
    s3: int = 7070
    providers: int = 7071
    recorder: int = 7072
    atlas_health: int = 7073
    media_bot_health: int = 7074
    talk: int = 7075
    worker_http: int = 7076
    atlas_metrics: int = 7077
    media_bot_metrics: int = 7078
    carrier_http: int = 7079
    carrier_sip: int = 5070  # Exotel's, TCP and UDP
    bridge_http: int = 7080
    bridge_sip: int = 5090  # TCP and UDP
    sip_api: int = 7081  # LiveKit SIP's; its SIP port is any, as nobody calls it

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        chosen = cls(
            **{
                item.name: _read(environment, variable(item.name), int(str(item.default)))
                for item in fields(cls)
            }
        )
        seen: dict[int, str] = {}
        for item in fields(cls):
            port = int(getattr(chosen, item.name))
            if port in seen:
                raise StackError(
                    f"{variable(item.name)} and {variable(seen[port])} are both {port}; "
                    "give each its own port."
                )
            seen[port] = item.name
        return chosen


# Which fields of `Ports` a part binds.
BOUND: dict[Part, tuple[str, ...]] = {
    Part.TEMPORAL: ("temporal", "temporal_ui"),
    Part.LIVEKIT: ("livekit", "livekit_tcp", "livekit_udp"),
    Part.S3: ("s3",),
    Part.PROVIDERS: ("providers",),
    Part.RECORDER: ("recorder",),
    Part.SIP: ("sip_api",),
    Part.API: ("api",),
    Part.WORKER: ("worker_http",),
    Part.ATLAS: ("atlas_health", "atlas_metrics"),
    Part.MEDIA_BOT: ("media_bot_health", "media_bot_metrics"),
    Part.TALK: ("talk",),
    Part.CARRIER: ("carrier_sip", "carrier_http"),
    Part.BRIDGE: ("bridge_sip", "bridge_http"),
}
_BY_UDP_ONLY = ("livekit_udp",)
_BY_UDP_TOO = ("carrier_sip", "bridge_sip")


def variable(name: str) -> str:
    return f"SWITCHBOARD_{name.upper()}_PORT"


def require_free(part: Part, ports: Ports) -> None:
    """Raises StackError for the first port of this part that somebody else listens on."""
    for name in BOUND[part]:
        port = int(getattr(ports, name))
        ways = (
            (True,) if name in _BY_UDP_ONLY else (False, True) if name in _BY_UDP_TOO else (False,)
        )
        if not all(_is_free(port, udp=udp) for udp in ways):
            raise StackError(
                f"Port {port}, which {part} needs, is in use: stop the program that has it "
                f"(`ss -lnptu 'sport = :{port}'` names it) or set {variable(name)} to a free port."
            )


@dataclass(slots=True)
class FreePorts:
    """A block of ports that no other stack of this user takes while the lock is held."""

    ports: Ports
    _lock: IO[str] = field(repr=False)

    @classmethod
    def take(cls) -> Self:
        folder = Path(tempfile.gettempdir()) / f"switchboard-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        for block in random.sample(range(_BLOCKS), _BLOCKS):
            lock = (folder / str(block)).open("w")
            numbers = range(_FIRST_FREE + block * _BLOCK, _FIRST_FREE + (block + 1) * _BLOCK)
            if _locked(lock) and all(_is_free(n) and _is_free(n, udp=True) for n in numbers):
                names = (item.name for item in fields(Ports))
                return cls(Ports(**dict(zip(names, numbers, strict=False))), lock)
            lock.close()
        raise StackError("No block of free ports is left: stop some of the stacks that run.")

    def give_back(self) -> None:
        self._lock.close()


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int, *, udp: bool = False) -> bool:
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if not udp:
            # As the servers do: a connection that lingers in TIME_WAIT is no listener.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _read(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise StackError(f"{name} is {text!r}; it must be a port number from 1 to 65535.")
