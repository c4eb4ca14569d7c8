"""Where a call is written down: ladder, capture, recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.console.sound import Recording, Sound
from bridge.ladder.pcap import PcapFile
from bridge.ladder.text import TextLadder
from bridge.legs import Bridge

VOICE_WARNING = "The capture will hold the caller's voice and every number: keep it accordingly."


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    play: Path | None = None
    record: Path | None = None
    ladder: Path | None = None
    pcap: Path | None = None
    pcap_media: bool = False


class Files:
    """Raises SoundError or OSError when one cannot be used, before anything is sent."""

    def __init__(self, paths: Paths) -> None:
        self._ladder: TextLadder | None = None
        self._pcap: PcapFile | None = None
        self.recording: Recording | None = None
        self.sound = Sound.read(paths.play) if paths.play is not None else None
        try:
            if paths.ladder is not None:
                self._ladder = TextLadder(paths.ladder)
            if paths.pcap is not None:
                self._pcap = PcapFile(paths.pcap)
            if paths.record is not None:
                self.recording = Recording(paths.record)
        except OSError:
            self.close()
            raise
        self._with_media = paths.pcap_media

    def listen_to(self, bridge: Bridge) -> None:
        if self._ladder is not None:
            bridge.sip_taps.append(self._ladder)
        if self._pcap is not None:
            bridge.sip_taps.append(self._pcap)
            if self._with_media:
                bridge.media_tap = self._pcap.media

    def close(self) -> None:
        for each in (self._ladder, self._pcap, self.recording):
            if each is not None:
                each.close()
