"""`python -m tests.bench.room_ends`: the other ends of legs, phones and people in rooms.

Reads one JSON line of `Ends`, prints the port of all phones when the people are in their rooms,
reads where the phones send to as a JSON line of ports, and at the end of stdin prints `[in, out]`:
the delays in ms that the watched legs' chirps had. Phones speak PCMU at 50 packets a second.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass

import uvloop
from livekit import rtc

from bridge.room.microphone import Microphone
from bridge.rtp.codecs import decoder
from bridge.rtp.packet import HEADER
from bridge.sdp import PCMU
from engine.leaving import leave
from tests.bench import chirps

HOST = "127.0.0.1"
RATE = 16_000  # of what people say and hear
_PHONE_RATE = 8000
_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Ends:
    url: str
    tokens: list[str]
    watched: int  # how many of them


class Phones(threading.Thread):
    """All on one socket, in a thread of its own: people's work does not make them late."""

    def __init__(self, watched: int) -> None:
        super().__init__(daemon=True)
        self.sent: dict[int, list[float]] = defaultdict(list)  # chirps, by leg
        self.heard: dict[int, list[tuple[float, bytes]]] = defaultdict(list)  # by leg
        self.over = False
        self._watched = watched
        self._ports: list[int] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**23)
        self._socket.bind((HOST, 0))
        self.port = int(self._socket.getsockname()[1])

    def call(self, ports: list[int]) -> None:
        self._ports = ports
        self.start()

    def run(self) -> None:
        payloads = chirps.payloads()
        legs = {port: index for index, port in enumerate(self._ports)}
        begun, number = time.monotonic() + _EVERY, 0
        while not self.over:
            for index, port in enumerate(self._ports):
                due = begun + (number + index / len(self._ports)) * _EVERY
                self._hear_until(due, legs)
                head = HEADER.pack(0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, index + 1)
                # Each leg is at another place of the sound.
                at = (number + index * 7) % len(payloads)
                if index < self._watched and at % chirps.EVERY == 0:
                    self.sent[index].append(time.monotonic())
                self._socket.sendto(head + payloads[at], (HOST, port))
            number += 1

    def _hear_until(self, due: float, legs: dict[int, int]) -> None:
        while (wait := due - time.monotonic()) > 0.0002:
            self._socket.settimeout(wait)
            try:
                data, source = self._socket.recvfrom(2000)
            except TimeoutError:
                return
            index = legs.get(source[1])
            if index is not None and index < self._watched and not 64 <= data[1] & 0x7F <= 95:
                self.heard[index].append((time.monotonic(), data[12:]))


class Person:
    """Speaks all the time, and keeps what it hears where it is watched."""

    def __init__(self, index: int, watched: bool) -> None:
        self.sent: list[float] = []  # chirps
        self.heard: list[tuple[float, bytes]] = []
        self._index, self._watched = index, watched
        self._room = rtc.Room()
        # Not livekit's own way: so many people's frames would keep this process from its clock.
        self._microphone = Microphone(self._room)
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, url: str, token: str) -> None:
        self._room.on("track_subscribed", self._subscribed)
        await self._room.connect(url, token)
        await self._microphone.publish(RATE)
        self._tasks.add(asyncio.create_task(self._speak()))

    def forget(self) -> None:
        self.sent.clear()
        self.heard.clear()

    async def _speak(self) -> None:
        frames = chirps.frames(RATE)
        loop = asyncio.get_running_loop()
        due, at = loop.time() + self._index * 0.003 % _EVERY, self._index * 7
        while True:
            due += _EVERY
            await asyncio.sleep(due - loop.time())
            if at % chirps.EVERY == 0 and self._watched:
                self.sent.append(time.monotonic())
            self._microphone.feed(frames[at % len(frames)])
            at += 1

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteAudioTrack) and self._watched:
            self._tasks.add(asyncio.create_task(self._hear(track)))

    async def _hear(self, track: rtc.RemoteAudioTrack) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        async for event in stream:
            self.heard.append((time.monotonic(), bytes(event.frame.data.cast("B"))))


async def _be_there() -> None:
    loop = asyncio.get_running_loop()
    told = Ends(**json.loads(sys.stdin.readline()))
    people = [Person(index, index < told.watched) for index in range(len(told.tokens))]
    for person, token in zip(people, told.tokens, strict=True):
        await person.join(told.url, token)
    phones = Phones(told.watched)
    print(phones.port, flush=True)
    phones.call(json.loads(await loop.run_in_executor(None, sys.stdin.readline)))
    await loop.run_in_executor(None, sys.stdin.readline)
    for person in people:
        person.forget()
    since = time.monotonic()
    await loop.run_in_executor(None, sys.stdin.read)
    phones.over = True
    phones.join()
    into, out = [], []
    decode = decoder(PCMU).decode
    for index, person in enumerate(people[: told.watched]):
        spoken = [moment for moment in phones.sent[index] if moment > since]
        into += chirps.delays(spoken, person.heard, RATE)
        heard = [(moment, decode(pcm)) for moment, pcm in phones.heard[index] if moment > since]
        out += chirps.delays(person.sent, heard, _PHONE_RATE)
    print(json.dumps([[s * 1000 for s in into], [s * 1000 for s in out]]), flush=True)
    leave(0)


if __name__ == "__main__":
    uvloop.run(_be_there())
