"""Orders, names, sentiment, and who gets what of a transcript."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from livekit import rtc

from agents.media_bot.transcription.delivery import Delivery
from agents.media_bot.transcription.ear import Sentence
from agents.media_bot.transcription.orders import SttOrder, SttOrders
from agents.media_bot.transcription.people import name_of, speaker_of
from agents.media_bot.transcription.providers import Provider, is_language, providers_of
from agents.media_bot.transcription.sentiment import NOT_ENGLISH, NegativeRun, sentiment_of
from agents.media_bot.transcription.usage import HeardSeconds
from agents.turns import Turn
from contract.assistants import TranscriptionOptions
from contract.facts import FactKind
from contract.rooms import RoomMetadata
from tests.agents.room_double import STANDARD, Person, RoomDouble

AGENT = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT


@pytest.mark.parametrize(
    ("language", "otherwise", "providers"),
    [
        ("en", "groq", "deepgram groq"),
        ("en-US", "elevenlabs", "deepgram groq"),
        ("EN-gb", "groq", "deepgram groq"),
        ("ar", "groq", "elevenlabs groq"),
        ("ar-SA", "deepgram", "elevenlabs groq"),
        ("de-DE", "groq", "groq elevenlabs"),
        ("hi-IN", "deepgram", "deepgram groq"),
        ("fr", "elevenlabs", "elevenlabs groq"),
        ("arn", "groq", "groq elevenlabs"),  # Mapudungun is neither Arabic nor English
        ("eng", "groq", "groq elevenlabs"),
    ],
)
def test_the_language_decides_who_listens(language: str, otherwise: str, providers: str) -> None:
    chosen = providers_of(language, Provider(otherwise))
    assert [provider.value for provider in chosen] == providers.split()


@pytest.mark.parametrize(
    ("tag", "is_one"),
    [
        *((tag, True) for tag in ("en", "zh-Hant-TW", "es-419")),
        *((tag, False) for tag in ("", "e", "english!", "en_US", "en-" + "a1-" * 20 + "x")),
    ],
)
def test_what_is_a_language(tag: str, is_one: bool) -> None:
    assert is_language(tag) is is_one


class MediaBotsRoom(RoomDouble):
    """Media Bot itself, and what it sends to whom."""

    def __init__(self, *people: Person) -> None:
        super().__init__(*people)
        self.local_participant = MediaBot()
        self.metadata = ""


@dataclass(eq=False)
class MediaBot:
    identity: str = "media-bot-1"
    attributes: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[dict[str, Any], list[str]]] = field(default_factory=list)

    async def publish_data(
        self, text: str, *, topic: str, destination_identities: list[str]
    ) -> None:
        assert topic == "transcript"
        self.sent.append((json.loads(text), destination_identities))


def orders_of(room: MediaBotsRoom) -> list[SttOrder]:
    found: list[SttOrder] = []
    SttOrders(room, on_order=found.append).start()  # type: ignore[arg-type]
    return found


def write(room: MediaBotsRoom, **stt: str) -> None:
    changed = {f"stt.{name}": value for name, value in stt.items()}
    room.local_participant.attributes |= changed
    room.emit("participant_attributes_changed", changed, room.local_participant)


def test_what_was_ordered_before_media_bot_came_counts() -> None:
    room = MediaBotsRoom()
    room.local_participant.attributes = {
        "stt.enabled": "true",
        "stt.language": "ar-SA",
        "stt.command_id": "1",
    }
    assert orders_of(room) == [SttOrder(enabled=True, language="ar-SA")]


def test_an_order_counts_once_and_what_comes_without_a_new_id_is_none() -> None:
    room = MediaBotsRoom()
    orders = orders_of(room)
    write(room, enabled="true", language="en-US", command_id="1")
    write(room, enabled="true", language="en-US", command_id="1")
    write(room, deaf="true")
    write(room, enabled="", language="", command_id="")  # a LiveKit that was restarted
    write(room, enabled="false", command_id="2")
    assert orders == [SttOrder(enabled=True, language="en-US"), SttOrder(enabled=False)]


@pytest.mark.parametrize(
    "attributes",
    [
        {"enabled": "perhaps", "command_id": "2"},
        {"enabled": "true", "language": "Klingon, please", "command_id": "2"},
        {"enabled": "true", "command_id": "x" * 129},
    ],
    ids=["enabled", "language", "id"],
)
def test_an_order_that_is_not_understood_is_ignored(attributes: dict[str, str]) -> None:
    room = MediaBotsRoom()
    orders = orders_of(room)
    write(room, **attributes)
    assert orders == []
    write(room, enabled="true", language="de", command_id="3")
    assert orders == [SttOrder(enabled=True, language="de")]


@pytest.mark.parametrize(
    ("identity", "speaker", "name"),
    [
        ("sip_+4930123456", "caller", "the caller"),
        ("human-2", "human-2", "human-2"),
        ("+4930654321", "human", "a further human"),
        ("human-Jane", "human", "a further human"),
    ],
)
def test_nobody_is_called_by_a_phone_number(identity: str, speaker: str, name: str) -> None:
    assert speaker_of(identity, "sip_+4930123456") == speaker
    assert name_of(identity, "sip_+4930123456") == name


def test_vader_judges_english_and_nothing_else() -> None:
    scores, reason = sentiment_of("This is terrible, I hate it.", "en-GB")
    assert scores is not None
    assert set(scores) == {"neg", "neu", "pos", "compound"}
    assert scores["compound"] < -0.5
    assert reason is None
    assert sentiment_of("Das ist furchtbar.", "de-DE") == (None, NOT_ENGLISH)


def test_a_negative_run_is_told_once_until_a_turn_is_not_negative() -> None:
    run = NegativeRun(turns=3, compound=-0.5)
    told = [
        run.add({"compound": score} if score is not None else None)
        for score in (-0.5, None, -0.6, -0.7, -0.9, 0.1, -0.6, -0.6, -0.4, -0.6, -0.6, -0.6)
    ]
    assert told == [None, None, None, -0.6, *[None] * 7, -0.6]


def test_seconds_are_counted_by_provider() -> None:
    used = HeardSeconds()
    for provider, seconds in ((Provider.GROQ, 1.25), (Provider.DEEPGRAM, 0.1), (Provider.GROQ, 2)):
        used.add(provider, seconds)
    used.add(Provider.ELEVENLABS, 0.0)
    assert [(item["provider"], item["model"], item["quantity"]) for item in used.items()] == [
        ("groq", "whisper-large-v3-turbo", "3.250"),
        ("deepgram", "nova-3", "0.100"),
    ]


async def delivered(
    room: MediaBotsRoom, options: TranscriptionOptions, *said: tuple[str, str]
) -> tuple[list[Turn], list[tuple[FactKind, dict[str, Any]]]]:
    turns: list[Turn] = []
    facts: list[tuple[FactKind, dict[str, Any]]] = []
    known: asyncio.Future[TranscriptionOptions] = asyncio.get_running_loop().create_future()
    delivery = Delivery(
        room,  # type: ignore[arg-type]
        call_id="call_1",
        call_human="caller",
        options=known,
        add_turn=turns.append,
        tell=lambda kind, data: facts.append((kind, data)),
    )
    delivery.start()
    for number, (identity, text) in enumerate(said):
        delivery.add(identity, Sentence(text, "en-US", 1000.0 + number, 1000.5 + number))
    assert len(turns) == len(said)  # the record does not wait for the assistant's options
    assert room.local_participant.sent == []
    known.set_result(options)
    await delivery.delivered()
    await delivery.aclose()
    return turns, facts


def people() -> MediaBotsRoom:
    room = MediaBotsRoom(
        Person("caller"),
        Person("human-2"),
        Person("stranger", STANDARD),
        Person("atlas-1", AGENT),
        Person("atlas-2", AGENT),
    )
    room.metadata = RoomMetadata(generation={"atlas": 2}).to_json()
    return room


async def test_agents_and_further_humans_get_it_and_not_the_far_side() -> None:
    room = people()
    [turn], _ = await delivered(room, TranscriptionOptions(), ("caller", "Hello."))
    [(message, audience)] = room.local_participant.sent
    assert audience == ["atlas-1", "atlas-2", "human-2"]
    assert (message["start"], message["end"]) == (turn.start.isoformat(), turn.end.isoformat())


async def test_only_those_named_and_the_current_atlas_of_the_callers_words() -> None:
    room = people()
    options = TranscriptionOptions(visible_to=("caller", "absent"))
    await delivered(room, options, ("caller", "Hello."), ("human-2", "Hi."))
    audiences = [audience for _, audience in room.local_participant.sent]
    assert audiences == [["atlas-2", "caller"], ["caller"]]


async def test_with_nobody_to_have_it_nothing_is_sent_to_everybody() -> None:
    room = MediaBotsRoom(Person("caller"))
    await delivered(room, TranscriptionOptions(), ("caller", "Hello."))
    assert room.local_participant.sent == []


async def test_each_humans_negative_run_is_a_fact_of_their_own() -> None:
    bad = "This is terrible, I hate it."
    said = [("caller", bad), ("human-2", bad), ("caller", bad), ("caller", bad)]
    _, facts = await delivered(people(), TranscriptionOptions(negative_turns=2), *said)
    [(kind, data)] = facts
    assert kind is FactKind.NEGATIVE_RUN
    assert (data["participant"], data["turns"]) == ("caller", 2)
    assert data["compound"] < -0.5
    assert data["detail"] == "The caller has been strongly negative for 2 turns in a row."
