"""The one place that knows of both runtimes: a pipeline of three models, and one realtime model."""

from __future__ import annotations

from livekit.agents import AgentSession

from agents.atlas import pipeline, realtime
from agents.atlas.floor import Floor
from agents.atlas.vendors import Vendors
from agents.atlas.voice import Voice
from contract.assistants import Assistant, RuntimeMode


def make_session(assistant: Assistant, language: str, vendors: Vendors) -> AgentSession[None]:
    """Raises UnknownProvider when the assistant wants a vendor that Atlas cannot ask."""
    if assistant.mode is RuntimeMode.REALTIME:
        return realtime.make_session(assistant, language, vendors)
    return pipeline.make_session(assistant, language, vendors)


def make_voice(assistant: Assistant, session: AgentSession[None], floor: Floor) -> Voice:
    if assistant.mode is RuntimeMode.REALTIME:
        return realtime.RealtimeVoice(session, floor)
    return Voice(session, floor)
