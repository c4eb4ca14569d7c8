"""Arithmetic of numbers that wrap: sequence numbers (16 bit) and timestamps (32 bit)."""

from __future__ import annotations


def sequence_step(new: int, old: int) -> int:
    """From `old` to `new` the short way round: -32768 to 32767."""
    return (new - old + 0x8000 & 0xFFFF) - 0x8000


def timestamp_step(new: int, old: int) -> int:
    return (new - old + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
