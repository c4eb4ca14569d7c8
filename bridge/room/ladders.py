"""Each leg's SIP ladder as a file of its own, numbers masked."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from pathlib import Path

import structlog

from bridge.ladder.record import SipMessage
from bridge.ladder.text import LadderLines
from bridge.private_files import create_private

log = structlog.get_logger()

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MOST_MESSAGES = 2000  # of a call: a hold that flaps for hours must not fill the memory
_MOST_UNCLAIMED, _MOST_OF_UNCLAIMED = 64, 20


class Ladders:
    """A tap of the bridge's. An INVITE may leave before its leg knows that it has one, so what
    nobody has claimed yet is kept a while."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, list[SipMessage]] = {}
        self._unclaimed: OrderedDict[str, list[SipMessage]] = OrderedDict()

    def __call__(self, message: SipMessage) -> None:
        found = _CALL_ID.search(message.data)
        if found is None:
            return
        sip_call_id = found[1].decode("utf-8", "replace")
        kept, most = self._kept.get(sip_call_id), _MOST_MESSAGES
        if kept is None:
            kept, most = self._unclaimed.setdefault(sip_call_id, []), _MOST_OF_UNCLAIMED
            if len(self._unclaimed) > _MOST_UNCLAIMED:
                self._unclaimed.popitem(last=False)
        if len(kept) < most:
            kept.append(message)

    def claim(self, sip_call_id: str) -> None:
        self._kept[sip_call_id] = self._unclaimed.pop(sip_call_id, [])

    async def write(self, sip_call_id: str, call_id: str) -> None:
        """Once, when the call is over. Never raises: a full disk is no fault of the call's."""
        messages = self._kept.pop(sip_call_id, [])
        if not messages or not _SAFE.fullmatch(call_id):
            return
        try:
            await asyncio.to_thread(self._write, self._folder / f"{call_id}.txt", messages)
        except OSError as error:
            log.warning("ladder_not_written", call_id=call_id, error=type(error).__name__)

    def _write(self, file: Path, messages: list[SipMessage]) -> None:
        ladder = LadderLines()
        lines = [line for message in messages for line in ladder.of(message)]
        file.parent.mkdir(parents=True, exist_ok=True)
        with create_private(file) as out:
            out.write("".join(line + "\n" for line in lines).encode())
