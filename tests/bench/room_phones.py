"""`python -m tests.bench.room_phones WATCHED`: phones of legs, 50 packets of PCMU a second each.

Prints the port of them all, reads where they send to as a JSON line of ports, and at the end of
stdin prints a JSON line: for each of the first WATCHED when its chirps were sent, and when some
were heard (s of the monotonic clock, which all processes share).
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import defaultdict

from bridge.rtp.codecs import decoder
from bridge.rtp.packet import HEADER
from bridge.sdp import PCMU
from tests.bench import chirps
from tests.bench.priorities import prefer_this_process

HOST = "127.0.0.1"
_EVERY = 0.02


class Phones:
    """All on one socket."""

    def __init__(self, watched: int) -> None:
        self.port = 0
        self._sent: dict[int, list[float]] = defaultdict(list)  # chirps, by leg
        self._heard: dict[int, list[tuple[float, bytes]]] = defaultdict(list)  # by leg
        self._over = threading.Event()
        self._watched = watched
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**23)
        self._socket.bind((HOST, 0))
        self.port = int(self._socket.getsockname()[1])

    def end(self) -> None:
        sys.stdin.read()
        self._over.set()

    def speak(self, ports: list[int]) -> None:
        payloads = chirps.payloads()
        legs = {port: index for index, port in enumerate(ports)}
        begun, number = time.monotonic() + _EVERY, 0
        while not self._over.is_set():
            for index, port in enumerate(ports):
                self._hear_until(begun + (number + index / len(ports)) * _EVERY, legs)
                head = HEADER.pack(0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, index + 1)
                # Each leg is at another place of the sound.
                at = (number + index * 7) % len(payloads)
                if index < self._watched and at % chirps.EVERY == 0:
                    self._sent[index].append(time.monotonic())
                self._socket.sendto(head + payloads[at], (HOST, port))
            number += 1

    def told(self) -> list[tuple[list[float], list[float]]]:
        decode = decoder(PCMU).decode
        return [
            (
                self._sent[index],
                chirps.moments([(at, decode(payload)) for at, payload in self._heard[index]], 8000),
            )
            for index in range(self._watched)
        ]

    def _hear_until(self, due: float, legs: dict[int, int]) -> None:
        while (wait := due - time.monotonic()) > 0.0002:
            self._socket.settimeout(wait)
            try:
                data, source = self._socket.recvfrom(2000)
            except TimeoutError:
                return
            index = legs.get(source[1], self._watched)
            if index < self._watched:
                self._heard[index].append((time.monotonic(), data[12:]))


def main() -> None:
    prefer_this_process()
    phones = Phones(int(sys.argv[1]))
    print(phones.port, flush=True)
    ports = json.loads(sys.stdin.readline())
    threading.Thread(target=phones.end, daemon=True).start()
    phones.speak(ports)
    print(json.dumps(phones.told()), flush=True)


if __name__ == "__main__":
    main()
