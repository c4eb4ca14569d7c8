"""`python -m tests.bench.phones CALLS JITTER`: phones that speak by PCMU, 50 packets a second each.

They share one socket, whose port is printed; where to send to comes as a JSON line on stdin. They
speak until stdin ends, and then print `[sent, received]`. Every half a second each says one packet
as loud as can be. JITTER is the largest delay (s) that is added to a packet.
"""

from __future__ import annotations

import heapq
import json
import random
import select
import socket
import sys
import threading
import time

from bridge.rtp.packet import HEADER
from tests.bench.media_relay import HOST, LOUD

_BUFFER = 8 * 2**20
_EVERY = 0.02
_MARK_EVERY = 25  # packets
_QUIET = b"\xff" * 160


class Phones:
    def __init__(self, calls: int, jitter: float) -> None:
        self.sent = self.received = 0
        self._calls, self._jitter = calls, jitter
        self._over = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def end(self) -> None:
        sys.stdin.read()
        self._over.set()

    def speak(self, ports: list[int]) -> None:
        chance = random.Random(1)
        begun = time.monotonic() + 0.05
        # (when, which phone, which packet); phones are spread over the 20 ms, as their users are
        due = [(begun + index * _EVERY / len(ports), index, 0) for index in range(len(ports))]
        heapq.heapify(due)
        while not self._over.is_set():
            when, index, number = due[0]
            wait = when - time.monotonic()
            self._hear(max(0.0, wait))
            if wait > 0.0005:
                continue
            heapq.heappop(due)
            if number < 0:  # it was held up on its way
                self._say(index, ~number, ports[index])
                continue
            heapq.heappush(due, (when + _EVERY, index, number + 1))
            if self._jitter:
                heapq.heappush(due, (when + chance.random() * self._jitter, index, ~number))
            else:
                self._say(index, number, ports[index])

    def _say(self, index: int, number: int, port: int) -> None:
        head = HEADER.pack(0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, index + 1)
        loud = number % _MARK_EVERY == 10
        self._socket.sendto(head + (LOUD if loud else _QUIET), (HOST, port))
        self.sent += 1

    def _hear(self, patience: float) -> None:
        if patience > 0.0005:
            select.select([self._socket], [], [], patience)
        try:
            while True:
                self._socket.recv(2000)
                self.received += 1
        except BlockingIOError:
            return


def main() -> None:
    phones = Phones(int(sys.argv[1]), float(sys.argv[2]))
    print(phones.port, flush=True)
    ports = json.loads(sys.stdin.readline())
    threading.Thread(target=phones.end, daemon=True).start()
    phones.speak(ports)
    print(json.dumps([phones.sent, phones.received]), flush=True)


if __name__ == "__main__":
    main()
