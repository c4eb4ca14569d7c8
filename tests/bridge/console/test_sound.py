from __future__ import annotations

import stat
import wave
from pathlib import Path

import numpy as np
import pytest

from bridge.console.resampling import resampled
from bridge.console.sound import Recording, Sound, SoundError


def tone(hz: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    at = np.arange(round(rate * seconds)) / rate
    return (8000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def loudest(pcm: bytes, rate: int) -> float:
    samples = np.frombuffer(pcm, dtype="<i2")
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / samples.size)


def written(file: Path, samples: np.ndarray, rate: int) -> Path:
    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(samples.astype("<i2").tobytes())
    return file


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_file_is_played_at_the_rate_of_the_call(tmp_path: Path, rate: int) -> None:
    sound = Sound.read(written(tmp_path / "a.wav", tone(440, rate), rate))
    for wanted in (8_000, 16_000):
        pcm = sound.at(wanted)
        assert len(pcm) == 2 * wanted
        assert abs(loudest(pcm, wanted) - 440) < 2


def test_what_a_lower_rate_cannot_hold_is_cut_and_not_folded_back() -> None:
    pcm = resampled(tone(6_000, 48_000), 48_000, 8_000)
    assert np.abs(pcm).max() < 400


def test_a_long_sound_has_no_seams() -> None:
    """It is done in blocks of 8 s."""
    for rate, wanted in ((44_100, 8_000), (8_000, 16_000)):
        pcm = resampled(tone(440, rate, 20.5), rate, wanted)
        expected = tone(440, wanted, 20.5).astype(int)
        assert pcm.size == expected.size
        inside = slice(wanted // 10, -wanted // 10)
        assert np.abs(pcm.astype(int) - expected)[inside].max() < 200


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello"])
def test_what_is_no_sound_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(content)
    with pytest.raises(SoundError, match="no WAV"):
        Sound.read(file)
    with pytest.raises(SoundError, match="cannot be read"):
        Sound.read(tmp_path / "nothing.wav")


def test_a_recording_keeps_the_time_of_what_was_not_heard(tmp_path: Path) -> None:
    file = tmp_path / "b.wav"
    recording = Recording(file)
    frame = tone(440, 8_000, 0.02).tobytes()
    for at in (10.0, 10.02, 12.0):  # on hold in between
        recording.write(frame, 8_000, at)
    recording.write(tone(440, 16_000, 0.02).tobytes(), 16_000, 12.02)  # now it is G722
    recording.close()
    with wave.open(str(file), "rb") as opened:
        assert opened.getframerate() == 8_000
        assert abs(opened.getnframes() - 2.04 * 8_000) <= 2


def test_only_its_owner_hears_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "b.wav"
    file.touch(0o644)
    Recording(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_recording_of_nothing_is_a_wav_file(tmp_path: Path) -> None:
    file = tmp_path / "b.wav"
    Recording(file).close()
    with wave.open(str(file), "rb") as opened:
        assert opened.getnframes() == 0
