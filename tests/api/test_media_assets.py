"""The default hold music and tones: open, cacheable, the same each time, and without a seam."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from api.media_assets.hold_music import hold_music
from api.media_assets.tones import busy, ringback
from contract.media import BUSY_TONES, TONE_HERTZ, DefaultAsset, media_of
from tests.api.service import Service, serve, settings_for
from tests.api.test_problems_and_keys import assert_problem

RATE = 16_000
Samples = npt.NDArray[Any]


@pytest.fixture
async def open_api(tmp_path: Path) -> AsyncIterator[Service]:
    async with serve(settings_for(tmp_path)) as service:
        del service.client.headers["Authorization"]
        yield service


@pytest.mark.parametrize("name", list(DefaultAsset))
async def test_an_asset_needs_no_key_and_is_asked_for_once(open_api: Service, name: str) -> None:
    first = await open_api.get(f"/media/{name}")
    assert (first.status_code, first.headers["Content-Type"]) == (200, "audio/wav")
    assert "max-age" in first.headers["Cache-Control"]
    with wave.open(io.BytesIO(first.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
    etag = first.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await open_api.get(f"/media/{name}", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
    other = await open_api.get(f"/media/{name}", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_a_head_is_answered_as_a_get_without_its_body(open_api: Service) -> None:
    url = f"/media/{DefaultAsset.BUSY}"
    whole, head = await open_api.get(url), await open_api.client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(whole.content)
    assert head.headers["ETag"] == whole.headers["ETag"]
    known = await open_api.client.head(url, headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status_code == 304
    assert (await open_api.client.head("/media/secret.wav")).status_code in (404, 422)


async def test_there_are_no_other_assets(open_api: Service) -> None:
    for name in ("secret.wav", "hold-music.mp3", "..%2Fcalls"):
        answer = await open_api.get(f"/media/{name}")
        assert answer.status_code in (404, 422)
        assert_problem(answer, answer.status_code, answer.json()["code"])


def test_the_music_has_no_seam_and_is_never_silent_or_too_loud() -> None:
    music = hold_music(RATE)
    assert music.size == 24 * RATE
    assert np.abs(music).max() < 0.5
    steps = np.abs(np.diff(np.concatenate([music, music[:1]])))
    assert steps[-1] <= steps[:-1].max()
    level = [float(np.sqrt(np.mean(part**2))) for part in np.split(music, 96)]
    assert min(level) > 0.02
    # What sounds on at the end goes on at the beginning: no fade, no gap.
    assert level[0] > 0.5 * float(np.mean(level))
    assert np.array_equal(music, hold_music(RATE))


@pytest.mark.parametrize(
    ("tone", "on", "off", "times"),
    [(busy(RATE), 0.5, 0.5, BUSY_TONES), (ringback(RATE), 1.0, 4.0, 1)],
    ids=["busy", "ringback"],
)
def test_the_tones_are_those_of_e180(tone: Samples, on: float, off: float, times: int) -> None:
    assert tone.size == round((on + off) * times * RATE)
    for cadence in np.split(tone, times):
        sounds, rests = cadence[: round(on * RATE)], cadence[round(on * RATE) :]
        spectrum = np.abs(np.fft.rfft(sounds * np.hanning(sounds.size)))
        assert spectrum.argmax() * RATE / sounds.size == pytest.approx(TONE_HERTZ, abs=2)
        assert not rests.any()
        assert abs(float(sounds[0])) < 0.01
        assert abs(float(sounds[-1])) < 0.01


def test_a_calls_media_are_its_assistants_wishes_and_the_defaults() -> None:
    usual = media_of("http://api:8080/", {})
    assert usual.hold_music == usual.default_hold_music == "http://api:8080/media/hold-music.wav"
    assert (usual.ringback, usual.busy) == ("", "http://api:8080/media/busy.wav")
    wishes = {"hold_music_url": "https://assets.example/own.mp3", "ringback": True}
    own = media_of("http://api:8080", {"media": wishes})
    assert own.hold_music == "https://assets.example/own.mp3"
    assert own.default_hold_music == usual.default_hold_music
    assert own.ringback == "http://api:8080/media/ringback.wav"
    nothing = media_of("", {"media": wishes})
    assert (nothing.hold_music, nothing.default_hold_music) == (own.hold_music, "")
    assert (nothing.ringback, nothing.busy) == ("", "")
