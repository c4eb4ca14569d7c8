"""Whatever the network does, and whatever both sides do at once: the two never disagree for long
about whether there is a call, and every call has exactly one end."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bridge.sip import (
    Answered,
    Call,
    Ended,
    Event,
    IncomingCall,
    OfferReceived,
    ReferReceived,
)
from tests.bridge.sip.network import ANSWER, LATENCY, OFFER, Network, Side

pytestmark = pytest.mark.slow  # hundreds of random calls

PATIENCE = 300.0
"""Seconds after which every transaction, lost connection and refusal has come to its end."""


class TwoSides(RuleBasedStateMachine):
    """Alice calls Bob once. The network loses, repeats and overtakes; connections are cut."""

    @initialize(
        transport=st.sampled_from(["udp", "tcp"]),
        seed=st.integers(0, 2**32),
        loss=st.sampled_from([0.0, 0.2, 0.5]),
        delayed_offer=st.booleans(),
        patience=st.sampled_from([None, None, None, 3.0]),
        beginning=st.sampled_from(["dialled", "ringing", "answered", "answered"]),
    )
    def dial(
        self,
        transport: str,
        seed: int,
        loss: float,
        delayed_offer: bool,
        patience: float | None,
        beginning: str,
    ) -> None:
        self.network = Network(transport, seed=seed)  # type: ignore[arg-type]
        self.random = random.Random(seed)
        self.loss = loss if transport == "udp" else 0.0
        self.network.carriage = self.carry
        for side in self.network.sides:
            side.on_event = self.answer_offers
        offer = None if delayed_offer else OFFER
        self.ours = self.network.dial(offer, ringing_timeout=patience)
        if beginning != "dialled":
            self.network.run(0.5)
            self.bob_rings(180, False)
            self.network.run(0.1)
        if beginning == "answered":
            self.bob_accepts()
            self.network.run(0.5)

    def carry(self, sender: Side, data: bytes) -> Sequence[float]:
        """On a connection everything arrives in order; a datagram may not, or twice, or late."""
        if self.network.transport != "udp":
            return (LATENCY,)
        copies = 1 + (self.random.random() < self.loss)
        return [
            LATENCY + self.random.random() * self.loss * 4
            for _ in range(copies)
            if self.random.random() >= self.loss
        ]

    def answer_offers(self, event: Event, now: float) -> None:
        match event:
            case OfferReceived(call, sdp):
                call.answer(OFFER if sdp is None else ANSWER, now)
            case Answered(call, _, True):
                call.answer(ANSWER, now)
            case ReferReceived(call):
                call.accept_refer(now)
                call.notify_refer(200, now)

    @property
    def theirs(self) -> Call | None:
        rung = self.network.bob.events(IncomingCall)
        return rung[0].call if rung else None

    def some(self, side: str) -> Call | None:
        return self.ours if side == "alice" else self.theirs

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.3, 1.0, 5.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.network.run(seconds)

    @rule(status=st.sampled_from([180, 183]), sdp=st.booleans())
    def bob_rings(self, status: int, sdp: bool) -> None:
        if self.theirs:
            self.theirs.ring(self.network.now, status, ANSWER if sdp else None)

    @rule()
    def bob_accepts(self) -> None:
        if self.theirs:
            self.theirs.accept(ANSWER, self.network.now)

    @rule()
    def bob_rejects(self) -> None:
        if self.theirs:
            self.theirs.reject(486, self.network.now)

    @rule(side=st.sampled_from(["alice", "bob"]))
    def somebody_hangs_up(self, side: str) -> None:
        if call := self.some(side):
            call.hang_up(self.network.now)

    @rule(side=st.sampled_from(["alice", "bob"]), with_sdp=st.booleans())
    def somebody_holds(self, side: str, with_sdp: bool) -> None:
        call = self.some(side)
        if call is not None and call.state == "answered":
            call.offer(OFFER if with_sdp else None, self.network.now)

    @rule(side=st.sampled_from(["alice", "bob"]))
    def somebody_dials_a_digit_and_transfers(self, side: str) -> None:
        call = self.some(side)
        if call is not None and call.state == "answered":
            call.dtmf("5", 100, self.network.now)
            if not call.referral.under_way:
                call.refer("sip:carol@example.net", self.network.now)

    @rule()
    def connections_are_cut(self) -> None:
        self.network.cut()

    @invariant()
    def nobody_has_two_calls_or_two_ends(self) -> None:
        if not hasattr(self, "network"):
            return
        for side in self.network.sides:
            assert len(side.ends()) <= 1
            assert len(side.events(IncomingCall)) <= 1
            assert len(side.events(Answered)) <= 1
            assert not side.ends() or isinstance(side.seen[-1], Ended)

    def teardown(self) -> None:
        """At last the network behaves: both agree, and nothing is left behind."""
        if not hasattr(self, "network"):
            return
        network = self.network
        network.carriage = lambda sender, data: (LATENCY,)
        network.run(PATIENCE)
        for side in network.sides:
            for call in side.ua.calls:
                assert call.state in ("answered", "ringing"), call
        if self.ours.state == "answered":
            assert self.theirs is not None
            assert self.theirs.state == "answered"
        if self.ours.state == "ended" and self.theirs is not None:
            assert self.theirs.state == "ended"
        if self.theirs is not None and self.theirs.state == "ended":
            assert self.ours.state == "ended"
        if self.theirs is None:
            assert self.ours.state == "ended"
        self.ours.hang_up(network.now)
        network.run(PATIENCE)
        for side in network.sides:
            assert side.ua.calls == ()
            assert side.ua.deadline is None, "a timer is left behind"
            assert side.ua.unanswered == 0
        assert len(network.alice.ends()) == 1
        assert len(network.bob.ends()) == len(network.bob.events(IncomingCall))


TwoSides.TestCase.settings = settings(
    max_examples=600,
    stateful_step_count=8,  # what comes later hides what went wrong before
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
test_any_order = TwoSides.TestCase
