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

from livekit import rtc
from livekit.rtc._ffi_client import INVALID_HANDLE, FfiClient, FfiHandle
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
        self._sorting = _Sorting.of_process()
        self._slots = [_Slot(self, self._sorting) for _ in range(_MOST_UNDER_WAY)]
        self._turn = itertools.cycle(self._slots)

    def capture(self, pcm: bytes) -> bool:
        """20 ms; never blocks. Not for two threads at once.

        False: it is closed, or LiveKit does not keep up.
        """
        if self._is_closed or self.handed - self.taken > (_MOST_UNDER_WAY - 1) * _PARTS:
            return False
        slot = next(self._turn)
        slot.fill(pcm)
        for request in slot.requests:
            self.handed += 1
            if not request.send():
                self.took("LiveKit does not know the source.")
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
        for slot in self._slots:
            slot.close(self._sorting)
        await self.source.aclose()


class _Slot:
    """A place for 20 ms until LiveKit has taken them, and the requests to do so: always the same
    ones, so that nothing need be made or parsed for a frame."""

    def __init__(self, source: FrameSource, sorting: _Sorting) -> None:
        samples = source.sample_rate * 20 // 1000 // _PARTS
        self._size = samples * _BYTES * _PARTS
        self._buffer = ctypes.create_string_buffer(self._size)
        self._numbers = []
        self.requests = []
        for part in range(_PARTS):
            self._numbers.append(number := sorting.number_for(source))
            message = ffi_pb2.FfiRequest()
            captured = message.capture_audio_frame
            captured.source_handle = source.source._ffi_handle.handle
            captured.request_async_id = number
            captured.buffer.data_ptr = ctypes.addressof(self._buffer) + samples * _BYTES * part
            captured.buffer.sample_rate = source.sample_rate
            captured.buffer.num_channels = 1
            captured.buffer.samples_per_channel = samples
            self.requests.append(_Request(message, sorting.library))

    def fill(self, pcm: bytes) -> None:
        self._buffer.raw = pcm[: self._size].ljust(self._size, b"\0")

    def close(self, sorting: _Sorting) -> None:
        for number in self._numbers:
            sorting.captures.pop(number, None)


class _Request:
    """One that is sent again and again, and whose answer says nothing."""

    def __init__(self, message: ffi_pb2.FfiRequest, library: ctypes.CDLL) -> None:
        self._data = message.SerializeToString()
        self._pointer = ctypes.cast(ctypes.c_char_p(self._data), ctypes.POINTER(ctypes.c_ubyte))
        self._answer = ctypes.POINTER(ctypes.c_ubyte)()
        self._length = ctypes.c_size_t()
        self._arguments = (
            *(self._pointer, len(self._data)),
            *(ctypes.byref(self._answer), ctypes.byref(self._length)),
        )
        self._request = library.livekit_ffi_request
        self._drop = library.livekit_ffi_drop_handle

    def send(self) -> bool:
        """False: LiveKit's log says why not."""
        handle = self._request(*self._arguments)
        return handle != INVALID_HANDLE and bool(self._drop(handle))


class _Sorting:
    """Stands before the queue that gives all events to all who listen."""

    _process: _Sorting | None = None

    def __init__(self, client: FfiClient) -> None:
        self.library = client._ffi_lib
        self.streams: dict[int, FrameStream] = {}
        self.captures: dict[int, FrameSource] = {}
        self._client = client
        self._ids = itertools.count(_OURS)
        self._opening = threading.Lock()
        self._here = threading.local()
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

    def number_for(self, source: FrameSource) -> int:
        """For requests, by which LiveKit tells that it has taken the frame."""
        number = next(self._ids)
        self.captures[number] = source
        return number

    def _put(self, event: ffi_pb2.FfiEvent) -> None:
        kind = event.WhichOneof("message")
        if kind == "audio_stream_event":
            self._stay()
            if self._took_frame(event.audio_stream_event):
                return
        elif kind == "capture_audio_frame":
            self._stay()
            done = event.capture_audio_frame
            source = self.captures.get(done.async_id)
            if source is not None:
                source.took(done.error)
                return
        self._others(event)

    def _stay(self) -> None:
        """Python makes a thread state, with its stack, for each call from a foreign thread, and
        throws it away after it: most of what such a call costs. Counted once more it stays. These
        threads are few and live as long as the process."""
        if not hasattr(self._here, "stays"):
            self._here.stays = ctypes.pythonapi.PyGILState_Ensure()

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
            self.library.livekit_ffi_drop_handle(frame.handle.id)
        else:  # its end
            del self.streams[event.stream_handle]
        return True
