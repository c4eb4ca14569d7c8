"""Where to look next, in every answer about a call."""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel, Field

from api.settings import ApiSettings
from contract.identity import recording_workflow_id


class CallLinks(BaseModel):
    self: str = Field(examples=["http://127.0.0.1:8080/calls/call_01"])
    timeline: str
    transcript: str
    events: str = Field(description="Server-sent events: the timeline as it grows.")
    recording: str
    temporal: str | None = Field(description="The call's workflow in the Temporal UI.")
    room: str = Field(description="The LiveKit server, and the room's name as fragment.")


class RecordingLinks(BaseModel):
    self: str = Field(description="With a link that plays it, once it is ready.")
    call: str
    timeline: str = Field(description="Every attempt and retry, with its reason.")
    temporal: str | None = Field(description="The recording's workflow in the Temporal UI.")


def call_links(settings: ApiSettings, call_id: str, room_name: str) -> CallLinks:
    call = f"{settings.public_api_url}/calls/{call_id}"
    return CallLinks(
        self=call,
        timeline=f"{call}/timeline",
        transcript=f"{call}/transcript",
        events=f"{call}/events",
        recording=f"{call}/recording",
        temporal=_workflow(settings, call_id),
        room=f"{settings.livekit_public_url}#{quote(room_name, safe='')}",
    )


def recording_links(settings: ApiSettings, call_id: str) -> RecordingLinks:
    call = f"{settings.public_api_url}/calls/{call_id}"
    return RecordingLinks(
        self=f"{call}/recording",
        call=call,
        timeline=f"{call}/timeline",
        temporal=_workflow(settings, recording_workflow_id(call_id)),
    )


def _workflow(settings: ApiSettings, workflow_id: str) -> str | None:
    namespace = quote(settings.temporal_namespace, safe="")
    ui = settings.temporal_ui_url
    return f"{ui}/namespaces/{namespace}/workflows/{workflow_id}" if ui else None
