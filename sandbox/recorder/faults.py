"""What the recorder may be told to do wrong, operation by operation, and the log of what it did.

`operation` left out means any but `record`. What the kinds mean here:

- start, stop, list: `status` refuses before anything is done; `slow` waits, then does it; `hang`,
  `cut` and `garbage` do it and spoil the answer only, so that its outcome is unknown to the caller.
- upload: `status` is S3's answer, `cut` a broken connection, `hang` lasts until the faults are
  cleared, `garbage` stores the first half of the bytes, of which Egress knows nothing.
- webhook: `status` is the receiver's answer, `cut` loses the event for good, `hang` keeps it until
  the faults are cleared, `garbage` sends a body that the signature is not for.
- record: `cut` kills the running recordings' process. The other kinds mean the same.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sandbox.providers.faults import Fault, Vendor


class Operation(StrEnum):
    START = "start"
    STOP = "stop"
    LIST = "list"
    UPLOAD = "upload"
    WEBHOOK = "webhook"
    RECORD = "record"


class FaultBoard:
    """The faults in force; `take` uses one once."""

    def __init__(self) -> None:
        self._vendor = Vendor("recorder", tuple(operation.value for operation in Operation))

    def add(self, fault: Fault) -> None:
        """Raises ValueError for an operation that the recorder does not have."""
        if fault.operation not in (None, *self._vendor.operations):
            raise ValueError(f"No such operation; there are {', '.join(self._vendor.operations)}.")
        self._vendor.arm(fault)

    def clear(self) -> None:
        self._vendor.clear()

    async def cleared(self) -> None:
        await self._vendor.cleared.wait()

    def take(self, operation: Operation) -> Fault | None:
        return self._vendor.take(operation.value)

    def kills_recordings(self) -> bool:
        named = any(fault.operation == Operation.RECORD for fault in self._vendor.faults)
        return named and self.take(Operation.RECORD) is not None

    def note(self, operation: Operation, fault: Fault | None, **fields: Any) -> None:
        if fault is not None:
            fields["fault"] = fault.kind
        self._vendor.asked(operation.value, **fields)

    def log(self) -> list[dict[str, Any]]:
        return list(self._vendor.log)
