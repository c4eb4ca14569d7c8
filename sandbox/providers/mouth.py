"""The stand-ins' voice: espeak-ng through `espeakng-loader`, no system package.

Scripted callers speak with `render(text, CALLER_VOICE, rate)`; the assistant's voice is different
enough to be told apart in a mixed recording.
"""

from __future__ import annotations

import ctypes
import threading
from functools import lru_cache
from pathlib import Path

import espeakng_loader  # type: ignore[import-untyped,unused-ignore]
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

CALLER_VOICE = "en-us+f2"
CALLER_VOICES = (CALLER_VOICE, "en-us+m3")
ASSISTANT_VOICE = "en+m7"

_AUDIO_OUTPUT_SYNCHRONOUS = 2  # espeak's speak_lib.h: the callback runs inside espeak_Synth
_CHARS_UTF8 = 1
_DONT_EXIT = 0x8000
_RATE = 1  # espeakRATE, words a minute
_WORDS_A_MINUTE = 165

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class UnknownVoice(ValueError):
    """espeak-ng has no such voice."""


class _Espeak:
    """The library keeps its state in globals: one instance, one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate = int(
            self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 200, data, _DONT_EXIT)
        )
        if self._rate <= 0:
            raise RuntimeError("espeak-ng did not start: its data files could not be read.")
        self._pieces: list[bytes] = []
        # Kept on self: ctypes frees a callback that nobody holds, and espeak would call into it.
        self._callback = _CALLBACK(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wav: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        if wav and count > 0:
            self._pieces.append(ctypes.string_at(wav, count * 2))
        return 0

    def speak(self, text: str, voice: str) -> tuple[Samples, int]:
        """Mono samples of the text and their rate (22 050 Hz for every built-in voice)."""
        encoded = text.encode() + b"\0"
        with self._lock:
            if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise UnknownVoice(f"espeak-ng has no voice {voice!r}.")
            self._library.espeak_SetParameter(_RATE, _WORDS_A_MINUTE, 0)
            self._pieces = []
            self._library.espeak_Synth(
                encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, _CHARS_UTF8, None, None
            )
            self._library.espeak_Synchronize()
            pcm = b"".join(self._pieces)
        return np.frombuffer(pcm, dtype=np.int16), self._rate


@lru_cache(maxsize=1)
def _espeak() -> _Espeak:
    return _Espeak()


@lru_cache(maxsize=512)
def render(text: str, voice: str, sample_rate: int) -> Samples:
    """Speak `text` with an espeak voice (`en-us+f2`): mono int16 at `sample_rate` Hz, read-only.

    Thread-safe. About 100 times faster than real time; repeated texts come from a cache.
    """
    samples, rate = _espeak().speak(text, voice)
    spoken = resample(samples, rate, sample_rate)
    spoken.flags.writeable = False
    return spoken


def resample(samples: Samples, rate: int, new_rate: int) -> Samples:
    """Band-limited resampling of a whole mono clip by cutting or padding its spectrum."""
    if rate == new_rate or samples.size == 0:
        return samples.copy()
    step = rate // np.gcd(rate, new_rate)  # whole steps make the new length exact
    padded = np.pad(samples, (0, -samples.size % step)).astype(np.float64)
    length = padded.size * new_rate // rate
    spectrum = np.fft.rfft(padded)
    wanted = length // 2 + 1
    kept = np.zeros(wanted, dtype=np.complex128)
    shared = min(wanted, spectrum.size)
    kept[:shared] = spectrum[:shared]
    resampled = np.fft.irfft(kept, length) * (length / padded.size)
    return np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)


_NAMES = {"zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "no": "nb"}


def known_voice(voice: str) -> bool:
    """Whether espeak-ng has this voice, variant included (it takes unknown variants silently)."""
    name, _, variant = voice.partition("+")
    data = Path(espeakng_loader.get_data_path())
    if not name.replace("-", "").isalnum() or not (variant or "x").isalnum():
        return False
    languages = {path.name.lower() for path in (data / "lang").rglob("*") if path.is_file()}
    return name.lower() in languages and (
        not variant or (data / "voices" / "!v" / variant).exists()
    )


@lru_cache(maxsize=256)
def voices_for(language: str) -> tuple[str, ...]:
    """The scripted callers' voices in a BCP-47 language (`en-US`, `hi`): (`hi+f2`, `hi+m3`).

    English is always spoken with CALLER_VOICES, whatever the region.
    """
    tag = language.lower().replace("_", "-")
    base = tag.split("-")[0]
    if base == "en":
        return CALLER_VOICES
    for name in (_NAMES.get(tag, tag), _NAMES.get(base, base)):
        if known_voice(name):
            return tuple(f"{name}+{voice.partition('+')[2]}" for voice in CALLER_VOICES)
    raise UnknownVoice(f"espeak-ng speaks no language {language!r}.")
