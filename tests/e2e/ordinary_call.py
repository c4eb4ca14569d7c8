"""The call that most tests look at: greeting, two questions, two answers, the caller hangs up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from tests.e2e.conversation import DOG, OPENING_HOURS, Conversation, converse
from tests.e2e.listening import VoiceEar
from tests.e2e.server_events import ServerEvent, follow
from tests.e2e.switchboard import SettledCall, Switchboard, WebCall

QUESTIONS = (OPENING_HOURS, DOG)


@dataclass(frozen=True, slots=True)
class OrdinaryCall:
    web_call: WebCall
    talk: Conversation
    record: SettledCall
    live: list[ServerEvent]  # the timeline as it was streamed during the call
    asked: dict[str, list[dict[str, Any]]]  # what each vendor's stand-in was asked for it


async def place_ordinary_call(switchboard: Switchboard, atlas: VoiceEar) -> OrdinaryCall:
    began = time.time()
    web_call = await switchboard.place_call(record=True)
    live = asyncio.create_task(follow(switchboard.http, web_call.id))
    try:
        talk = await converse(await web_call.join(), atlas, QUESTIONS)
        record = await web_call.settled()
        return OrdinaryCall(
            web_call=web_call,
            talk=talk,
            record=record,
            live=await asyncio.wait_for(live, 10),
            asked={v: await switchboard.asked_of(v, began) for v in ("groq", "elevenlabs")},
        )
    finally:
        live.cancel()
