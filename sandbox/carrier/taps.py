"""What the carrier sees on its wires before anybody acts on it."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.ladder.record import SipMessage
from bridge.sdp import MediaAddress
from sandbox.carrier.cdr import Book
from sandbox.carrier.invites import headers
from sandbox.carrier.phone import Phone


class Taps:
    def __init__(self, book: Book, phones: Mapping[str, Phone]) -> None:
        """`phones`: of the calls that last."""
        self._book = book
        self._phones = phones
        self._by_port: dict[int, Phone] = {}

    def signalling(self, message: SipMessage) -> None:
        invite = self._book.invites.overhear(message)
        if invite is not None:
            record = self._book.find(invite.sip_call_id)
            if record is not None:
                record.invites = self._book.invites.of_call(record.sip_call_id)
        elif message.data.startswith(b"CANCEL ") and not message.sent:
            cancelled = headers(message.data).get("call-id")
            for phone in tuple(self._phones.values()):
                if phone.record.sip_call_id == cancelled:
                    phone.cancelled()

    def audio(self, sent: bool, data: bytes, local: MediaAddress, _remote: MediaAddress) -> None:
        if sent:
            return
        phone = self._by_port.get(local.port)
        if phone is None or phone.audio_port != local.port:
            phone = self._phone_at(local.port)
        if phone is not None:
            phone.wire.hear(data)

    def _phone_at(self, port: int) -> Phone | None:
        """None for a port of RTCP."""
        found = next((each for each in self._phones.values() if each.audio_port == port), None)
        self._by_port = {each.audio_port: each for each in self._phones.values()}
        return found
