"""The gateway's HTTP side: the methods of LiveKit's SIP API that it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from livekit import api
from livekit.api.access_token import Claims
from livekit.protocol.sip import (
    CreateSIPOutboundTrunkRequest,
    CreateSIPParticipantRequest,
    DeleteSIPTrunkRequest,
    ListSIPOutboundTrunkRequest,
    TransferSIPParticipantRequest,
)

from bridge.ladder.masking import mask_number, mask_text
from sandbox.livekit_sip.faults import Operation
from sandbox.livekit_sip.gateway import Gateway
from sandbox.livekit_sip.trunks import Trunks
from sandbox.twirp import FaultBoard, Method, TwirpError, TwirpService


def sip_service(
    gateway: Gateway, trunks: Trunks, faults: FaultBoard, verifier: api.TokenVerifier
) -> TwirpService:
    def of_trunks(
        name: str, asked: type[Message], work: Callable[[Any], Awaitable[Message]]
    ) -> Method:
        return Method(name, asked, Operation.TRUNK, _may_administer, work)

    methods = (
        Method(
            "CreateSIPParticipant",
            CreateSIPParticipantRequest,
            Operation.CREATE,
            _may_call,
            gateway.create,
            early=Operation.CREATE_REQUEST,
            about=_about_call,
        ),
        Method(
            "TransferSIPParticipant",
            TransferSIPParticipantRequest,
            Operation.TRANSFER,
            _may_transfer,
            gateway.transfer,
            early=Operation.TRANSFER_REQUEST,
            about=_about_transfer,
        ),
        of_trunks("CreateSIPOutboundTrunk", CreateSIPOutboundTrunkRequest, trunks.create),
        of_trunks("ListSIPOutboundTrunk", ListSIPOutboundTrunkRequest, trunks.list),
        of_trunks("DeleteSIPTrunk", DeleteSIPTrunkRequest, trunks.delete),
    )
    return TwirpService("livekit.SIP", methods, faults, verifier, unknown=_unknown)


def _may_call(claims: Claims) -> bool:
    return claims.sip is not None and claims.sip.call


def _may_administer(claims: Claims) -> bool:
    return claims.sip is not None and claims.sip.admin


def _may_transfer(claims: Claims) -> bool:
    return _may_call(claims) and claims.video is not None and bool(claims.video.room_admin)


def _about_call(asked: CreateSIPParticipantRequest) -> dict[str, Any]:
    return {
        "room": asked.room_name,
        "identity": mask_text(asked.participant_identity),
        "number": mask_number(asked.sip_call_to),
        "waits": asked.wait_until_answered,
    }


def _about_transfer(asked: TransferSIPParticipantRequest) -> dict[str, Any]:
    return {
        "room": asked.room_name,
        "identity": mask_text(asked.participant_identity),
        "to": mask_text(asked.transfer_to),
    }


def _unknown(method: str) -> TwirpError:
    return TwirpError("unimplemented", f"the stand-in for LiveKit SIP does not have {method}")
