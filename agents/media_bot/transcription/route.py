"""Which provider listens to one human now, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.sessions import SessionFailed
from contract.facts import FactKind

TRIES = 3
"""In a row without a sentence; then the next provider listens."""

_BETWEEN_TRIES = 0.5
# Seconds until the first provider of the table is tried again, doubled each time in vain.
RETURN_AFTER, _LONGEST_RETURN = 60.0, 600.0
# Seconds between two rounds when nobody hears.
_FIRST_ROUND, _LONGEST_ROUND = 2.0, 30.0


class Route:
    def __init__(
        self,
        providers: tuple[Provider, ...],
        *,
        participant: str,
        who: str,
        tell: Callable[[FactKind, dict[str, Any]], None],
        clock: Callable[[], float],
        was_degraded: bool = False,
    ) -> None:
        """`participant`: the identity of who is heard, for the workflow alone; `who`: the same
        for sentences, such as the caller. `clock`: seconds. `was_degraded`: on the route before
        this one, of another language; then the first sentence is worth telling."""
        self._providers = providers
        self._participant = participant
        self._who = who
        self._tell = tell
        self._clock = clock
        self._current = 0
        self._told: int | None = None if was_degraded else 0
        """Who listens, as it was told; None: nobody, or it has to be told anew."""
        self._failures = 0
        self._is_deaf = False
        self._round = _FIRST_ROUND
        self._next_try = 0.0
        self._return_after = RETURN_AFTER
        self._return_at = 0.0

    @property
    def is_deaf(self) -> bool:
        return self._is_deaf

    @property
    def is_degraded(self) -> bool:
        return self._told != 0

    @property
    def may_return(self) -> bool:
        """It is time to try the table's own provider again."""
        is_settled = not self._is_deaf and self._current == self._told
        return is_settled and self._current > 0 and self._clock() >= self._return_at

    def return_to_first(self) -> None:
        self._current, self._failures = 0, 0

    def choose(self) -> tuple[Provider, float]:
        """Who is to listen next, and in how many seconds."""
        return self._providers[self._current], max(self._next_try - self._clock(), 0.0)

    def heard(self, provider: Provider) -> None:
        """A sentence came from this one."""
        if provider is not self._providers[self._current]:
            return  # of a session that is being finished
        self._failures = 0
        if self._told == self._current:
            return
        self._is_deaf, self._round = False, _FIRST_ROUND
        self._told = self._current
        if self._current == 0:
            self._return_after = RETURN_AFTER
            detail = f"{provider.display_name} transcribes {self._who} again."
            self._tell(
                FactKind.TRANSCRIPTION_RESTORED,
                {"participant": self._participant, "provider": provider.value, "detail": detail},
            )
        else:
            self._degraded(f"{provider.display_name} transcribes {self._who} meanwhile.")

    def failed(self, provider: Provider, why: SessionFailed) -> None:
        if provider is not self._providers[self._current]:
            return
        self._failures += 1
        if self._told is not None and 0 < self._told != self._current:
            self._stay(self._told)
        elif not self._is_deaf and why.retryable and self._failures < TRIES:
            self._next_try = self._clock() + _BETWEEN_TRIES * self._failures
        elif self._current + 1 < len(self._providers):
            self._fall_back(provider, why)
        else:
            self._go_deaf(provider, why)

    def _stay(self, at: int) -> None:
        """The first one, tried again, still cannot."""
        self._current, self._failures = at, 0
        self._return_after = min(self._return_after * 2, _LONGEST_RETURN)
        self._return_at = self._clock() + self._return_after

    def _fall_back(self, provider: Provider, why: SessionFailed) -> None:
        self._current, self._failures = self._current + 1, 0
        if self._is_deaf:
            return
        self._told = self._current
        now = self._providers[self._current].display_name
        self._degraded(
            f"{provider.display_name} does not transcribe {self._who} any more, because {why}. "
            f"{now} does."
        )

    def _go_deaf(self, provider: Provider, why: SessionFailed) -> None:
        self._next_try = self._clock() + self._round
        self._round = min(self._round * 2, _LONGEST_ROUND)
        self._current, self._failures = 0, 0
        if self._is_deaf:
            return
        self._is_deaf, self._told = True, None
        name = provider.display_name
        self._degraded(
            f"Nobody transcribes {self._who} any more: {name} failed too, because {why}."
        )

    def _degraded(self, detail: str) -> None:
        self._return_at = self._clock() + self._return_after
        fallback = None if self._is_deaf else self._providers[self._current].value
        self._tell(
            FactKind.TRANSCRIPTION_DEGRADED,
            {
                "participant": self._participant,
                "provider": self._providers[0].value,
                "fallback": fallback,
                "detail": detail,
            },
        )
