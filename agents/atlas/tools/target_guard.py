"""The connections of tools, which lead only where tools may ask."""

from __future__ import annotations

import errno
import logging
import os
import socket

import aiohttp
from aiohttp.connector import AddrInfoType

from contract.tool_targets import ToolTargets

log = logging.getLogger(__name__)


def tool_session(targets: ToolTargets) -> aiohttp.ClientSession:
    """Looks at each address at the moment of connecting: a name that led elsewhere when it was
    looked up before makes no difference."""

    def open_socket(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = address
        if not targets.allow_address(str(place[0])):
            log.warning("a tool's address is neither public nor in TOOL_PRIVATE_NETWORKS")
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=open_socket),
        # Calls of tools must carry no cookie from one service to the next.
        cookie_jar=aiohttp.DummyCookieJar(),
    )
