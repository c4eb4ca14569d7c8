"""Where egresses are started, stopped and looked up: the three calls of the API, without HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
from livekit import api
from livekit.protocol.egress import (
    AudioMixing,
    EgressInfo,
    EgressStatus,
    EncodedFileOutput,
    EncodedFileType,
    ListEgressRequest,
    RoomCompositeEgressRequest,
)
from livekit.protocol.room import ListRoomsRequest

from sandbox.recorder import info as state
from sandbox.recorder.egress import Egress, Place
from sandbox.recorder.naming import fill_path
from sandbox.twirp import TwirpError, new_id

# Asking a recording's process that is gone takes the bus this long to give up.
_NOBODY_ANSWERS = 3.0
_REMEMBERED = 1000


class Desk:
    def __init__(self, place: Place, livekit: api.LiveKitAPI) -> None:
        self._place = place
        self._livekit = livekit
        self._egresses: dict[str, Egress] = {}
        self._past: dict[str, EgressInfo] = {}  # of an egress that is over, this is all we keep

    async def start(self, request: RoomCompositeEgressRequest) -> EgressInfo:
        output = _file_output(request)
        room_id = await self._room_id(request.room_name)
        info = state.new_info(
            egress_id=new_id("EG"),
            room_id=room_id,
            request=request,
            filename=fill_path(
                output.filepath,
                room_name=request.room_name,
                room_id=room_id,
                at=datetime.now(UTC),
            ),
        )
        egress = self._egresses[info.egress_id] = Egress(self._place, output)
        self._put_away()
        return await egress.start(info)

    async def stop(self, egress_id: str) -> EgressInfo:
        egress = self._egresses.get(egress_id)
        if egress is not None and not state.is_ended(egress.info):
            return egress.stop(state.STOPPED_BY_API)
        await asyncio.sleep(_NOBODY_ANSWERS)
        name = EgressStatus.Name(self._info(egress_id).status)
        raise TwirpError("failed_precondition", f"egress with status {name} cannot be stopped")

    def list(self, request: ListEgressRequest) -> list[EgressInfo]:
        if request.egress_id:
            return [self._info(request.egress_id)]
        running = [egress.info for egress in self._egresses.values()]
        found = [*self._past.values(), *running]
        if request.room_name:
            found = [info for info in found if info.room_name == request.room_name]
        if request.active:
            found = [info for info in found if not state.is_ended(info)]
        return found

    async def aclose(self, patience: float) -> None:
        """Ends what runs, with its upload; what takes longer than `patience` fails as killed."""
        running = [egress for egress in self._egresses.values() if not state.is_ended(egress.info)]
        for egress in running:
            egress.stop(state.PROCESS_KILLED)
        ends = [asyncio.create_task(egress.ended()) for egress in self._egresses.values()]
        if ends:
            await asyncio.wait(ends, timeout=patience)
        await asyncio.gather(*(egress.kill() for egress in running))
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)

    async def _room_id(self, room_name: str) -> str:
        try:
            answer = await self._livekit.room.list_rooms(ListRoomsRequest(names=[room_name]))
        except (api.ServerError, aiohttp.ClientError, TimeoutError):
            raise TwirpError(
                "unavailable", "twirp error unknown: no response from servers"
            ) from None
        if not answer.rooms:
            raise TwirpError("not_found", "twirp error unknown: requested room does not exist")
        return answer.rooms[0].sid

    def _info(self, egress_id: str) -> EgressInfo:
        if egress_id in self._egresses:
            return self._egresses[egress_id].info
        if egress_id in self._past:
            return self._past[egress_id]
        raise TwirpError("not_found", "twirp error unknown: egress does not exist")

    def _put_away(self) -> None:
        for egress_id in [key for key, egress in self._egresses.items() if egress.is_over]:
            self._past[egress_id] = self._egresses.pop(egress_id).info
        while len(self._past) > _REMEMBERED:
            del self._past[next(iter(self._past))]


def _file_output(request: RoomCompositeEgressRequest) -> EncodedFileOutput:
    """The one output this stand-in makes; whatever else is asked for is refused, not ignored."""
    outputs = list(request.file_outputs) or ([request.file] if request.HasField("file") else [])
    if not request.room_name:
        raise _invalid("room_name")
    if not request.audio_only or request.audio_mixing != AudioMixing.DEFAULT_MIXING:
        raise _invalid("audio_only (the stand-in records mixed audio only)")
    if len(outputs) != 1 or request.stream_outputs or request.segment_outputs:
        raise _invalid("output (the stand-in writes exactly one file)")
    output = outputs[0]
    if output.file_type not in (EncodedFileType.DEFAULT_FILETYPE, EncodedFileType.OGG):
        raise _invalid("file_type (the stand-in writes OGG)")
    if not output.HasField("s3") or not output.s3.bucket:
        raise _invalid("output.s3")
    return output


def _invalid(field: str) -> TwirpError:
    return TwirpError("invalid_argument", f"request has missing or invalid field: {field}")
