"""Deepgram's messages, as its live transcription reference has them. Times are stream seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.providers.ears import plain
from sandbox.providers.word_times import spread


def results(
    request_id: str,
    confidence: float,
    start: float,
    duration: float,
    *,
    text: str = "",
    is_final: bool = False,
    speech_final: bool = False,
    from_finalize: bool = False,
) -> dict[str, Any]:
    alternative = {
        "transcript": text,
        "confidence": round(confidence, 3),
        "words": [
            {
                "word": plain(word),
                "punctuated_word": word,
                "start": at,
                "end": end,
                "confidence": round(confidence, 3),
            }
            for word, at, end in spread(text, start, duration)
        ],
    }
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": round(start, 3),
        "duration": round(duration, 3),
        "is_final": is_final,
        "speech_final": speech_final,
        "from_finalize": from_finalize,
        "channel": {"alternatives": [alternative]},
        "metadata": {
            "request_id": request_id,
            "model_info": {"name": "switchboard-sandbox", "version": "1", "arch": "dtw"},
            "model_uuid": "00000000-0000-0000-0000-000000000000",
        },
    }


def speech_started(at: float) -> dict[str, Any]:
    return {"type": "SpeechStarted", "channel": [0, 1], "timestamp": round(at, 3)}


def utterance_end(last_word_end: float) -> dict[str, Any]:
    return {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": round(last_word_end, 3)}


def metadata(request_id: str, duration: float) -> dict[str, Any]:
    return {
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": "0" * 64,
        "created": datetime.now(UTC).isoformat(),
        "duration": round(duration, 3),
        "channels": 1,
    }
