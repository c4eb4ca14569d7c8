"""Twelve calls and their bills, computed by hand from prices_of_twelve.yaml.

Facts come as a bridge, LiveKit and the agents tell them, at seconds after the call's beginning. The
seconds that tests/e2e/phone compares with the far side's own are of these kinds: hung up by either
side, held, answered across our CANCEL, never answered, lost with its bridge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from contract.calls import Provider
from contract.facts import Fact, FactKind, FactSource
from contract.holds import Holder
from tests.workflows.test_call_state import BEGIN, fact, joined, left
from tests.workflows.test_phone_state import of_bridge, report
from workflows.call_state import CallState

Told = Fact | Callable[[CallState], None]
Line = tuple[str, str, str, str | None, str, str | None]
"""What, model (of telephony: trunk), quantity, unit price, per, amount."""


@dataclass(frozen=True, kw_only=True)
class KnownCall:
    name: str
    provider: Provider
    told: Sequence[Told]
    lines: Sequence[Line]
    total: str
    answered: str  # seconds
    held: str = "0.000"
    trunk: str | None = None
    price_table: str = "before"
    began: float = 0  # seconds after BEGIN, by which the price table is chosen
    partial_because: Sequence[str] = field(default=())

    def __str__(self) -> str:
        return self.name


def ready(second: float, generation: int = 1, source: FactSource = FactSource.ATLAS) -> Fact:
    return fact(FactKind.AGENT_READY, second, source, generation=generation, seq=1)


def opens(second: float) -> Fact:
    return fact(FactKind.OPENING_STARTED, second, FactSource.ATLAS, generation=1, seq=2)


def used(second: float, *items: tuple[str, str, str, str, str], generation: int = 1) -> Fact:
    """What, provider, model, quantity, unit."""
    names = ("what", "provider", "model", "quantity", "unit")
    told = {"items": [dict(zip(names, item, strict=True)) for item in items]}
    kind = FactKind.USAGE_REPORTED
    return fact(kind, second, FactSource.ATLAS, generation=generation, seq=9, data=told)


def hangs_up(answered: float, ended: float, **changes: Any) -> Fact:
    told = report(ended, answered_at=BEGIN + timedelta(seconds=answered), **changes)
    return of_bridge(99, FactKind.LEG_ENDED, ended, **told.to_data())


def never_answers(ended: float, **changes: Any) -> Fact:
    told = report(ended, answered=False, answered_at=None, **changes)
    return of_bridge(99, FactKind.LEG_ENDED, ended, **told.to_data())


def held(second: float, seq: int) -> Fact:
    return of_bridge(seq + 10, FactKind.HELD, second, holder="remote", seq=seq)


def resumed(second: float, seq: int) -> Fact:
    return of_bridge(seq + 10, FactKind.RESUMED, second, holder="remote", seq=seq)


def operator_holds(second: float) -> Told:
    at = BEGIN + timedelta(seconds=second)
    return lambda state: state.holds.hold(Holder.OPERATOR, at)


def operator_resumes(second: float) -> Told:
    at = BEGIN + timedelta(seconds=second)
    return lambda state: state.holds.resume(Holder.OPERATOR, at)


def its_bridge_is_dead(state: CallState) -> None:
    state.phone.is_gone_for_good()


def answers(second: float) -> Fact:
    return of_bridge(2, FactKind.ANSWERED, second, codec="PCMA")


SPEECH = (
    ("stt", "deepgram", "nova-3", "57.5", "audio_seconds"),
    ("llm", "groq", "llama", "1200", "input_tokens"),
    ("llm", "groq", "llama", "150", "output_tokens"),
    ("tts", "elevenlabs", "turbo", "212", "characters"),
)
SPEECH_LINES: Sequence[Line] = (
    # 57.5 × 0.0001
    ("stt", "nova-3", "57.5", "0.0001", "1", "0.005750"),
    # 1,200 × 0.60 / 1,000,000
    ("llm", "llama", "1200", "0.0000006", "1", "0.000720"),
    # 150 × 0.80 / 1,000,000
    ("llm", "llama", "150", "0.0000008", "1", "0.000120"),
    # 212 × 0.05 / 1,000
    ("tts", "turbo", "212", "0.00005", "1", "0.010600"),
    # together 0.017190
)

TWELVE = (
    KnownCall(
        name="a web call of a minute",
        provider=Provider.WEB,
        told=(
            ready(0.5),
            ready(0.6, source=FactSource.MEDIA_BOT),
            joined(2),
            opens(2.1),
            left(62),
            used(62.5, *SPEECH),
        ),
        answered="60.000",
        lines=(
            # No telephone, so no carrier. 60 × 0.006 / 60
            ("agent", "atlas", "60", "0.0001", "1", "0.006000"),
            ("agent", "media-bot", "60", "0", "1", "0.000000"),
            *SPEECH_LINES,
        ),
        total="0.023190",  # 0.006 + 0 + 0.01719
    ),
    KnownCall(
        name="a minute and a second by whole minutes",
        provider=Provider.BRIDGE,
        trunk="minutes",
        told=(ready(0.5), answers(5), hangs_up(5, 66.2), used(67)),
        answered="61.200",
        lines=(
            # 61.2 s are 2 minutes. 120 × 0.01 / 60; a second would cost 0.0001666…
            ("telephony", "minutes", "120", "0.01", "60", "0.020000"),
            # 61.2 × 0.006 / 60
            ("agent", "atlas", "61.2", "0.0001", "1", "0.006120"),
        ),
        total="0.026120",
    ),
    KnownCall(
        name="half a minute and steps of six seconds with a hold of the far side",
        provider=Provider.BRIDGE,
        trunk="sixes",
        told=(
            ready(0.5),
            answers(5),
            held(10, 1),
            resumed(12, 2),
            hangs_up(5, 36.5),
            used(37, SPEECH[0]),
        ),
        answered="31.500",
        held="2.000",
        lines=(
            # 30 + 6 s, those on hold among them. 36 × 0.03 / 60
            ("telephony", "sixes", "36", "0.0005", "1", "0.018000"),
            # 31.5 × 0.0001
            ("agent", "atlas", "31.5", "0.0001", "1", "0.003150"),
            SPEECH_LINES[0],
        ),
        total="0.026900",  # 0.018 + 0.00315 + 0.00575
    ),
    KnownCall(
        name="an operator hangs up a phone of LiveKit SIP billed by the second",
        provider=Provider.LIVEKIT_SIP,
        trunk="seconds",
        told=(
            ready(0.5),
            fact(FactKind.ANSWERED, 5, FactSource.ATLAS, generation=1, seq=3),
            fact(
                FactKind.LEG_ENDED,
                47.001,
                FactSource.ATLAS,
                generation=1,
                seq=4,
                data=report(47.001, reason="hung-up", by="us").to_data(),
            ),
            used(48),
        ),
        answered="42.001",
        lines=(
            # A second that has begun counts. 43 × 0.0004
            ("telephony", "seconds", "43", "0.0004", "1", "0.017200"),
            # 42.001 × 0.0001 = 0.0042001, rounded
            ("agent", "atlas", "42.001", "0.0001", "1", "0.004200"),
        ),
        total="0.021400",
    ),
    KnownCall(
        name="a phone that is busy costs nothing",
        provider=Provider.BRIDGE,
        trunk="minutes",
        told=(
            ready(0.5),
            never_answers(7, reason="busy", sip_status=486),
            used(8, SPEECH[3]),  # its first words were made ready
        ),
        answered="0.000",
        lines=(),
        total="0.000000",
    ),
    KnownCall(
        name="an answer that crosses our cancel is a call to the carrier",
        provider=Provider.BRIDGE,
        trunk="minutes",
        told=(ready(0.5), hangs_up(6, 7.5, reason="no-answer", by="us")),
        answered="1.500",
        lines=(
            # The first minute. 60 × 0.01 / 60
            ("telephony", "minutes", "60", "0.01", "60", "0.010000"),
            # 1.5 × 0.0001
            ("agent", "atlas", "1.5", "0.0001", "1", "0.000150"),
        ),
        total="0.010150",
    ),
    KnownCall(
        name="a killed Atlas is paid until it was lost and its successor from then on",
        provider=Provider.WEB,
        told=(
            ready(0.5),
            joined(2),
            opens(2.1),
            fact(FactKind.AGENTS_GONE, 32, FactSource.WATCH, data={"roles": ["atlas"]}),
            lambda state: state.atlas.next_generation(),
            ready(33.5, generation=2),
            left(62),
            used(62.5, *SPEECH, generation=2),
        ),
        answered="60.000",
        lines=(
            # 32 - 2 and 62 - 33.5. 58.5 × 0.0001
            ("agent", "atlas", "58.5", "0.0001", "1", "0.005850"),
            *SPEECH_LINES,
        ),
        total="0.023040",  # 0.00585 + 0.01719
        partial_because=("atlas-1 was gone before it could say what it used.",),
    ),
    KnownCall(
        name="a model that nobody knows makes its line unknown and the rest stays",
        provider=Provider.WEB,
        told=(
            joined(2),
            left(12),
            used(13, ("llm", "groq", "llama-9", "1000", "input_tokens"), SPEECH[3]),
        ),
        answered="10.000",
        lines=(
            ("llm", "llama-9", "1000", None, "1", None),
            SPEECH_LINES[3],
        ),
        total="0.010600",
        partial_because=("The price table before has no price of input_tokens of groq llama-9.",),
    ),
    KnownCall(
        name="holds of two holders at once count once",
        provider=Provider.BRIDGE,
        trunk="minutes",
        told=(
            answers(5),
            operator_holds(10),
            held(15, 1),
            operator_resumes(20),
            resumed(25, 2),
            hangs_up(5, 64.999),
        ),
        answered="59.999",
        held="15.000",  # 25 - 10
        lines=(("telephony", "minutes", "60", "0.01", "60", "0.010000"),),
        total="0.010000",
    ),
    KnownCall(
        name="a call whose bridge died is paid to the phone's last sign of life in a hold",
        provider=Provider.BRIDGE,
        trunk="seconds",
        told=(
            answers(5),
            held(20, 1),
            fact(
                FactKind.PHONE_LOST,
                31.8,
                FactSource.MEDIA_BOT,
                generation=1,
                seq=3,
                data={"last_heard_at": (BEGIN + timedelta(seconds=30.25)).isoformat()},
            ),
            its_bridge_is_dead,
        ),
        answered="25.250",
        held="10.250",  # 30.25 - 20
        # 26 × 0.0004
        lines=(("telephony", "seconds", "26", "0.0004", "1", "0.010400"),),
        total="0.010400",
    ),
    KnownCall(
        name="a call that began before a new price is paid by the old one",
        provider=Provider.BRIDGE,
        trunk="minutes",
        began=29.9,
        told=(ready(31), answers(35), hangs_up(35, 95), used(96)),
        answered="60.000",
        lines=(
            # Exactly a minute is one.
            ("telephony", "minutes", "60", "0.01", "60", "0.010000"),
            ("agent", "atlas", "60", "0.0001", "1", "0.006000"),
        ),
        total="0.016000",
    ),
    KnownCall(
        name="a call of speech to speech that began with the new price",
        provider=Provider.BRIDGE,
        trunk="minutes",
        price_table="after",
        began=30,
        told=(
            ready(31),
            answers(35),
            hangs_up(35, 50),
            used(
                51,
                ("realtime", "openai", "gpt-realtime", "900", "input_audio_tokens"),
                ("realtime", "openai", "gpt-realtime", "5000", "cached_input_audio_tokens"),
                ("realtime", "openai", "gpt-realtime", "333", "output_audio_tokens"),
            ),
        ),
        answered="15.000",
        lines=(
            # 60 × 0.02 / 60
            ("telephony", "minutes", "60", "0.02", "60", "0.020000"),
            # 15 × 0.012 / 60
            ("agent", "atlas", "15", "0.0002", "1", "0.003000"),
            # 900 × 30 / 1,000,000; 5,000 × 0.3 / 1,000,000; 333 × 60 / 1,000,000
            ("realtime", "gpt-realtime", "900", "0.00003", "1", "0.027000"),
            ("realtime", "gpt-realtime", "5000", "0.0000003", "1", "0.001500"),
            ("realtime", "gpt-realtime", "333", "0.00006", "1", "0.019980"),
        ),
        total="0.071480",  # 0.02 + 0.003 + 0.027 + 0.0015 + 0.01998
    ),
)
