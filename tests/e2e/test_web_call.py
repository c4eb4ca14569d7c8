"""One whole web call: what the caller heard, what the record says, what the recording plays."""

from __future__ import annotations

from datetime import datetime

import httpx2
import pytest

from sandbox.providers.pcm import decode_file
from tests.e2e.conversation import dialogue, faults
from tests.e2e.listening import VoiceEar, lines_in
from tests.e2e.ordinary_call import QUESTIONS, OrdinaryCall
from tests.e2e.server_events import follow
from tests.e2e.switchboard import Switchboard, told

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_greeting_and_answers_are_heard_in_order_and_written_down(
    ordinary_call: OrdinaryCall,
) -> None:
    record = ordinary_call.record
    assert faults(ordinary_call.talk, record.transcript, dialogue(*QUESTIONS)) == []
    assert len(ordinary_call.talk.responses) == 2


async def test_the_callers_hanging_up_is_the_end(ordinary_call: OrdinaryCall) -> None:
    call = ordinary_call.record.call
    assert (call["status"], call["ended_reason"], call["ended_by"]) == (
        "ended",
        "caller_hung_up",
        "caller",
    )
    assert await ordinary_call.web_call.room_is_gone()


async def test_talk_time_is_the_callers_own(ordinary_call: OrdinaryCall) -> None:
    talk = ordinary_call.talk
    shortest, longest = (left - talk.joined_at for left in talk.left_between)
    assert shortest - 1 <= ordinary_call.record.call["talk_seconds"] <= longest + 1


async def test_every_turn_lies_within_the_call(ordinary_call: OrdinaryCall) -> None:
    record = ordinary_call.record
    answered = datetime.fromisoformat(record.call["answered_at"])
    ended = datetime.fromisoformat(record.call["ended_at"])
    for turn in record.transcript:
        start, end = (datetime.fromisoformat(turn[name]) for name in ("start", "end"))
        assert answered < start < end < ended, turn


async def test_the_recording_plays_both_voices(
    ordinary_call: OrdinaryCall, atlas: VoiceEar, caller_voice: VoiceEar
) -> None:
    recording = ordinary_call.record.recording
    assert (recording["status"], recording["attempts"]) == ("ready", 1)
    async with httpx2.AsyncClient() as anybody:  # the link alone must do
        file = await anybody.get(recording["url"])
    assert file.status_code == 200
    assert file.content[:4] == b"OggS"
    assert len(file.content) == recording["size_bytes"]
    samples, rate = decode_file(file.content)
    assert samples.size / rate == pytest.approx(recording["duration_seconds"], abs=0.3)
    assert samples.size / rate == pytest.approx(ordinary_call.record.call["talk_seconds"], abs=4)
    heard = await lines_in(samples, rate, atlas, caller_voice)
    # The recording begins once somebody can be heard: the greeting may be cut.
    assert heard[-4:] == dialogue(*QUESTIONS)[1:]


async def test_the_timeline_counts_without_gaps(ordinary_call: OrdinaryCall) -> None:
    record = ordinary_call.record
    numbers = sorted(entry["seq"] for entry in record.timeline)
    assert numbers == list(range(1, len(record.timeline) + 1))
    moments = [datetime.fromisoformat(entry["at"]) for entry in record.timeline]
    assert moments == sorted(moments)
    kinds = record.kinds()
    for kind in ("room_opened", "opening_started", "ended", "bill_settled", "recording_ready"):
        assert kinds.count(kind) == 1, told(record.timeline)
    assert kinds.count("turn") == len(dialogue(*QUESTIONS))
    assert all(entry["text"] for entry in record.timeline)


async def test_the_stream_of_events_is_the_timeline_and_resumes(
    switchboard: Switchboard, ordinary_call: OrdinaryCall
) -> None:
    timeline = sorted(ordinary_call.record.timeline, key=lambda entry: entry["seq"])
    assert [event.data for event in ordinary_call.live] == timeline
    assert [event.id for event in ordinary_call.live] == [str(e["seq"]) for e in timeline]
    resumed = await follow(switchboard.http, ordinary_call.web_call.id, last_event_id="3")
    assert [event.data for event in resumed] == timeline[3:]
    last = str(timeline[-1]["seq"])
    assert await follow(switchboard.http, ordinary_call.web_call.id, last_event_id=last) == []


async def test_the_bill_is_what_the_vendors_were_asked(ordinary_call: OrdinaryCall) -> None:
    cost = ordinary_call.record.call["cost"]
    items = {(item["what"], item["unit"]): item for item in cost["items"]}
    assert {(i["what"], i["provider"], i["model"]) for i in cost["items"]} == {
        ("agent", "switchboard", "atlas"),
        ("agent", "switchboard", "media-bot"),
        ("stt", "deepgram", "nova-3"),
        ("llm", "groq", "llama-3.3-70b-versatile"),
        ("tts", "elevenlabs", "eleven_turbo_v2_5"),
    }
    spoken = ordinary_call.asked["elevenlabs"]
    characters = sum(len(entry["text"]) for entry in spoken if entry.get("event") == "context")
    assert int(items["tts", "characters"]["quantity"]) == pytest.approx(characters, abs=5)
    assert [entry["last_text"] for entry in ordinary_call.asked["groq"]] == list(QUESTIONS)
    assert int(items["llm", "output_tokens"]["quantity"]) > 0
    # livekit's Deepgram plugin counts in steps of five seconds and forgets the step it is in.
    seconds = float(items["stt", "audio_seconds"]["quantity"])
    talked = ordinary_call.record.call["talk_seconds"]
    assert talked - 7 <= seconds <= talked
    assert cost["partial"] is False
    assert float(cost["total"]) == pytest.approx(sum(float(i["amount"]) for i in cost["items"]))
