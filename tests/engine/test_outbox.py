from __future__ import annotations

import asyncio
from collections.abc import Sequence

from contract.facts import Fact, FactKind, FactSource
from engine.outbox import FactOutbox
from tests.agents import virtual_clock


class Workflow:
    """Takes facts, except while it is away."""

    def __init__(self) -> None:
        self.away = False
        self.attempts = 0
        self.took: list[Fact] = []

    async def deliver(self, facts: Sequence[Fact]) -> None:
        self.attempts += 1
        if self.away:
            raise ConnectionError("Temporal is away.")
        self.took += facts


def outbox_to(workflow: Workflow, **options: int) -> FactOutbox:
    return FactOutbox(
        workflow.deliver, source=FactSource.ATLAS, generation=2, first_backoff=0.1, **options
    )


def test_facts_keep_their_order_and_are_numbered_from_one() -> None:
    async def story() -> None:
        workflow = Workflow()
        outbox = outbox_to(workflow)
        outbox.start()
        for kind in (FactKind.AGENT_READY, FactKind.OPENING_STARTED, FactKind.ASSISTANT_ENDED):
            outbox.post(kind)
        await outbox.aclose()
        assert [(fact.seq, fact.generation) for fact in workflow.took] == [(1, 2), (2, 2), (3, 2)]
        assert len({fact.id for fact in workflow.took}) == 3

    virtual_clock.run(story())


def test_a_fact_is_kept_until_it_is_acknowledged() -> None:
    async def story() -> None:
        workflow = Workflow()
        workflow.away = True
        outbox = outbox_to(workflow)
        outbox.start()
        fact = outbox.post(FactKind.OPENING_STARTED)
        acknowledged = asyncio.create_task(outbox.acknowledged(fact))
        await asyncio.sleep(60)
        assert not acknowledged.done()
        assert 20 < workflow.attempts < 60  # backed off to 2 s, not hammering
        workflow.away = False
        await acknowledged
        assert workflow.took == [fact]
        await outbox.aclose()

    virtual_clock.run(story())


def test_acknowledged_returns_for_a_fact_long_gone() -> None:
    async def story() -> None:
        outbox = outbox_to(Workflow())
        outbox.start()
        fact = outbox.post(FactKind.AGENT_READY)
        await outbox.aclose()
        await outbox.acknowledged(fact)

    virtual_clock.run(story())


def test_a_flood_drops_the_oldest_comings_and_goings_and_never_a_milestone() -> None:
    async def story() -> None:
        workflow = Workflow()
        workflow.away = True
        outbox = outbox_to(workflow, limit=10)
        outbox.start()
        outbox.post(FactKind.AGENT_READY)
        for _ in range(30):
            outbox.post(FactKind.PARTICIPANT_JOINED)
        outbox.post(FactKind.USAGE_REPORTED)
        assert outbox.waiting == 10
        workflow.away = False
        await outbox.aclose()
        kinds = [fact.kind for fact in workflow.took]
        assert kinds[0] == FactKind.AGENT_READY
        assert kinds[-1] == FactKind.USAGE_REPORTED
        assert [fact.seq for fact in workflow.took[1:-1]] == list(range(24, 32))

    virtual_clock.run(story())


def test_milestones_alone_may_outgrow_the_limit() -> None:
    async def story() -> None:
        workflow = Workflow()
        outbox = outbox_to(workflow, limit=3)
        for _ in range(6):
            outbox.post(FactKind.OPENING_STARTED)
        outbox.start()
        await outbox.aclose()
        assert len(workflow.took) == 6

    virtual_clock.run(story())


def test_closing_gives_up_at_its_deadline() -> None:
    async def story() -> None:
        workflow = Workflow()
        workflow.away = True
        outbox = outbox_to(workflow)
        outbox.start()
        outbox.post(FactKind.USAGE_REPORTED)
        await outbox.aclose(deadline=3.0)
        assert virtual_clock.now() == 3.0

    virtual_clock.run(story())
