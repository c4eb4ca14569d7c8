"""What the stand-in may be told to do wrong, and the log of what it was asked.

`operation` left out means any but those that end with `_request`. What the kinds mean here:

- create, transfer, trunk: `status` refuses before anything is done; `slow` waits, then does it;
  `hang`, `cut` and `garbage` do it and spoil the answer only: somebody's telephone rings, and
  whoever asked for that does not know.
- create_request, transfer_request: the request is lost before anything is done. `hang` and `slow`
  delay it; nothing is done for a client that has gone meanwhile.
"""

from __future__ import annotations

from enum import StrEnum

from sandbox.twirp import FaultBoard


class Operation(StrEnum):
    CREATE = "create"
    CREATE_REQUEST = "create_request"
    TRANSFER = "transfer"
    TRANSFER_REQUEST = "transfer_request"
    TRUNK = "trunk"


def fault_board() -> FaultBoard:
    return FaultBoard(
        "sip", Operation, named=[Operation.CREATE_REQUEST, Operation.TRANSFER_REQUEST]
    )
