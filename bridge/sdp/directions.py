"""Who sends and who hears: RFC 3264 section 6.1 and section 8.4 (hold)."""

from __future__ import annotations

from typing import Literal, get_args

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

_OTHER_SIDE: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


def sends(direction: Direction) -> bool:
    return direction in ("sendrecv", "sendonly")


def receives(direction: Direction) -> bool:
    return direction in ("sendrecv", "recvonly")


def direction_of(*, sending: bool, receiving: bool) -> Direction:
    if sending:
        return "sendrecv" if receiving else "sendonly"
    return "recvonly" if receiving else "inactive"


def seen_from_here(theirs: Direction) -> Direction:
    """The same stream, told by its other side."""
    return _OTHER_SIDE[theirs]


def both_want(one: Direction, other: Direction) -> Direction:
    """What is left when two wishes of the same side meet."""
    return direction_of(
        sending=sends(one) and sends(other), receiving=receives(one) and receives(other)
    )
