"""What a hold cut off, so that the caller gets it after the hold."""

from __future__ import annotations

from collections.abc import Callable

from livekit.agents.voice import SpeechHandle

Take = Callable[[], object]
"""Says once more what was cut off."""


class Unfinished:
    """Keeps every speech that is not over, with the way to say it again.

    After a hold the caller hears again, from its beginning, what somebody decided that they should
    hear (the greeting, `atlas.say`), and gets a new answer to a question whose answer was cut off.
    Questions whether they are still there, fillers and what the caller interrupted themselves are
    not repeated.
    """

    def __init__(self) -> None:
        self._going_on: dict[SpeechHandle, Take | None] = {}
        self._cut: list[Take] = []

    def begun(self, speech: SpeechHandle, again: Take | None) -> None:
        """`again` None: not worth repeating. Told twice, the second counts."""
        if speech not in self._going_on:
            speech.add_done_callback(self._over)
        self._going_on[speech] = again

    def cut(self) -> None:
        """Everything that goes on now is about to be interrupted."""
        for speech, again in self._going_on.items():
            worth_it = again is not None and not speech.done() and not speech.interrupted
            if again is not None and worth_it and again not in self._cut:
                self._cut.append(again)
        self._going_on.clear()

    def say_again(self) -> None:
        cut, self._cut = self._cut, []
        for again in cut:
            again()

    def _over(self, speech: SpeechHandle) -> None:
        self._going_on.pop(speech, None)
