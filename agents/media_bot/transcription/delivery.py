"""What becomes of a sentence: a turn in the record, a message to those meant to have it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from agents.current import is_current
from agents.media_bot.transcription.ear import Sentence
from agents.media_bot.transcription.people import name_of, speaker_of
from agents.media_bot.transcription.sentiment import NegativeRun, sentiment_of
from agents.turns import Turn
from contract.assistants import TranscriptionOptions
from contract.facts import FactKind
from contract.identity import AgentRole
from contract.rooms import Topic

log = logging.getLogger(__name__)

_FINAL = "FINAL_TRANSCRIPT"


class Delivery:
    def __init__(
        self,
        room: rtc.Room,
        *,
        call_id: str,
        call_human: str,
        options: asyncio.Future[TranscriptionOptions],
        add_turn: Callable[[Turn], None],
        tell: Callable[[FactKind, dict[str, Any]], None],
    ) -> None:
        self._room = room
        self._call_id = call_id
        self._call_human = call_human
        self._options = options
        self._add_turn = add_turn
        self._tell = tell
        self._runs: dict[str, NegativeRun] = {}
        self._waiting: asyncio.Queue[tuple[str, Turn]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._deliver(), name="transcript_delivery")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def add(self, identity: str, sentence: Sentence) -> None:
        """In the record at once; whoever listens in the room waits for the assistant's options."""
        scores, reason = sentiment_of(sentence.text, sentence.language)
        turn = Turn(
            speaker=speaker_of(identity, self._call_human),
            text=sentence.text,
            language=sentence.language,
            start=datetime.fromtimestamp(sentence.start, UTC),
            end=datetime.fromtimestamp(max(sentence.start, sentence.end), UTC),
            sentiment=scores,
            reason=reason,
        )
        self._add_turn(turn)
        self._waiting.put_nowait((identity, turn))

    async def _deliver(self) -> None:
        while True:
            identity, turn = await self._waiting.get()
            options = await asyncio.shield(self._options)
            self._judge(identity, turn, options)
            await self._publish(identity, turn, options)
            self._waiting.task_done()

    async def delivered(self) -> None:
        """Returns when the room has all that was added."""
        await self._waiting.join()

    def _judge(self, identity: str, turn: Turn, options: TranscriptionOptions) -> None:
        run = self._runs.get(identity)
        if run is None:
            run = NegativeRun(options.negative_turns, options.negative_compound)
            self._runs[identity] = run
        compound = run.add(turn.sentiment)
        if compound is None:
            return
        who = name_of(identity, self._call_human)
        count = options.negative_turns
        for_long = f"{count} turns in a row" if count > 1 else "a turn"
        self._tell(
            FactKind.NEGATIVE_RUN,
            {
                "participant": identity,
                "turns": count,
                "compound": compound,
                "detail": f"{who[0].upper()}{who[1:]} has been strongly negative for {for_long}.",
            },
        )

    async def _publish(self, identity: str, turn: Turn, options: TranscriptionOptions) -> None:
        audience = self._audience(identity, options.visible_to)
        if not audience:
            return  # an empty list of destinations would mean everybody
        message = {
            "type": _FINAL,
            "call_id": self._call_id,
            "participant": identity,
            "text": turn.text,
            "language": turn.language,
            "start": turn.start.isoformat(),
            "end": turn.end.isoformat(),
            "sentiment": turn.sentiment,
        }
        if turn.reason is not None:
            message["reason"] = turn.reason
        try:
            await self._room.local_participant.publish_data(
                json.dumps(message, ensure_ascii=False),
                topic=Topic.TRANSCRIPT,
                destination_identities=audience,
            )
        except (PublishDataError, RuntimeError) as error:
            # The room is going, or reconnecting; the record has the turn in any case.
            log.info("a transcript was not published", extra={"error": type(error).__name__})

    def _audience(self, speaker: str, visible_to: tuple[str, ...]) -> list[str]:
        present = self._room.remote_participants
        if visible_to:
            audience = {identity for identity in visible_to if identity in present}
        else:
            audience = {
                identity
                for identity, participant in present.items()
                if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
                or (identity.startswith("human-") and identity != self._call_human)
            }
        if speaker == self._call_human:
            # Atlas leaves out of the record what it sees to be there already.
            audience |= {
                identity
                for identity in present
                if is_current(self._room, identity, AgentRole.ATLAS)
            }
        return sorted(audience)
