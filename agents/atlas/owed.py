"""Whether the caller waits for an answer of ours."""

from __future__ import annotations

from collections.abc import Callable

from livekit.agents import AgentSession, SpeechCreatedEvent
from livekit.agents.voice import SpeechHandle


class OwedAnswer:
    """Knows of an answer that was asked for and is not over, whatever livekit calls the agent.

    Livekit-agents 1.8.9 calls the agent "listening" when it pauses an answer that has not begun,
    and when the pause ends in an irregular way (see `withheld.py`) it stays so. A model that hangs
    looks like a caller who is silent then: no filler was said, and after 20 s the call was given
    up as the caller's silence.
    """

    def __init__(self, session: AgentSession[None], over: Callable[[], None]) -> None:
        """`over`: called when an answer is, as livekit tells nothing then to who is listening."""
        self._session = session
        self._on_over = over
        self._answers: set[SpeechHandle] = set()

    def start(self) -> None:
        self._session.on("speech_created", self._created)

    async def aclose(self) -> None:
        self._session.off("speech_created", self._created)
        self._answers.clear()

    @property
    def is_due(self) -> bool:
        """Only of the turn that is decided: what is generated ahead of it may never be said."""
        speech = self._session.current_speech
        return (
            speech is not None
            and speech in self._answers
            and not speech.done()
            and not speech.interrupted
        )

    def _created(self, created: SpeechCreatedEvent) -> None:
        if created.source == "generate_reply":
            self._answers.add(created.speech_handle)
            created.speech_handle.add_done_callback(self._over)

    def _over(self, speech: SpeechHandle) -> None:
        self._answers.discard(speech)
        self._on_over()
