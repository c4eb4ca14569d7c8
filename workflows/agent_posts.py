"""Sees that both agents are in the room for as long as the call lasts."""

from __future__ import annotations

import asyncio
import contextlib

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.endings import CallEnding, EndedBy, EndedReason
from contract.identity import AgentRole
from contract.rooms import Gate
from workflows import options, steps
from workflows.call_state import CallState
from workflows.state.agents import AgentPost


class AgentPosts:
    """LiveKit drops a dispatch silently and replaces nobody that dies, so the workflow does.

    Each agent gets `AGENT_TRIES` tries to come and last a while, and as many again after it did.
    Without Atlas there is no call; without Media Bot there is one, and the timeline says so.
    """

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._tasks: list[asyncio.Task[None]] = []
        self._dispatching: dict[AgentRole, asyncio.Task[None]] = {}

    def start(self) -> None:
        """The first generation was dispatched with the room."""
        posts = self._state.agents.posts
        self._tasks = [asyncio.create_task(self._man(post)) for post in posts.values()]
        self._tasks.append(asyncio.create_task(self._remove_stale()))

    async def dismiss(self) -> None:
        """Nobody is sent in any more. What is still in the room goes with it.

        A dispatch under way is waited for: were the room closed before it, it would make the room
        anew.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._dispatching.values(), return_exceptions=True)

    async def tell_atlas_to_start(self) -> None:
        """For a phone call, also when the phone itself has told it. A web caller who is in the
        room has opened Atlas' gate already; and LiveKit SIP's phones do when they are `active`:
        they are answered, and the workflow knows it, while their order's keys are pressed still."""
        if steps.gate_of(self._state.request) in (Gate.CALLER_ACTIVE, Gate.SIP_ACTIVE):
            return
        post = self._state.atlas
        with contextlib.suppress(TimeoutError):
            # It may be in the room already and not yet be listening for this.
            await workflow.wait_condition(
                lambda: post.ready or post.lost,
                timeout=options.AGENT_NO_SHOW,
                timeout_summary="Atlas has this long to say that it is ready",
            )
        try:
            await steps.tell_atlas_to_start(self._state)
        except ActivityError as error:
            # Atlas may be dying; if so its post is manned again, and the next one is told.
            workflow.logger.warning("Atlas could not be told to start: %s", error.cause)

    async def say_goodbye(self) -> None:
        """When it is us who end the call. Atlas ends by itself when its human has left."""
        state, post = self._state, self._state.atlas
        if not state.people.present or state.phone.report or not post.ready or post.lost:
            return
        if state.agents.has_reported(post):
            return
        try:
            await steps.tell_atlas_to_end(self._state)
        except ActivityError as error:
            workflow.logger.info("Atlas had gone before goodbye: %s", error.cause)

    async def _man(self, post: AgentPost) -> None:
        tries = 1
        while True:
            await self._comes(post)
            since = workflow.now()
            if post.came:
                await self._take_up(post)
                await self._is_lost(post)
            if self._state.ending is not None:
                return  # it left because the call is over
            if post.ready and workflow.now() - since >= options.AGENT_LASTS:
                tries = 0  # who only joined, and failed, has used up a try
            if tries == options.AGENT_TRIES:
                self._give_up(post)
                return
            tries += 1
            await self._send_again(post)

    @staticmethod
    async def _comes(post: AgentPost) -> None:
        """Returns when it is there, or lost, or its time is over."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: post.came or post.lost,
                timeout=options.AGENT_NO_SHOW,
                timeout_summary=f"{post.role.display_name} has this long to come",
            )

    async def _is_lost(self, post: AgentPost) -> None:
        """Returns when it is. Who is only doubted is asked first."""
        while not post.lost:
            await workflow.wait_condition(lambda: post.lost or post.doubted)
            if post.doubted and not post.lost:
                answers = await steps.ping_agent(self._state, post)
                self._state.agents.answers(post, workflow.now(), does=answers)

    async def _take_up(self, post: AgentPost) -> None:
        """A successor comes into a call that is answered already; the story told only the first."""
        is_successor = post.role is AgentRole.ATLAS and post.generation > 1
        if is_successor and self._state.answered_at is not None:
            await self.tell_atlas_to_start()

    async def _send_again(self, post: AgentPost) -> None:
        post.next_generation()
        self._state.journal.note(
            workflow.now(),
            "platform",
            "agent_dispatched",
            f"{post.role.display_name} is sent in again.",
            {"generation": post.generation},
        )
        sending = asyncio.create_task(steps.dispatch_agent(self._state, post.role))
        self._dispatching[post.role] = sending
        try:
            await asyncio.shield(sending)
        except ActivityError as error:
            workflow.logger.warning("%s could not be dispatched: %s", post.role, error.cause)

    def _give_up(self, post: AgentPost) -> None:
        name = post.role.display_name
        why = f": {post.failure}" if post.failure else ""
        text = f"{name} did not come after {options.AGENT_TRIES} tries{why}."
        self._state.journal.note(workflow.now(), "platform", "agent_given_up", text)
        if post.role is AgentRole.ATLAS:
            self._state.end(
                CallEnding(EndedReason.ASSISTANT_FAILED, EndedBy.PLATFORM, text), workflow.now()
            )

    async def _remove_stale(self) -> None:
        """A frozen agent that wakes up rejoins and talks on: two voices, unless it is removed."""
        state = self._state
        while True:
            await workflow.wait_condition(lambda: bool(state.agents.stale))
            identity = state.agents.stale.pop()
            try:
                await steps.remove_participant(state, identity)
            except ActivityError as error:
                workflow.logger.warning("%s could not be removed: %s", identity, error.cause)
