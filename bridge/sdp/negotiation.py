"""Offer and answer over the life of one call: RFC 3264, with RFC 4568 for keys."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bridge.sdp.codecs import TELEPHONE_EVENT_TYPE, Codec
from bridge.sdp.crypto import KEY_BYTES, SUITES, Crypto, SrtpKeys
from bridge.sdp.description import SessionDescription
from bridge.sdp.directions import Direction, both_want, receives, seen_from_here, sends
from bridge.sdp.errors import NothingInCommon, SdpError
from bridge.sdp.fitting import PLAIN, Fit, first_fit, fit
from bridge.sdp.media import LocalMedia, Negotiated
from bridge.sdp.media_line import MediaAddress, MediaLine, Origin
from bridge.sdp.writing import audio_line, refused

_MAX_SESSION_ID = 2**31  # some peers keep it in 32 bits


@dataclass(frozen=True, slots=True)
class _Offered:
    """An offer of ours and what comes into force with its answer."""

    lines: tuple[MediaLine, ...]
    audio: MediaLine
    codecs: list[tuple[int, Codec]]
    wish: Direction


class Negotiation:
    """What a leg holds of its call's description. No I/O, and no clock.

    A failed exchange changes nothing: `current` stays what both sides last agreed on.
    """

    def __init__(
        self,
        local: LocalMedia,
        *,
        session_id: int | None = None,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.local = local
        self.current: Negotiated | None = None
        self.wish: Direction = "sendrecv"
        """What we want of the stream; "sendonly" or "inactive" while we hold."""
        self._random = random
        self._session_id = session_id or secrets.randbelow(_MAX_SESSION_ID - 1) + 1
        self._version = 0
        self._said: tuple[MediaLine, ...] = ()  # with this version
        self._lines: tuple[MediaLine, ...] = ()  # agreed: later offers keep their number and order
        self._place = 0  # of the audio among them
        self._event = TELEPHONE_EVENT_TYPE
        self._offered: _Offered | None = None

    def offer(self, direction: Direction | None = None) -> str:
        """Our offer: of the call, of a hold ("sendonly", "inactive") or resume, or where the
        other side asks for one with an INVITE without a body.

        Without a direction it is the current wish, never the hold that the other side put us on:
        whoever asks for an offer after a hold means to resume with it.
        """
        wish = direction or self.wish
        secure = self.local.srtp == "required" or (
            self.current is not None and self.current.srtp is not None
        )
        codecs = self._codecs_to_offer()
        taken = {number for number, _ in codecs}
        if self._event in taken:
            self._event = next(number for number in range(101, 128) if number not in taken)
        audio = audio_line(
            self.local,
            codecs,
            self._event,
            wish,
            protocol="RTP/SAVP" if secure else "RTP/AVP",
            rtcp_mux=self.current is not None and self.current.remote_rtcp is None,
            cryptos=self._cryptos_to_offer(fresh=direction is None) if secure else (),
        )
        others = [refused(line) for line in self._lines]
        lines = (*others[: self._place], audio, *others[self._place + 1 :])
        self._offered = _Offered(lines, audio, codecs, wish)
        return self._say(lines)

    def accept_answer(self, sdp: str) -> Negotiated:
        """The answer to our offer; the same or a later one may follow (RFC 3261 section 13.2.2.4).

        Raises SdpError for an answer that is none, NothingInCommon for one that refuses the audio.
        """
        if self._offered is None:
            raise SdpError("An answer came where nothing was offered.")
        media = SessionDescription.parse(sdp).media
        if len(media) <= self._place or media[self._place].kind != "audio":
            raise SdpError("The answer does not have the offer's m= lines.")
        line, offered = media[self._place], self._offered.audio
        if not line.port:
            raise NothingInCommon("The answer refuses the audio.")
        if (line.protocol in PLAIN) != (offered.protocol in PLAIN):
            raise NothingInCommon(f"The answer changes the transport to {line.protocol}.")
        found = fit(line, self.local)
        srtp = None
        if found.cryptos:
            srtp = _answered_keys(found.cryptos, offered.cryptos)
        ours = both_want(offered.direction, seen_from_here(line.effective_direction))
        if sends(offered.direction):
            holds = not line.receives
        else:  # we left it no choice: what it did before still stands
            holds = self.current is not None and self.current.remote_holds
        self.current = self._agreed(found, ours, self._offered.codecs, holds=holds, srtp=srtp)
        self.wish = self._offered.wish
        self._lines = self._offered.lines
        return self.current

    def offer_refused(self) -> None:
        """Our offer was answered with an error (488, 491 ...): all stays as it was."""
        self._offered = None

    def answer_to(self, sdp: str) -> str:
        """Our answer to their offer; `current` is in force with it.

        Raises SdpError (400) or NothingInCommon (488).
        """
        offer = SessionDescription.parse(sdp)
        place, found = first_fit(offer, self.local)
        ours = both_want(self.wish, seen_from_here(found.line.effective_direction))
        chosen, codec = found.codecs[0]
        cryptos: tuple[Crypto, ...] = ()
        srtp = None
        if found.cryptos:
            theirs = found.cryptos[0]
            srtp = SrtpKeys(theirs.suite, self._key_beside(theirs), theirs.key)
            cryptos = (Crypto(theirs.tag, theirs.suite, srtp.ours),)
        audio = audio_line(
            self.local,
            [(chosen.payload_type, codec)],
            found.event.payload_type if found.event else None,
            ours,
            protocol=found.line.protocol,
            rtcp_mux=found.line.rtcp_mux,
            cryptos=cryptos,
        )
        self._offered = None
        self._place = place
        self._lines = tuple(
            audio if index == place else refused(line) for index, line in enumerate(offer.media)
        )
        self.current = self._agreed(found, ours, [], holds=not found.line.receives, srtp=srtp)
        return self._say(self._lines)

    @property
    def remote_address(self) -> MediaAddress | None:
        return self.current.remote if self.current else None

    @property
    def codec(self) -> Codec | None:
        return self.current.codec if self.current else None

    @property
    def dtmf(self) -> int | None:
        """The payload type for telephone events to them; None: they take none."""
        return self.current.dtmf if self.current else None

    @property
    def sends(self) -> bool:
        return self.current is not None and self.current.sends

    @property
    def receives(self) -> bool:
        return self.current is not None and self.current.receives

    @property
    def remote_holds(self) -> bool:
        return self.current is not None and self.current.remote_holds

    @property
    def holds(self) -> bool:
        """We keep the other side on hold."""
        return not receives(self.wish)

    def _agreed(
        self,
        found: Fit,
        ours: Direction,
        accepted: list[tuple[int, Codec]],
        *,
        holds: bool,
        srtp: SrtpKeys | None,
    ) -> Negotiated:
        chosen, codec = found.codecs[0]
        theirs = [(told.payload_type, codec) for told, codec in found.codecs]
        events = {self._event} if accepted else set()
        if found.event is not None:
            self._event = found.event.payload_type
            events.add(self._event)
        longest = found.line.maxptime
        return Negotiated(
            remote=found.remote,
            remote_rtcp=found.remote_rtcp,
            codec=codec,
            payload_type=chosen.payload_type,
            decodes=tuple(dict([*accepted, *theirs]).items()),
            dtmf=found.event.payload_type if found.event else None,
            dtmf_arrives=frozenset(events),
            ptime=10 if longest is not None and longest < self.local.ptime else self.local.ptime,
            sends=sends(ours),
            receives=receives(ours),
            remote_holds=holds,
            srtp=srtp,
        )

    def _codecs_to_offer(self) -> list[tuple[int, Codec]]:
        """The one in use first, with its payload type (RFC 3264 section 8.3.2)."""
        offered = {codec: codec.payload_type for codec in self.local.codecs}
        if self.current is not None:
            offered = {self.current.codec: self.current.payload_type} | {
                codec: number
                for codec, number in offered.items()
                if codec != self.current.codec and number != self.current.payload_type
            }
        return [(number, codec) for codec, number in offered.items()]

    def _cryptos_to_offer(self, *, fresh: bool) -> tuple[Crypto, ...]:
        """A hold keeps the keys. A description without an occasion may be meant for another peer
        than before, which could not guess how often the old key's packet counter has wrapped."""
        used = self.current.srtp if self.current else None
        if used is not None and not fresh:
            return (Crypto(1, used.suite, used.ours),)
        return tuple(
            Crypto(tag, suite, self._random(KEY_BYTES)) for tag, suite in enumerate(SUITES, start=1)
        )

    def _key_beside(self, theirs: Crypto) -> bytes:
        """Ours stays as long as theirs does: a new one of theirs is a new beginning for both."""
        used = self.current.srtp if self.current else None
        if used is not None and (used.suite, used.theirs) == (theirs.suite, theirs.key):
            return used.ours
        return self._random(KEY_BYTES)

    def _say(self, lines: tuple[MediaLine, ...]) -> str:
        """The version rises with each change of content, and only then (RFC 3264 section 8)."""
        if lines != self._said:
            self._version += 1
            self._said = lines
        origin = Origin("-", self._session_id, self._version, self.local.address)
        return str(SessionDescription(origin, lines))


def _answered_keys(answered: tuple[Crypto, ...], offered: tuple[Crypto, ...]) -> SrtpKeys:
    for theirs in answered:
        for ours in offered:
            if (theirs.tag, theirs.suite) == (ours.tag, ours.suite):
                return SrtpKeys(theirs.suite, ours.key, theirs.key)
    raise NothingInCommon("The answer's a=crypto is none that was offered.")
