"""The input audio buffer, and the turn detection that commits it. Times are the session's audio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from sandbox.providers.ears import Ears
from sandbox.providers.hearing import Listener, Started, Utterance, transcribe
from sandbox.providers.mouth import Samples
from sandbox.providers.openai.errors import Mistake, new_id
from sandbox.providers.openai.options import ServerVad
from sandbox.providers.openai.session import Session
from sandbox.providers.pcm import from_wire
from sandbox.providers.spectrum import QUIETEST_DB

RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
_ENCODINGS = {"audio/pcm": "linear16", "audio/pcmu": "mulaw", "audio/pcma": "alaw"}
_LEAST_MS = 100  # of a commit
_THRESHOLD_DB = 40.0  # between a threshold of 0.0 and one of 1.0

# Semantic VAD: a listed sentence ends it after so much quiet, other speech by its eagerness.
_COMPLETE = 0.2
_INCOMPLETE = {"low": 2.0, "medium": 1.0, "auto": 1.0, "high": 0.55}


@dataclass(frozen=True, slots=True)
class Began:
    item_id: str
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class Spoke:
    """A turn of the user, out of the buffer. `audio_end_at`: wall clock of its last voice."""

    item_id: str
    text: str
    audio_ms: int
    audio_end_ms: int = 0
    audio_end_at: float = 0.0
    hearing: str = ""


class InputAudio:
    def __init__(self, ears: Ears, session: Session) -> None:
        self._ears = ears
        self._odd = b""
        self._buffer: list[Samples] = []
        self._heard_ms = 0.0  # by listeners of before
        self._item_id: str | None = None  # of the speech that has begun
        self._began_ms = 0
        self.configure(session)

    def configure(self, session: Session) -> None:
        """Go by this configuration from now on. Speech that had begun is forgotten."""
        detection = session.turn_detection
        if session.input_format != getattr(self, "_format", session.input_format):
            self._buffer, self._odd = [], b""  # samples of another rate
        if hasattr(self, "_listener"):
            self._heard_ms = self._elapsed_ms
        self._format, self._language = session.input_format, session.language
        self._rate = RATES[self._format]
        self._detection = detection
        self._listener = self._new_listener()
        self._item_id = None

    def seconds(self, data: bytes) -> float:
        return len(data) / (2 if self._format == "audio/pcm" else 1) / self._rate

    async def append(self, data: bytes) -> AsyncIterator[Began | Spoke]:
        """Take audio, and yield the turns that begin and end with it."""
        if self._format == "audio/pcm":
            data = self._odd + data
            self._odd = data[len(data) // 2 * 2 :]
        samples = from_wire(data, _ENCODINGS[self._format])
        step = self._rate // 50  # as it would come over the line: one append may hold two turns
        for at in range(0, samples.size, step):
            piece = samples[at : at + step]
            self._buffer.append(piece)
            if self._listener is None:
                self._heard_ms += piece.size / self._rate * 1000
                continue
            async for event in self._listener.hear(piece):
                if isinstance(event, Started):
                    yield self._begin(event)
                elif isinstance(event, Utterance) and self._item_id is not None:
                    yield self._end(event)
            self._keep_only_padding()

    async def commit(self) -> Spoke:
        """The buffer as a turn, because the client says so. Raises Mistake."""
        if self._buffer_ms < _LEAST_MS:
            message = "Error committing input audio buffer: buffer too small. Expected at least"
            raise Mistake(
                f"{message} {_LEAST_MS}ms of audio, but buffer only has {self._buffer_ms:.2f}ms of"
                " audio.",
                "input_audio_buffer_commit_empty",
            )
        samples = np.concatenate(self._buffer)
        heard = await transcribe(self._ears, samples, self._rate, self._language)
        spoke = Spoke(
            self._item_id or new_id("item"),
            " ".join(utterance.text for utterance in heard),
            round(self._buffer_ms),
            round(self._elapsed_ms),
            hearing=" ".join(utterance.hearing for utterance in heard),
        )
        self.clear()
        return spoke

    def clear(self) -> None:
        self._heard_ms = self._elapsed_ms
        self._listener = self._new_listener()
        self._buffer, self._odd, self._item_id = [], b"", None

    @property
    def _elapsed_ms(self) -> float:
        """Of all audio in this session."""
        return self._heard_ms + (self._listener.elapsed * 1000 if self._listener else 0.0)

    @property
    def _buffer_ms(self) -> float:
        return sum(piece.size for piece in self._buffer) / self._rate * 1000

    def _new_listener(self) -> Listener | None:
        detection = self._detection
        if detection is None:
            return None
        quietest = QUIETEST_DB
        if isinstance(detection, ServerVad):
            quiet = patience = detection.silence_duration_ms / 1000
            quietest += (detection.threshold - 0.5) * _THRESHOLD_DB
        else:
            quiet, patience = _COMPLETE, _INCOMPLETE[detection.eagerness]
        return Listener(
            self._ears,
            self._rate,
            self._language,
            endpointing=quiet,
            patience=patience,
            interim=False,
            quietest=quietest,
        )

    @property
    def _padding_ms(self) -> int:
        if isinstance(self._detection, ServerVad):
            return self._detection.prefix_padding_ms
        return ServerVad(type="server_vad").prefix_padding_ms

    def _begin(self, started: Started) -> Began:
        self._item_id = new_id("item")
        at = self._heard_ms + started.at * 1000
        self._began_ms = max(0, round(at) - self._padding_ms)
        return Began(self._item_id, self._began_ms)

    def _end(self, heard: Utterance) -> Spoke:
        assert self._item_id is not None
        end = round(self._elapsed_ms)
        spoke = Spoke(
            self._item_id,
            heard.text,
            end - self._began_ms,
            end,
            heard.audio_end_at,
            heard.hearing,
        )
        self._buffer, self._item_id = [], None
        return spoke

    def _keep_only_padding(self) -> None:
        """Before speech the buffer holds what would be sent with it, and no more."""
        if self._item_id is not None:
            return
        # The onset is known some 0.15 s late.
        most = self._padding_ms + 300
        while self._buffer and self._buffer_ms - self._buffer[0].size / self._rate * 1000 > most:
            del self._buffer[0]
