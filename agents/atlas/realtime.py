"""The conversation's machinery when one model hears, thinks and speaks.

The model's own voice detector takes the turns. Nothing is asked of it before the call is answered:
its connection is made and configured meanwhile, but it gets no sound and no request.
"""

from __future__ import annotations

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle
from livekit.plugins.openai.realtime import RealtimeModel
from openai.types.realtime import AudioTranscription
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad

from agents.atlas.recording import Recording
from agents.atlas.vendors import Vendors
from agents.atlas.voice import Voice
from agents.vendors import UnknownProvider, without_region
from contract.assistants import Assistant

_TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe"
# What a pause within a sentence may last. OpenAI's own default.
_SILENCE_MS = 500
_AGAIN = (
    "The call was on hold and the caller did not hear your last answer to its end. "
    "Give that answer again, from its beginning."
)


def make_session(assistant: Assistant, language: str, vendors: Vendors) -> AgentSession[None]:
    options = assistant.realtime
    settings = vendors.settings
    if options.provider != "openai":
        raise UnknownProvider(f"There is no realtime model by {options.provider!r}.")
    if not settings.openai_api_key:
        raise UnknownProvider("The assistant is a realtime one, and OPENAI_API_KEY is not set.")
    model = RealtimeModel(
        model=options.model,
        voice=options.voice,
        input_audio_transcription=_transcription(language),
        turn_detection=ServerVad(
            type="server_vad",
            silence_duration_ms=_SILENCE_MS,
            create_response=True,
            interrupt_response=True,
        ),
        api_key=settings.openai_api_key,
        base_url=settings.openai_base_url,
        http_session=vendors.http,
    )
    return AgentSession[None](
        llm=model,
        vad=None,
        turn_handling={"turn_detection": "realtime_llm", "interruption": {"mode": "vad"}},
        # livekit would ignore interruptions in the first three seconds.
        aec_warmup_duration=None,
        # SilenceWatchdog is ours: livekit's timer goes on in hold and before the gate.
        user_away_timeout=None,
    )


def _transcription(language: str) -> AudioTranscription:
    code = without_region(language).lower()
    # OpenAI knows languages by ISO 639 code; without one it finds out by itself. "multi" is
    # Deepgram's word.
    if 2 <= len(code) <= 3:
        return AudioTranscription(model=_TRANSCRIPTION_MODEL, language=code)
    return AudioTranscription(model=_TRANSCRIPTION_MODEL)


class RealtimeVoice(Voice):
    """Has the model say a sentence: there is no speech synthesis beside it."""

    def _utter(self, text: str, interruptible: bool, recording: Recording | None) -> SpeechHandle:
        # Nobody can be kept from interrupting the model but by not listening, and before a
        # farewell, the one thing that is not to be interrupted, the floor is closed.
        return self._session.generate_reply(
            instructions=f'Say exactly: "{text}"', tool_choice="none"
        )

    def _answer_again(self) -> None:
        self.generate(_AGAIN)
