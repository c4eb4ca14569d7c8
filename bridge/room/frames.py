"""LiveKit's audio frames, past its event queue: the one place that uses what livekit keeps private.

`rtc.AudioStream` and `AudioSource.capture_frame` cost a process that carries many calls more than
all else that it does: each frame wakes the event loop several times, and as each of them, and each
room, hears of every other one's frames too, that grows with the square of the calls. Here frames
are sorted by handle on LiveKit's own threads, and the event loop is not woken at all: whoever has a
clock takes and gives them by it. `tests/bridge/room/audio/test_frames.py` fails when a new version
of the library no longer is as it is taken to be here.
"""

from __future__ import annotations

import ctypes
import itertools
import logging
import threading
from collections import deque
from typing import Any

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient, FfiHandle
from livekit.rtc._proto import audio_frame_pb2, ffi_pb2

_BYTES = 2  # a sample
_OURS = 1 << 62  # requests' ids from here on are ours: LiveKit counts its own from 1
_PARTS = 2  # of a frame: LiveKit takes 10 ms at a time where it has no queue
_MOST_UNDER_WAY = 64  # frames handed over that LiveKit has not taken yet

log = logging.getLogger(__name__)


class FrameStream:
    """What a track says. Not to be confused with `rtc.AudioStream`: nothing is awaited."""

    def __init__(self, track: rtc.RemoteAudioTrack, sample_rate: int, *, kept: int) -> None:
        """16 bit mono at `sample_rate`, the `kept` latest frames of 20 ms."""
        self.waiting: deque[bytes] = deque(maxlen=kept)
        self.overflowed = 0  # frames
        request = ffi_pb2.FfiRequest()
        wanted = request.new_audio_stream
        wanted.track_handle = track._ffi_handle.handle
        wanted.sample_rate = sample_rate
        wanted.num_channels = 1
        wanted.frame_size_ms = 20
        wanted.type = audio_frame_pb2.AudioStreamType.AUDIO_STREAM_NATIVE
        self._is_open = True  # before the first frame may come
        self._sorting = _Sorting.of_process()
        self.handle = self._sorting.open(request, self)
        self._ffi_handle = FfiHandle(self.handle)

    def take(self, pcm: bytes) -> None:
        """On one of LiveKit's threads."""
        if self._is_open:
            self.overflowed += len(self.waiting) == self.waiting.maxlen
            self.waiting.append(pcm)

    def close(self) -> None:
        """Safe to repeat. A stream that is not closed goes on, with whatever track comes next."""
        self._is_open = False
        self.waiting.clear()
        self._ffi_handle.dispose()


class FrameSource:
    """What a track of ours says. LiveKit keeps none of it: frames are encoded as they come."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.source = rtc.AudioSource(sample_rate, 1, queue_size_ms=0)
        self.refused = 0  # requests
        self.handed = 0  # requests; each number has one writer, as several threads count
        self.taken = 0
        self._is_refused = self._is_closed = False
        self._slots = itertools.cycle([self._slot() for _ in range(_MOST_UNDER_WAY)])

    def capture(self, pcm: bytes) -> bool:
        """20 ms; never blocks. Not for two threads at once.

        False: it is closed, or LiveKit does not keep up."""
        if self._is_closed or self.handed - self.taken > (_MOST_UNDER_WAY - 1) * _PARTS:
            return False
        buffer, requests = next(self._slots)
        ctypes.memmove(buffer, pcm, min(len(pcm), len(buffer)))
        sorting = _Sorting.of_process()
        for request in requests:
            self.handed += 1
            sorting.capture(request, self)
        return True

    def took(self, error: str) -> None:
        """On LiveKit's thread for sources."""
        self.taken += 1
        if error:
            self.refused += 1
            if not self._is_refused:  # once, not a hundred times a second
                log.error("a phone's sound does not reach the room: %s", error)
        self._is_refused = bool(error)

    async def aclose(self) -> None:
        """Safe to repeat."""
        self._is_closed = True
        await self.source.aclose()

    def _slot(self) -> tuple[Any, list[ffi_pb2.FfiRequest]]:
        """A place for 20 ms until LiveKit has taken them, and the requests to do so."""
        samples = self.sample_rate * 20 // 1000 // _PARTS
        buffer = (ctypes.c_char * (samples * _BYTES * _PARTS))()
        requests = []
        for part in range(_PARTS):
            requests.append(request := ffi_pb2.FfiRequest())
            captured = request.capture_audio_frame
            captured.source_handle = self.source._ffi_handle.handle
            captured.buffer.data_ptr = ctypes.addressof(buffer) + samples * _BYTES * part
            captured.buffer.sample_rate = self.sample_rate
            captured.buffer.num_channels = 1
            captured.buffer.samples_per_channel = samples
        return buffer, requests


class _Sorting:
    """Stands before the queue that gives all events to all who listen."""

    _process: _Sorting | None = None

    def __init__(self, client: FfiClient) -> None:
        self._client = client
        self.streams: dict[int, FrameStream] = {}
        self._captures: dict[int, FrameSource] = {}
        self._ids = itertools.count(_OURS)
        self._opening = threading.Lock()
        self._others = client.queue.put
        client.queue.put = self._put  # type: ignore[method-assign, assignment]

    @classmethod
    def of_process(cls) -> _Sorting:
        if cls._process is None:
            cls._process = cls(FfiClient.instance)
        return cls._process

    def open(self, request: ffi_pb2.FfiRequest, stream: FrameStream) -> int:
        with self._opening:  # a first frame may be here before the answer
            handle = self._client.request(request).new_audio_stream.stream.handle.id
            self.streams[handle] = stream
        return handle

    def capture(self, request: ffi_pb2.FfiRequest, source: FrameSource) -> None:
        number = next(self._ids)
        self._captures[number] = source
        request.capture_audio_frame.request_async_id = number
        self._client.request(request)

    def _put(self, event: ffi_pb2.FfiEvent) -> None:
        kind = event.WhichOneof("message")
        if kind == "audio_stream_event":
            if self._took_frame(event.audio_stream_event):
                return
        elif kind == "capture_audio_frame":
            done = event.capture_audio_frame
            source = self._captures.pop(done.async_id, None)
            if source is not None:
                source.took(done.error)
                return
        self._others(event)

    def _took_frame(self, event: audio_frame_pb2.AudioStreamEvent) -> bool:
        stream = self.streams.get(event.stream_handle)
        if stream is None:
            with self._opening:
                stream = self.streams.get(event.stream_handle)
        if stream is None:
            return False
        if event.HasField("frame_received"):
            frame = event.frame_received.frame
            size = frame.info.num_channels * frame.info.samples_per_channel * _BYTES
            stream.take(ctypes.string_at(frame.info.data_ptr, size))
            FfiHandle(frame.handle.id).dispose()
        else:  # its end
            del self.streams[event.stream_handle]
        return True
