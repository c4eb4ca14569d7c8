"""What all topics of a call's state share: its status, its times and its one ending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contract.calls import CallRequest, CallStatus, RecordingStatus
from contract.endings import CallEnding
from contract.facts import Fact
from workflows.journal import Journal

_IN_TALK = (CallStatus.IN_PROGRESS, CallStatus.ON_HOLD)


@dataclass(slots=True)
class CallCore:
    request: CallRequest
    journal: Journal
    status: CallStatus = CallStatus.QUEUED
    room_sid: str = ""
    room_asked_for: bool = False
    room_opened: bool = False
    room_closed: bool = False
    room_reopened: bool = False
    room_vanished: bool = False
    answered_at: datetime | None = None
    was_answered: bool = False  # also as whoever knows says too late for the record
    ended_at: datetime | None = None
    ending: CallEnding | None = None
    is_guessed: bool = False  # the ending; who knows better may still say so
    is_held: bool = False  # by anybody
    recording: RecordingStatus = RecordingStatus.NOT_REQUESTED

    @property
    def talk_seconds(self) -> float:
        """By the facts' own clocks; never negative, even when two clocks disagree."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return round(max(0.0, (self.ended_at - self.answered_at).total_seconds()), 3)

    def answer(self, at: datetime) -> None:
        """The first answer counts, unless the call is over."""
        if self.answered_at is None and self.ending is None:
            self.set_answered_at(at)
            self._show_talk()

    def hold(self, is_held: bool) -> None:
        self.is_held = is_held
        if self.status in _IN_TALK:
            self._show_talk()

    def end(self, ending: CallEnding, at: datetime, *, guessed: bool = False) -> None:
        """The first ending is the call's ending; whatever comes later only followed from it."""
        if self.ending is None:
            self.ending, self.is_guessed = ending, guessed
            self.set_ended_at(at)

    @property
    def is_on_record(self) -> bool:
        """How and when it ended. That stands, whoever knows better afterwards: the bill comes later
        than the record, and must tell of the same call."""
        return self.status is CallStatus.ENDED

    def correct(self, ending: CallEnding) -> None:
        """A guess gives way to the word of who knows."""
        if self.is_guessed and not self.is_on_record:
            self.ending, self.is_guessed = ending, False

    def set_ended_at(self, at: datetime) -> None:
        if not self.is_on_record:
            self.ended_at = max(at, self.answered_at) if self.answered_at else at

    def set_answered_at(self, at: datetime | None) -> None:
        """Of who knows when it was, or (None) that it was not."""
        self.was_answered = at is not None
        if not self.is_on_record:
            self.answered_at = at

    def note(
        self,
        fact: Fact,
        actor: str,
        text: str,
        *,
        can_wait: bool = False,
        is_flood: bool = False,
        **data: Any,
    ) -> None:
        data["source"] = fact.source.value
        kind = fact.kind.value
        self.journal.note(fact.at, actor, kind, text, data, can_wait=can_wait, is_flood=is_flood)

    def _show_talk(self) -> None:
        self.status = CallStatus.ON_HOLD if self.is_held else CallStatus.IN_PROGRESS
