"""Between 16 bit PCM and payloads."""

from __future__ import annotations

import warnings
from typing import Protocol

from bridge.rtp.g722 import G722Decoder, G722Encoder
from bridge.sdp import G722, PCMU, Codec

with warnings.catch_warnings():
    # Gone from the standard library with 3.13, where audioop-lts is the same module.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

_BYTES = 2  # a sample


class Decoder(Protocol):
    def decode(self, payload: bytes, /) -> bytes: ...


class Encoder(Protocol):
    def encode(self, pcm: bytes, /) -> bytes: ...


class _Pcmu:
    def decode(self, payload: bytes) -> bytes:
        return audioop.ulaw2lin(payload, _BYTES)

    def encode(self, pcm: bytes) -> bytes:
        return audioop.lin2ulaw(pcm, _BYTES)


class _Pcma:
    def decode(self, payload: bytes) -> bytes:
        return audioop.alaw2lin(payload, _BYTES)

    def encode(self, pcm: bytes) -> bytes:
        return audioop.lin2alaw(pcm, _BYTES)


class Resampler:
    """From one rate to another, by linear interpolation; keeps its place from call to call."""

    def __init__(self, rate: int, to: int) -> None:
        self._rate, self._to = rate, to
        self._state: object = None

    def __call__(self, pcm: bytes) -> bytes:
        if self._rate == self._to:
            return pcm
        converted, self._state = audioop.ratecv(
            pcm,
            _BYTES,
            1,
            self._rate,
            self._to,
            self._state,  # type: ignore[arg-type]
        )
        return converted


def decoder(codec: Codec) -> Decoder:
    if codec == G722:
        return G722Decoder()
    return _Pcmu() if codec == PCMU else _Pcma()


def encoder(codec: Codec) -> Encoder:
    if codec == G722:
        return G722Encoder()
    return _Pcmu() if codec == PCMU else _Pcma()
