"""Connections that lead only where they may: for addresses that others wrote down."""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import Any

import aiohttp
from aiohttp.connector import AddrInfoType

from contract.tool_targets import ToolTargets

log = logging.getLogger(__name__)

REFUSED = errno.EACCES  # of the OSError that a refused address becomes


def guarded_session(
    targets: ToolTargets,
    complaint: str,
    *,
    resolver: aiohttp.abc.AbstractResolver | None = None,
    **options: Any,
) -> aiohttp.ClientSession:
    """Looks at each address at the moment of connecting: a name that led elsewhere when it was
    looked up before makes no difference. `complaint` is logged of a refused one."""

    def open_socket(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = address
        if not targets.allow_address(str(place[0])):
            log.warning(complaint)
            raise OSError(REFUSED, os.strerror(REFUSED))
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=open_socket, resolver=resolver),
        # A cookie of one service must not be carried to the next.
        cookie_jar=aiohttp.DummyCookieJar(),
        **options,
    )
