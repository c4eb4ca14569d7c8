"""The faults of a stand-in that are in force, and the log of what it did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.providers.faults import Fault, Vendor


class FaultBoard:
    """`take` uses a fault once. `named`: operations that a fault without operation leaves alone."""

    def __init__(self, name: str, operations: Iterable[str], *, named: Iterable[str] = ()) -> None:
        self._vendor = Vendor(name, tuple(operations))
        self._named = frozenset(named)

    def add(self, fault: Fault) -> None:
        """Raises ValueError for an operation that the stand-in does not have."""
        if fault.operation not in (None, *self._vendor.operations):
            raise ValueError(f"No such operation; there are {', '.join(self._vendor.operations)}.")
        self._vendor.arm(fault)

    def clear(self) -> None:
        self._vendor.clear()

    async def cleared(self) -> None:
        await self._vendor.cleared.wait()

    def take(self, operation: str) -> Fault | None:
        return self._vendor.take(operation, named=operation in self._named)

    def note(self, operation: str, fault: Fault | None, **fields: Any) -> None:
        if fault is not None:
            fields["fault"] = fault.kind
        self._vendor.asked(operation, **fields)

    def log(self) -> list[dict[str, Any]]:
        return list(self._vendor.log)
