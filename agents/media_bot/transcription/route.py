"""Which provider listens to one human now, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(slots=True)
class Standing:
    """What was last told of one human, by whichever of their routes: a new language makes a new
    one, and so does who comes back after they had left."""

    is_degraded: bool = False
    is_deaf: bool = False
    """Nobody hears them."""


class Route:
    def __init__(
        self,
        providers: tuple[Provider, ...],
        *,
        participant: str,
        who: str,
        tell: Callable[[FactKind, dict[str, Any]], None],
        clock: Callable[[], float],
        standing: Standing,
    ) -> None:
        """`participant`: the identity of who is heard, for the workflow alone; `who`: the same
        for sentences, such as the caller. `clock`: seconds. `standing`: shared by all routes of
        this human, so that the first sentence after a degradation is worth telling."""
        self._providers = providers
        self._participant = participant
        self._who = who
        self._tell = tell
        self._clock = clock
        self._current = 0
        self._standing = standing
        self._told = 0
        """Who listens, as this route told it."""
        self._failures = 0
        self._round = _FIRST_ROUND
        self._next_try = 0.0
        self._return_after = RETURN_AFTER
        self._return_at = 0.0

    @property
    def is_deaf(self) -> bool:
        return self._standing.is_deaf

    @property
    def may_return(self) -> bool:
        """It is time to try the table's own provider again."""
        is_settled = not self.is_deaf and self._current == self._told
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
        if self._is_known:
            return
        self._standing.is_deaf, self._round = False, _FIRST_ROUND
        self._told = self._current
        if self._current == 0:
            self._return_after = RETURN_AFTER
            self._standing.is_degraded = False
            detail = f"{provider.display_name} transcribes {self._who} again."
            self._tell(
                FactKind.TRANSCRIPTION_RESTORED,
                {"participant": self._participant, "provider": provider.value, "detail": detail},
            )
        else:
            self._degraded(f"{provider.display_name} transcribes {self._who} meanwhile.")

    @property
    def _is_known(self) -> bool:
        """Nothing that was told is otherwise now."""
        is_degraded = self._current > 0
        return self._told == self._current and not (
            self.is_deaf or (self._standing.is_degraded and not is_degraded)
        )

    def failed(self, provider: Provider, why: SessionFailed) -> None:
        if provider is not self._providers[self._current]:
            return
        self._failures += 1
        if not self.is_deaf and 0 < self._told != self._current:
            self._stay(self._told)
        elif not self.is_deaf and why.retryable and self._failures < TRIES:
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
        if self.is_deaf:
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
        if self.is_deaf:
            return
        self._standing.is_deaf = True
        name = provider.display_name
        self._degraded(
            f"Nobody transcribes {self._who} any more: {name} failed too, because {why}."
        )

    def _degraded(self, detail: str) -> None:
        self._return_at = self._clock() + self._return_after
        self._standing.is_degraded = True
        fallback = None if self.is_deaf else self._providers[self._current].value
        self._tell(
            FactKind.TRANSCRIPTION_DEGRADED,
            {
                "participant": self._participant,
                "provider": self._providers[0].value,
                "fallback": fallback,
                "detail": detail,
            },
        )
