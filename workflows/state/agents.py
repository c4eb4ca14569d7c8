"""The agents of a call: who is there, in which generation, and what they used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from contract.facts import Fact, FactKind, ParticipantSeen, UsageItem
from contract.identity import AgentRole, agent_identity, parse_agent_identity
from contract.steps import AgentStay
from workflows.state.core import CallCore

# Who does not hear an agent's heartbeat may itself be late, and a successor needs time to be heard.
_NOT_TWICE_WITHIN = timedelta(seconds=10)


@dataclass(slots=True)
class AgentPost:
    """One agent's place in the call, whoever fills it."""

    role: AgentRole
    generation: int = 1
    came: bool = False  # it is in the room, whoever told
    ready: bool = False  # it said itself that it can be spoken to
    lost: bool = False
    left_at_end: bool = False  # as all do when the room is closed
    failure: str = ""
    doubted: bool = False  # somebody hears its heartbeat no more; nobody has looked yet
    doubted_at: datetime | None = None  # the last time that was so

    def next_generation(self) -> None:
        self.is_followed_by(self.generation + 1)

    def is_followed_by(self, generation: int) -> None:
        self.generation = generation
        self.came = self.ready = self.lost = self.left_at_end = self.doubted = False
        self.failure = ""


class Agents:
    def __init__(self, core: CallCore) -> None:
        self._core = core
        self.posts = {role: AgentPost(role) for role in AgentRole}
        self.stale: list[str] = []  # identities that must leave the room
        self.opening_started = False
        self.ready_generations: set[int] = set()  # of Atlas
        self.transcribers: set[int] = set()  # generations of Media Bot that were told to
        self._usage: dict[tuple[AgentRole, int], tuple[UsageItem, ...]] = {}
        self._came_at: dict[tuple[AgentRole, int], datetime] = {}
        self._left_at: dict[tuple[AgentRole, int], datetime] = {}

    @property
    def atlas(self) -> AgentPost:
        return self.posts[AgentRole.ATLAS]

    @property
    def usage_items(self) -> tuple[UsageItem, ...]:
        return tuple(item for teller in sorted(self._usage) for item in self._usage[teller])

    @property
    def stays(self) -> tuple[AgentStay, ...]:
        """Who was here, and from when to when; a successor's coming ends a stay, too."""
        return tuple(
            AgentStay(
                role=role,
                generation=generation,
                since=since,
                until=self._left_at.get((role, generation))
                or self._came_at.get((role, generation + 1)),
            )
            for (role, generation), since in sorted(self._came_at.items())
        )

    @property
    def usage_missing(self) -> tuple[str, ...]:
        """Also of an agent that was killed in mid-call, whose report nobody will ever have."""
        spoke = self.ready_generations if self.opening_started else set()
        users = {(AgentRole.ATLAS, generation) for generation in spoke}
        users |= {(AgentRole.MEDIA_BOT, generation) for generation in self.transcribers}
        return tuple(agent_identity(*user) for user in sorted(users - self._usage.keys()))

    @property
    def usage_complete(self) -> bool:
        return not self.usage_missing

    @property
    def owes_usage(self) -> bool:
        """Whether somebody who is here, or was last, has used something and not yet said what."""
        users = [self.atlas] if self.opening_started else []
        media_bot = self.posts[AgentRole.MEDIA_BOT]
        # Closing the room makes it leave before it can say what it used.
        if media_bot.generation in self.transcribers and (
            not media_bot.lost or media_bot.left_at_end
        ):
            users.append(media_bot)
        return not all(self.has_reported(post) for post in users)

    def has_reported(self, post: AgentPost) -> bool:
        return (post.role, post.generation) in self._usage

    def is_ready(self, fact: Fact) -> None:
        """It said so itself. Raises ValueError when the teller is no agent."""
        self.has_come(fact, _teller(fact), fact.generation)

    def follow(self, fact: Fact) -> None:
        """Whoever has nothing but a call's facts learns of a successor when it comes; the call's
        own workflow sent it in, and knows before."""
        comes = _who_comes(fact)
        if comes is not None:
            role, generation = comes
            if generation > self.posts[role].generation:
                self.posts[role].is_followed_by(generation)

    def has_come(self, fact: Fact, role: AgentRole, generation: int) -> None:
        post = self.posts[role]
        if generation < post.generation:
            self.stale.append(f"{role.value}-{generation}")
            return
        if generation > post.generation or post.lost:
            return
        if fact.kind is FactKind.AGENT_READY:
            post.ready = True
            if role is AgentRole.ATLAS:
                self.ready_generations.add(generation)
        if post.came:
            return
        post.came = True
        self._came_at.setdefault((role, generation), fact.at)
        # LiveKit makes the room anew for an agent that was on its way while we closed it.
        self._core.room_reopened |= self._core.room_closed
        # Its first words, or the call's end, will be written soon.
        text = f"{role.display_name} is here."
        self._core.note(fact, "platform", text, can_wait=True, generation=generation)

    def has_left(self, fact: Fact, role: AgentRole, generation: int) -> None:
        post = self.posts[role]
        if generation != post.generation or post.lost:
            return
        self._is_lost(post, fact.at)
        post.left_at_end = self._core.ending is not None
        if not post.left_at_end:
            text = f"{role.display_name} is gone."
            self._core.note(fact, "platform", text, generation=generation)

    def has_failed(self, fact: Fact) -> None:
        post = self.posts[_teller(fact)]
        if fact.generation != post.generation:
            return
        self._is_lost(post, fact.at)
        post.failure = str(fact.data.get("error", ""))[:300]
        text = f"{post.role.display_name} failed: {post.failure}"
        self._core.note(fact, "platform", text, generation=fact.generation)

    def are_gone(self, fact: Fact) -> None:
        """The watch sees the human alone; whoever was here has left without a word."""
        for role, post in self.posts.items():
            if role.value in fact.data.get("roles", ()) and post.came and not post.lost:
                self._lose(fact, post, f"{role.display_name} is gone.")

    def is_unheard(self, fact: Fact) -> None:
        """Another agent hears no heartbeat of it any more. On a busy machine that may be wrong, and
        to replace one that lives costs the caller more: the workflow asks it (AgentPosts)."""
        post = self.posts[AgentRole(str(fact.data.get("role")))]
        if int(fact.data.get("generation", 0)) != post.generation or not post.came or post.lost:
            return
        if post.doubted_at and abs(fact.at - post.doubted_at) < _NOT_TWICE_WITHIN:
            return
        post.doubted, post.doubted_at = True, fact.at

    def answers(self, post: AgentPost, at: datetime, *, does: bool) -> None:
        """What came of asking an agent that was doubted."""
        post.doubted = False
        if not does and not post.lost:
            self._is_lost(post, post.doubted_at or at)
            text = f"{post.role.display_name} is not heard of any more."
            data = {"generation": post.generation}
            self._core.journal.note(at, "platform", "agent_lost", text, data)

    def opens(self, fact: Fact) -> None:
        self.opening_started = True
        self._core.note(fact, "assistant", "Atlas opens the conversation.")

    def report_usage(self, fact: Fact) -> None:
        items = fact.data.get("items")
        if not isinstance(items, list):
            raise ValueError("A usage report without items.")
        self._usage[_teller(fact), fact.generation] = tuple(
            UsageItem(**{key: str(item.get(key, "")) for key in UsageItem.__dataclass_fields__})
            for item in items
            if isinstance(item, dict)
        )

    def _is_lost(self, post: AgentPost, at: datetime) -> None:
        post.lost = True
        self._left_at.setdefault((post.role, post.generation), at)

    def _lose(self, fact: Fact, post: AgentPost, text: str) -> None:
        self._is_lost(post, fact.at)
        self._core.note(fact, "platform", text, generation=post.generation)


def _who_comes(fact: Fact) -> tuple[AgentRole, int] | None:
    match fact.kind:
        case FactKind.AGENT_READY:
            return _teller(fact), fact.generation
        case FactKind.PARTICIPANT_JOINED:
            return parse_agent_identity(ParticipantSeen.from_data(fact.data).identity)
    return None


def _teller(fact: Fact) -> AgentRole:
    return AgentRole(fact.source.value)
