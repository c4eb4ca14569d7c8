"""The jitter buffer: packets go in as they come, 20 ms come out at each tick. No clock of its own.

All codecs here have one byte of payload for each unit of the RTP clock, so that the buffer is a
line of bytes on which packets of any length lie, and a frame is a cut of it. A packet's place is
its timestamp, moved so that a stream which jumps (another source, a sender that stood still) goes
on where the last one ended.

How long packets wait follows from how unevenly they came within the last second: as long as the
late ones were later than the earliest. Where within its 20 ms a tick had best come follows from
the earliest ones alone: `begins_at` and `phase` tell whoever has the clock, and a call whose ticks
follow them waits for a few milliseconds instead of up to 20 more.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from bridge.rtp.counting import timestamp_step
from bridge.sdp.codecs import CLOCK_RATE

FRAME = 160  # units: 20 ms
MS = CLOCK_RATE // 1000  # units a millisecond

_PHASE = 8 * MS  # from the earliest packets to the tick: what ordinary clocks are uneven by
_MARGIN = 10 * MS  # our ticks and the sender's do not keep step
_MEMORY = 1.0  # s of arrivals that are looked at
_LATE_SHARE = 0.03  # of arrivals that may come too late
_ONE_EVENT = 0.003  # s: what comes so close together was held up once, not each by itself
_SAME_MOMENT = 0.0006  # s: ticks come on whole milliseconds
_LOOK_EVERY = 10  # packets
_JUMP = 1.0 * CLOCK_RATE  # a packet that is further off belongs to another timeline
_LATE_FOR = 0.035  # s
_TOO_MUCH = FRAME + 5 * MS  # more than wanted: less would swing with each packet
_SHORTEN_EVERY = 8  # frames
_A_FRAME_TOO_MUCH = FRAME - 7 * MS  # more than wanted: what is left is enough
_CALM = 100  # frames in a row that had it, until that little is taken away
_LENGTHEN_EVERY = 5  # frames
_MAX_PACKETS = 256

Piece = tuple[int, bytes] | int
"""Payload type and payload, or a number of units that nothing is there for."""


@dataclass(slots=True)
class _Arrival:
    """Packets that came together; the differences are the clock minus their places (units)."""

    until: float  # s
    latest: float
    earliest: float


class JitterBuffer:
    """Delays from `minimum` to `maximum` ms, as short as the network allows."""

    def __init__(self, *, minimum: int = 10, maximum: int = 200) -> None:
        self._minimum, self._maximum = minimum * MS, maximum * MS
        self.late = 0  # packets whose moment had passed
        self.skipped = 0  # units left out to catch up
        self.inserted = 0  # units made up to wait for late packets
        self._packets: dict[int, tuple[int, bytes]] = {}  # by place
        self._play: int | None = None  # the place that is due next
        self._began = 0.0  # the clock (units) when the first packet of what is to be played came
        self._end = 0  # the place behind the newest packet
        self._newest = (0, 0)  # extended sequence number and place of the newest packet
        self._timestamp = 0
        self._arrivals: deque[_Arrival] = deque()
        self._earliest = math.inf  # of these differences
        self._wanted = float(self._minimum)
        self._delay = 0.0  # at the last frame
        self._until_look = _LOOK_EVERY
        self._within_frame = 0  # units between a frame's begin and that of the last packet in it
        self._frames_since_change = 0
        self._idle = 0  # frames in a row for which a frame's worth waited in vain
        self._jump = True  # the next packet begins a timeline
        self._late_since: float | None = None  # s: no packet came in time since then

    @property
    def delay_ms(self) -> float:
        """From the arrival of the network's fastest packets to their playing."""
        return max(0.0, self._delay / MS)

    @property
    def begins_at(self) -> float | None:
        """When the tick that begins to play had best come, in s; None: nothing is to begin."""
        if self._play is not None or not self._packets:
            return None
        return (self._began + self._best_phase) / CLOCK_RATE

    @property
    def phase(self) -> float:
        """How much later the last tick came than the moment it had best come, in s: -0.01 to 0.01.
        Whole frames are not in it: how many wait is decided here."""
        if self._play is None:
            return 0.0
        off = self._delay - self._best_phase
        return ((off + FRAME / 2) % FRAME - FRAME / 2) / CLOCK_RATE

    def clear(self) -> None:
        """Forget all packets, as after a hold; the next one begins anew."""
        self._packets.clear()
        self._play = None
        self._arrivals.clear()
        self._earliest = math.inf
        self._wanted = float(self._minimum)
        self._jump = True

    def restart(self) -> None:
        """Another source follows; what is here is played first."""
        self._jump = True

    def put(
        self,
        sequence: int,
        timestamp: int,
        payload_type: int,
        payload: bytes,
        now: float,
        *,
        timely: bool = True,
    ) -> None:
        """`sequence` is the extended one: it tells a late packet from a timestamp that jumped.

        Not `timely`: it waited for us, and tells nothing about the network.
        """
        newer = self._jump or sequence > self._newest[0]
        clock = now * CLOCK_RATE
        if self._jump:
            place = self._after_the_last(clock)
        else:
            place = self._newest[1] + timestamp_step(timestamp, self._timestamp)
            if newer and timely and self._is_elsewhere(place, place + len(payload), now):
                place = self._after_the_last(clock)
            elif not newer and place >= self._end:
                return  # overtaken by a jump: its timeline is over
        if newer:
            self._newest = (sequence, place)
            self._timestamp = timestamp
            self._end = max(self._end, place + len(payload))
            self._within_frame = self._last_part(place, len(payload))
        if timely or not self._arrivals:
            self._arrived(now, clock - place)
        self._keep(place, payload_type, payload)

    def pull(self, now: float) -> list[Piece]:
        """The next 20 ms: pieces that add up to FRAME units."""
        if self._play is None:
            begins_at = self.begins_at
            if begins_at is None or now < begins_at - _SAME_MOMENT:
                return [FRAME]
            self._begin(now)
        self._frames_since_change += 1
        ahead = self._ahead(now)
        if ahead > self._maximum + _TOO_MUCH:
            self._skip(int(ahead - self._wanted) // FRAME * FRAME)
        elif self._is_idle(ahead) or (
            ahead > self._wanted + _TOO_MUCH and self._may_change(_SHORTEN_EVERY)
        ):
            self._skip(FRAME)
        elif ahead < self._wanted - FRAME / 2 and self._may_wait():
            self.inserted += FRAME
            self._frames_since_change = 0
            return [FRAME]
        self._delay = self._ahead(now)
        return self._cut()

    def _begin(self, now: float) -> None:
        """Without what waited until it was known whose it is: it would be delay from now on."""
        self._play = min(self._packets)
        too_early = int(self._ahead(now) - self._best_phase) // FRAME * FRAME
        if too_early > 0 and self._play + too_early < self._end:
            self._skip(too_early)

    def _is_elsewhere(self, place: int, end: int, now: float) -> bool:
        """The sender's timeline has moved: far at once, or all its packets come too late since a
        while. Not so after a stall of the network, when many late ones come in one moment."""
        if abs(now * CLOCK_RATE - place - self._earliest) > _JUMP:
            return True
        if self._play is None or end > self._play:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        else:
            return now - self._late_since >= _LATE_FOR
        return False

    @property
    def _best_phase(self) -> int:
        return _PHASE + self._within_frame

    def _ahead(self, now: float) -> float:
        """Units between what may just be arriving and what is played."""
        assert self._play is not None
        return now * CLOCK_RATE - self._earliest - self._play

    def _is_idle(self, ahead: float) -> bool:
        """A frame's worth has been of no use for a while: it would be taken away in vain sooner."""
        self._idle = self._idle + 1 if ahead > self._wanted + _A_FRAME_TOO_MUCH else 0
        return self._idle > _CALM

    def _may_change(self, frames: int) -> bool:
        return self._frames_since_change >= frames

    def _may_wait(self) -> bool:
        """A frame that is not there is waited for; one that is there only now and then."""
        assert self._play is not None
        return self._play not in self._packets or self._may_change(_LENGTHEN_EVERY)

    def _skip(self, units: int) -> None:
        assert self._play is not None
        self._play += units
        self.skipped += units
        self._frames_since_change = self._idle = 0
        for place in [place for place in self._packets if self._ends(place) <= self._play]:
            del self._packets[place]

    def _ends(self, place: int) -> int:
        return place + len(self._packets[place][1])

    def _after_the_last(self, clock: float) -> int:
        """The place of a packet that begins a timeline; the delay begins anew with it."""
        self._jump = False
        self._late_since = None
        if self._play is None:
            place = self._end
            self._began = clock
        else:
            frames = math.ceil(self._wanted / FRAME)  # whole ones: none is cut out of two packets
            place = max(self._end, self._play + frames * FRAME)
        self._arrivals.clear()
        self._earliest = math.inf
        return place

    def _last_part(self, place: int, units: int) -> int:
        """How far into a frame the last packet begins that it is cut of, when packets of so many
        units follow one another from this place on; of the worst frame."""
        common = math.gcd(units, FRAME)
        begin = min(self._packets, default=place) if self._play is None else self._play
        return FRAME - common + (place - begin) % common if common else 0

    def _arrived(self, now: float, difference: float) -> None:
        last = self._arrivals[-1] if self._arrivals else None
        if last is not None and now - last.until <= _ONE_EVENT:
            last.until = now
            last.latest = max(last.latest, difference)
            last.earliest = min(last.earliest, difference)
        else:
            self._arrivals.append(_Arrival(now, difference, difference))
        self._earliest = min(self._earliest, difference)
        self._until_look -= 1
        if self._until_look <= 0:
            self._look(now)

    def _look(self, now: float) -> None:
        self._until_look = _LOOK_EVERY
        arrivals = self._arrivals
        while arrivals[0].until < now - _MEMORY or len(arrivals) > _MAX_PACKETS:
            arrivals.popleft()
        self._earliest = min(arrival.earliest for arrival in arrivals)
        latest = sorted(arrival.latest for arrival in arrivals)
        late = latest[int((len(latest) - 1) * (1 - _LATE_SHARE))]
        wanted = late - self._earliest + self._within_frame + _MARGIN
        self._wanted = min(max(wanted, self._minimum), self._maximum)

    def _keep(self, place: int, payload_type: int, payload: bytes) -> None:
        if (self._play is not None and place + len(payload) <= self._play) or len(
            self._packets
        ) >= _MAX_PACKETS:
            self.late += 1
        else:
            self._packets.setdefault(place, (payload_type, payload))

    def _cut(self) -> list[Piece]:
        assert self._play is not None
        start = self._play
        self._play = end = start + FRAME
        whole = self._packets.get(start)
        if whole is not None and len(whole[1]) == FRAME:  # the usual case
            del self._packets[start]
            return [whole]
        pieces: list[Piece] = []
        for place in sorted(place for place in self._packets if place < end):
            payload_type, payload = self._packets[place]
            if place > start:
                pieces.append(place - start)
                start = place
            part = payload[start - place : end - place]
            if part:
                pieces.append((payload_type, part))
                start += len(part)
            if place + len(payload) <= end:
                del self._packets[place]
        if start < end:
            pieces.append(end - start)
        return pieces
