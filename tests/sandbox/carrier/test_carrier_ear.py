"""What the phone hears, and when."""

from __future__ import annotations

import wave
from pathlib import Path

from sandbox.carrier.ear import Ear
from sandbox.carrier.voice import tone


def hear(ear: Ear, pcm: bytes, rate: int, began: float) -> float:
    """In frames of 20 ms, in real time from `began`; when it is over."""
    size = rate // 50 * 2
    for number, place in enumerate(range(0, len(pcm), size)):
        ear.hear(pcm[place : place + size], rate, began + number * 0.02)
    return began + len(pcm) / 2 / rate


def test_a_place_in_the_file_is_a_time_of_the_call(tmp_path: Path) -> None:
    ear = Ear(tmp_path / "heard.wav")
    now = hear(ear, bytes(8000), 8000, 100.0)
    now = hear(ear, tone(440, 8000), 8000, now)
    now = hear(ear, tone(440, 8000, 0.5), 8000, now + 2.0)  # after a hold without a frame
    ear.close()
    assert ear.voiced == [[0.5, 1.5], [3.5, 4.0]]
    document = ear.document()
    assert document is not None
    assert document["seconds"] == 4.0
    with wave.open(str(ear.file)) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 32000)


def test_another_codec_in_mid_call_changes_no_time(tmp_path: Path) -> None:
    ear = Ear(tmp_path / "heard.wav")
    now = hear(ear, tone(440, 8000), 8000, 0.0)
    hear(ear, tone(440, 16000), 16000, now)
    ear.close()
    assert ear.seconds == 2.0
    assert ear.voiced == [[0.0, 2.0]]


def test_who_hears_nothing_writes_nothing(tmp_path: Path) -> None:
    ear = Ear(tmp_path / "heard.wav")
    ear.close()
    assert ear.document() is None
    assert not ear.file.exists()
