"""The recorder's HTTP side: the methods of Egress that it has."""

from __future__ import annotations

from google.protobuf.message import Message
from livekit import api
from livekit.protocol.egress import (
    ListEgressRequest,
    ListEgressResponse,
    RoomCompositeEgressRequest,
    StopEgressRequest,
)

from sandbox.recorder.desk import Desk
from sandbox.recorder.faults import Operation
from sandbox.recorder.info import copy_of
from sandbox.twirp import FaultBoard, Method, TwirpService, video

_may_record = video(lambda grants: grants.room_record)


def egress_service(desk: Desk, faults: FaultBoard, verifier: api.TokenVerifier) -> TwirpService:
    async def start(asked: RoomCompositeEgressRequest) -> Message:
        return await desk.start(asked)

    async def stop(asked: StopEgressRequest) -> Message:
        return await desk.stop(asked.egress_id)

    async def find(asked: ListEgressRequest) -> Message:
        return ListEgressResponse(items=[copy_of(info) for info in desk.list(asked)])

    methods = (
        Method(
            "StartRoomCompositeEgress",
            RoomCompositeEgressRequest,
            Operation.START,
            _may_record,
            start,
        ),
        Method("StopEgress", StopEgressRequest, Operation.STOP, _may_record, stop),
        Method("ListEgress", ListEgressRequest, Operation.LIST, _may_record, find),
    )
    return TwirpService("livekit.Egress", methods, faults, verifier)
