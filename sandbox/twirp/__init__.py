"""What stand-ins for LiveKit's services share: Twirp, its errors, and faults on demand."""

from sandbox.twirp.faults import FaultBoard
from sandbox.twirp.ids import new_id
from sandbox.twirp.service import Method, TwirpService
from sandbox.twirp.wire import (
    PROTOBUF,
    Allowed,
    TwirpError,
    check_grant,
    content_type_of,
    read_message,
    respond,
    video,
)

__all__ = [
    "PROTOBUF",
    "Allowed",
    "FaultBoard",
    "Method",
    "TwirpError",
    "TwirpService",
    "check_grant",
    "content_type_of",
    "new_id",
    "read_message",
    "respond",
    "video",
]
