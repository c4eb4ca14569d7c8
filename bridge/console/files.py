"""Where a call is written down: ladder, capture, recording."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bridge.console.sound import Recording, Sound
from bridge.ladder.pcap import PcapFile
from bridge.ladder.text import TextLadder
from bridge.legs import Bridge

_File = TypeVar("_File", TextLadder, PcapFile, Recording)

VOICE_WARNING = "The capture will hold the caller's voice and every number: keep it accordingly."


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    play: Path | None = None
    record: Path | None = None
    ladder: Path | None = None
    pcap: Path | None = None
    pcap_media: bool = False


class FileError(ValueError):
    """A file that cannot be written, in a sentence."""


class Files:
    """Raises SoundError or FileError when one cannot be used, before anything is sent."""

    def __init__(self, paths: Paths) -> None:
        """Reads what is to be played: not for the event loop."""
        self.sound = Sound.read(paths.play) if paths.play is not None else None
        self._opened: list[TextLadder | PcapFile | Recording] = []
        self._ladder = self._open(TextLadder, paths.ladder)
        self._pcap = self._open(PcapFile, paths.pcap)
        self.recording = self._open(Recording, paths.record)
        self._with_media = paths.pcap_media

    def listen_to(self, bridge: Bridge) -> None:
        if self._ladder is not None:
            bridge.sip_taps.append(self._ladder)
        if self._pcap is not None:
            bridge.sip_taps.append(self._pcap)
            if self._with_media:
                bridge.media_tap = self._pcap.media

    def record(self, pcm: bytes, rate: int, now: float) -> None:
        """Raises OSError when the disk is full, once."""
        if self.recording is None:
            return
        try:
            self.recording.write(pcm, rate, now)
        except OSError:
            self.recording = None
            raise

    def close(self) -> None:
        for each in self._opened:
            with suppress(OSError):  # what could not be written was told already
                each.close()

    def _open(self, kind: Callable[[Path], _File], path: Path | None) -> _File | None:
        if path is None:
            return None
        try:
            opened = kind(path)
        except OSError as trouble:
            self.close()
            raise FileError(f"{path} cannot be written: {trouble.strerror}.") from None
        self._opened.append(opened)
        return opened
