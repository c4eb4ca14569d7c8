"""Debian's Chromium as a caller: its microphone plays a file, its counters tell what it hears."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright

from sandbox.providers.mouth import CALLER_VOICE, render

CHROMIUM = Path("/usr/bin/chromium")
_RATE = 48_000
# The microphone is opened before Atlas has greeted: what is said meanwhile would cut in.
_QUIET_FIRST = 9.0

# Tried in shared/facts/livekit_measured.md section 7; no background traffic, no prompt, no GPU.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--metrics-recording-only",
    "--no-pings",
    "--disable-features=OptimizationHints,MediaRouter,Translate,"
    "CertificateTransparencyComponentUpdater,AutofillServerCommunication",
)


def write_sentence(file: Path, text: str, *, quiet_first: float = _QUIET_FIRST) -> None:
    """What the fake microphone plays, once: quiet, the sentence, quiet."""
    spoken = render(text, CALLER_VOICE, _RATE)
    before, after = int(quiet_first * _RATE), _RATE
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(np.pad(spoken, (before, after)).astype("<i2").tobytes())


def require_chromium() -> None:
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: `make system-packages` installs it."


@asynccontextmanager
async def browser_with_microphone(file: Path) -> AsyncIterator[Page]:
    """A fresh page in a browser of its own."""
    require_chromium()
    flags = [*_FLAGS, f"--use-file-for-fake-audio-capture={file}%noloop"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            # headless=False: playwright would add its own, older way of having no window.
            executable_path=str(CHROMIUM),
            headless=False,
            args=flags,
        )
        try:
            yield await browser.new_page()
        finally:
            await browser.close()
