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

from sandbox.twirp import FaultBoard


class Operation(StrEnum):
    START = "start"
    STOP = "stop"
    LIST = "list"
    UPLOAD = "upload"
    WEBHOOK = "webhook"
    RECORD = "record"


def fault_board() -> FaultBoard:
    return FaultBoard("recorder", Operation, named=[Operation.RECORD])
