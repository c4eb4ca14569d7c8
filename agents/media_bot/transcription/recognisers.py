"""How each provider is listened with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from livekit.agents import inference

from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.segment_session import ENDS_AFTER, SegmentSession
from agents.media_bot.transcription.sessions import Session
from agents.media_bot.transcription.stream_session import StreamSession
from agents.speech_to_text import speech_to_text
from agents.vendors import HearingVendors


class Recognisers:
    def __init__(self, vendors: HearingVendors) -> None:
        self._vendors = vendors
        # One thread for all humans of a call: a window of 32 ms takes it a fraction of one.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="voice_detector")
        # Silero's model out of livekit's own library: 5 MB and half the time of the plugin's, which
        # brings the ONNX runtime along (45 MB).
        self._detector = inference.VAD(
            model="silero",
            min_speech_duration=0.1,
            min_silence_duration=ENDS_AFTER,
            max_buffered_speech=1.0,  # SegmentSession keeps its clips itself
            executor=self._thread,
        )

    def open(self, provider: Provider, language: str) -> Session:
        plugin = speech_to_text(
            provider.value, provider.model, language, self._vendors, for_record=True
        )
        if plugin.capabilities.streaming:
            return StreamSession(plugin)
        return SegmentSession(plugin, self._detector)

    def aclose(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
