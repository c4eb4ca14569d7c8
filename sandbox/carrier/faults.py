"""What the carrier may be told to do wrong. Two operations:

- invite, the next call that comes in: `slow` rings only after `value` seconds, `status` refuses
  with it, `hang` says only 100 until the faults are cleared, `cut` rings, and breaks the
  connection that it came by, `garbage` answers with a body that is no SDP.
- call, the calls that last, at once: `cut` breaks their connections, `hang` stops their audio until
  the faults are cleared.

After a `cut` the carrier goes on with the call by a connection of its own, as RFC 3261 18.2.2 has
it; over UDP there is nothing to be broken. A carrier that is gone for good is one that was killed.
"""

from __future__ import annotations

from enum import StrEnum

from sandbox.providers.faults import Fault, Vendor


class Operation(StrEnum):
    INVITE = "invite"
    CALL = "call"


_IN_CALLS = ("cut", "hang")


def vendor() -> Vendor:
    return Vendor("carrier", tuple(operation.value for operation in Operation))


def check(fault: Fault) -> None:
    """Raises ValueError with a sentence for what the carrier cannot do."""
    known = [operation.value for operation in Operation]
    if fault.operation not in known:
        raise ValueError(f"operation: one of {', '.join(known)}.")
    if fault.operation == Operation.CALL and fault.kind not in _IN_CALLS:
        raise ValueError(f"kind: in a call there is only {' and '.join(_IN_CALLS)}.")
