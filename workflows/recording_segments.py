"""What Egress said of each recording that it began for a call: its segments."""

from __future__ import annotations

from dataclasses import replace

from contract.recordings import EgressSeen, EgressStatus

_NEVER_BEGAN = (EgressStatus.STARTING, EgressStatus.ABORTED)


class Segments:
    def __init__(self) -> None:
        self._seen: dict[str, EgressSeen] = {}
        self._given_up: list[str] = []
        self._current = ""
        self._sought: set[str] = set()

    @property
    def current(self) -> EgressSeen | None:
        """The latest one, as long as the story follows it."""
        return self._seen.get(self._current)

    @property
    def given_up(self) -> tuple[str, ...]:
        return tuple(self._given_up)

    @property
    def expected(self) -> tuple[EgressSeen, ...]:
        """Those that there should be a file of."""
        return tuple(
            one
            for one in self._seen.values()
            if one.status not in _NEVER_BEGAN
            or (one.status is EgressStatus.STARTING and one.egress_id in self._sought)
        )

    @property
    def followed(self) -> tuple[EgressSeen, ...]:
        """Without what another one was begun for."""
        return tuple(one for one in self.expected if one.egress_id not in self._given_up)

    @property
    def unfinished(self) -> tuple[EgressSeen, ...]:
        return tuple(one for one in self.expected if not one.status.is_final)

    def follow(self, egress: EgressSeen | None) -> None:
        """None: of the next one nothing is known yet."""
        self._current = egress.egress_id if egress is not None else ""
        if egress is not None:
            self._seen[egress.egress_id] = egress

    def seek(self, egress: EgressSeen) -> None:
        """It is not known to anybody else, so its end is to be brought about, too."""
        self._sought.add(egress.egress_id)

    def give_up(self, egress: EgressSeen) -> None:
        self._given_up.append(egress.egress_id)

    def take(self, seen: EgressSeen) -> None:
        """Webhooks come late and twice: what has ended stays ended. Who has forgotten an egress
        still does not make us forget which file it wrote."""
        known = self._seen.get(seen.egress_id)
        if known is None or known.status.is_final:
            return
        if seen.status is EgressStatus.UNKNOWN:
            seen = replace(known, status=EgressStatus.UNKNOWN)
        self._seen[seen.egress_id] = replace(seen, object_key=seen.object_key or known.object_key)
