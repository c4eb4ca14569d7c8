"""Who leaves, who comes back, and the end of the call, as transcription takes them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from agents.media_bot.server import SESSION_END_SECONDS
from agents.media_bot.transcription.providers import Provider
from agents.media_bot.transcription.transcription import LAST_WORDS_OF_ALL, Transcription
from agents.turns import Turn
from contract.assistants import TranscriptionOptions
from contract.facts import FactKind
from contract.holds import Holder, HoldState
from contract.identity import AgentRole
from contract.rooms import JobMetadata
from tests.agents import virtual_clock
from tests.agents.media_bot.listening import Recognisers, Talk
from tests.agents.media_bot.test_transcript import MediaBotsRoom, write
from tests.agents.room_double import Person
from workflows.options import USAGE_ARRIVES

DEGRADED, RESTORED = FactKind.TRANSCRIPTION_DEGRADED, FactKind.TRANSCRIPTION_RESTORED


class Call:
    """A caller in a call that is transcribed in English."""

    def __init__(self) -> None:
        self.caller = Person("caller")
        self.room: Any = MediaBotsRoom(self.caller)
        self.recognisers = Recognisers()
        self.turns: list[Turn] = []
        self.facts: list[tuple[FactKind, dict[str, Any]]] = []
        self.transcription = Transcription(
            self.room,
            JobMetadata(
                call_id="c",
                role=AgentRole.MEDIA_BOT,
                generation=1,
                agent_id="demo",
                call_token="t",
                human_identity="caller",
            ),
            otherwise=Provider.GROQ,
            open_session=self.recognisers.open,
            options=self._options,
            add_turn=self.turns.append,
            tell=lambda kind, data: self.facts.append((kind, data)),
        )
        self.talk = Talk(lambda piece: self.transcription.hear("caller", piece))
        self.transcription.start()
        write(self.room, enabled="true", language="en-US", command_id="1")

    async def _options(self) -> TranscriptionOptions:
        return TranscriptionOptions()

    @property
    def said(self) -> list[str]:
        return [turn.text for turn in self.turns]

    @property
    def told(self) -> list[tuple[FactKind, str | None]]:
        return [(kind, data.get("fallback")) for kind, data in self.facts]

    def hold(self, seq: int, *holders: Holder) -> None:
        self.room.write(self.caller, call_hold=HoldState(seq, frozenset(holders)).to_json())

    def reload(self) -> None:
        """A new connection, whose attributes are empty."""
        self.room.leave(self.caller, None)
        self.caller = Person("caller", sid="PA_2")
        self.room.enter(self.caller)


Story = Callable[[Call], Coroutine[Any, Any, None]]


def plays(story: Story) -> Callable[[], None]:
    async def played() -> None:
        await story(Call())

    def test() -> None:
        virtual_clock.run(played())

    test.__name__ = story.__name__
    return test


@plays
async def test_who_comes_back_while_nobody_hears_them_is_told_to_be_heard_again(call: Call) -> None:
    call.recognisers.broken = set(Provider)
    await call.talk.speak(1)
    await call.talk.be_quiet(5)
    assert call.told == [(DEGRADED, "groq"), (DEGRADED, None)]
    call.reload()
    await call.talk.speak(1)  # and is deaf still, which is no news
    await call.talk.be_quiet(5)
    call.reload()
    call.recognisers.broken.clear()
    await call.talk.speak(1)
    await call.talk.be_quiet(2)
    assert call.told[2:] == [(RESTORED, None)]
    await call.transcription.aclose()


@plays
async def test_who_comes_back_while_another_one_listens_is_told_to_be_heard_again(
    call: Call,
) -> None:
    call.recognisers.broken = {Provider.DEEPGRAM}
    await call.talk.speak(1)
    await call.talk.be_quiet(5)
    call.reload()
    call.recognisers.broken.clear()
    await call.talk.speak(1)
    await call.talk.be_quiet(2)
    assert call.told == [(DEGRADED, "groq"), (RESTORED, None)]
    await call.transcription.aclose()


@plays
async def test_who_comes_back_is_held_until_they_are_told_that_they_are_not(call: Call) -> None:
    call.hold(3, Holder.OPERATOR)
    call.reload()
    await call.talk.speak(1)  # the new page does not know yet
    await call.talk.be_quiet(1)
    call.hold(3, Holder.OPERATOR)
    await call.talk.speak(1)
    await call.talk.be_quiet(1)
    call.hold(4)
    await call.talk.speak(1)
    await call.talk.be_quiet(1)
    assert call.said == ["4.0-5.0"]
    await call.transcription.aclose()


@plays
async def test_goodbye_is_in_the_record_although_its_recogniser_is_slow(call: Call) -> None:
    call.recognisers.answers_after = 1.8
    await call.talk.speak(1)
    call.room.leave(call.caller, None)
    began = virtual_clock.now()
    await call.transcription.aclose()
    assert call.said == ["0.0-1.0"]
    assert virtual_clock.now() - began <= LAST_WORDS_OF_ALL
    assert call.told == [(FactKind.USAGE_REPORTED, None)]


@plays
async def test_a_recogniser_that_never_answers_does_not_cost_the_bill_its_seconds(
    call: Call,
) -> None:
    call.recognisers.answers_after = 60.0
    await call.talk.speak(1)
    began = virtual_clock.now()
    await call.transcription.aclose()
    [(kind, usage)] = call.facts
    assert kind is FactKind.USAGE_REPORTED
    assert usage["items"] != []
    # A second is left for the job to tell it, and for the workflow to hear of it.
    took = virtual_clock.now() - began
    assert took <= min(SESSION_END_SECONDS, USAGE_ARRIVES.total_seconds()) - 1
