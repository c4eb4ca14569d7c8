from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter

from api.calls.command_schemas import (
    DtmfRead,
    DtmfRequest,
    HangupRead,
    HangupRequest,
    HoldRead,
    HoldRequest,
    LanguageRead,
    LanguageRequest,
    PlayRead,
    PlayRequest,
    ResumeRequest,
    StopPlayingRead,
    TransferRead,
    TransferRequest,
)
from api.calls.commanding import Commanding, Commands
from api.phone_numbers import check_country
from api.temporal_errors import NoPhoneLeg
from contract.calls import (
    Direction,
    DtmfCommand,
    HangupAnswer,
    HangupCommand,
    HoldAnswer,
    HoldCommand,
    LanguageAnswer,
    LanguageCommand,
    PlayAnswer,
    PlayCommand,
    StopPlayingCommand,
    TransferAnswer,
    TransferCommand,
)
from contract.holds import Holder
from contract.phone import PAUSE
from store.errors import TrunkUnknown
from store.trunks import Trunks

router = APIRouter(prefix="/calls", tags=["calls"])

# Less than the 30 s after which usual clients give up. The longest row of keys, each with a pause
# before it, takes longer: a repeat with its key waits on for the same one.
_KEYS_PRESSED = timedelta(seconds=25)
_TRANSFERRED = timedelta(seconds=25)


@dataclass(frozen=True, slots=True)
class _Pressed:
    keys: int


@dataclass(frozen=True, slots=True)
class _Stopped:
    """Nothing more to be told."""


@router.post("/{call_id}/hangup", summary="End the call", responses={409: {}})
async def hang_up(commands: Commands, body: HangupRequest | None = None) -> HangupRead:
    """409 `call-ended` when it is over already. A repeat with its key gets the first answer."""
    command = HangupCommand(commands.principal.name, body.reason if body is not None else "")
    call_id, workflows = commands.call.call_id, commands.parts.workflows
    answer = await commands.once(
        "hangup",
        body,
        HangupAnswer,
        lambda id: workflows.command(call_id, "hangup", command, HangupAnswer, update_id=id),
    )
    return HangupRead(
        call_id=call_id,
        ended_reason=answer.ended_reason,
        ended_by=answer.ended_by,
        links=commands.links,
    )


@router.post("/{call_id}/hold", summary="Put the call on hold", responses={409: {}})
async def hold(commands: Commands, body: HoldRequest | None = None) -> HoldRead:
    """Whoever is held hears the hold music and is heard by nobody; the assistant falls silent and
    hears nothing. Until it is resumed. 409 `call-ended`, `call-not-answered`."""
    return await _hold_or_resume(commands, "hold", body)


@router.post("/{call_id}/resume", summary="Take the call off hold", responses={409: {}})
async def resume(commands: Commands, body: ResumeRequest | None = None) -> HoldRead:
    """Ends our hold, or the assistant's (`holder`); while somebody else holds (`holders`), the
    call stays held. 409 `call-ended`, `call-not-answered`, `call-not-held`."""
    return await _hold_or_resume(commands, "resume", body)


@router.post(
    "/{call_id}/language", summary="Change the transcription's language", responses={409: {}}
)
async def change_language(commands: Commands, body: LanguageRequest) -> LanguageRead:
    """What is spoken from here on; whoever recognises that language takes over. The assistant
    speaks on as it did. 409 `call-ended`, `call-not-answered`; `call-not-transcribed` where the
    assistant has no `transcribe`."""
    command = LanguageCommand(commands.principal.name, body.language)
    call_id, workflows = commands.call.call_id, commands.parts.workflows
    answer = await commands.once(
        "language",
        body,
        LanguageAnswer,
        lambda id: workflows.command(call_id, "language", command, LanguageAnswer, update_id=id),
    )
    return LanguageRead(call_id=call_id, language=answer.language, links=commands.links)


@router.post("/{call_id}/play", summary="Play a clip", responses={409: {}})
async def play(commands: Commands, body: PlayRequest) -> PlayRead:
    """Heard by the human beside the conversation, until it ends, is stopped, or another one or a
    hold takes its place. Answered once Media Bot is told; what becomes of it is in the timeline.
    409 `call-ended`, `call-not-answered`, `call-on-hold`, `clip-replaced`."""
    command = PlayCommand(
        requested_by=commands.principal.name, asset_url=body.asset_url, loop=body.loop
    )
    call_id, workflows = commands.call.call_id, commands.parts.workflows
    answer = await commands.once(
        "play",
        body,
        PlayAnswer,
        lambda id: workflows.command(call_id, "play", command, PlayAnswer, update_id=id),
    )
    return PlayRead(call_id=call_id, command_id=answer.command_id, links=commands.links)


@router.post("/{call_id}/play/stop", summary="End the clip", responses={409: {}})
async def stop_playing(commands: Commands) -> StopPlayingRead:
    """Also when nothing is played: then nothing happens. Hold music ends with its hold. 409
    `call-ended`, `call-not-answered`."""
    command = StopPlayingCommand(commands.principal.name)
    call_id, workflows = commands.call.call_id, commands.parts.workflows

    async def stop(update_id: str | None) -> _Stopped:
        await workflows.command(call_id, "stop_playing", command, None, update_id=update_id)
        return _Stopped()

    await commands.once("stop_playing", None, _Stopped, stop)
    return StopPlayingRead(call_id=call_id, links=commands.links)


@router.post("/{call_id}/dtmf", summary="Press keys of the telephone", responses={409: {}})
async def dtmf(commands: Commands, body: DtmfRequest) -> DtmfRead:
    """409 `call-ended`, `call-not-answered`; `no-phone-leg` for a web call."""
    _has_phone(commands)
    command = DtmfCommand(commands.principal.name, body.digits)
    call_id, workflows = commands.call.call_id, commands.parts.workflows

    async def press(update_id: str | None) -> _Pressed:
        await workflows.command(
            call_id, "dtmf", command, None, update_id=update_id, patience=_KEYS_PRESSED
        )
        return _Pressed(sum(digit != PAUSE for digit in body.digits))

    answer = await commands.once("dtmf", body, _Pressed, press)
    return DtmfRead(call_id=call_id, keys=answer.keys, links=commands.links)


@router.post("/{call_id}/transfer", summary="Hand the telephone on", responses={409: {}})
async def transfer(commands: Commands, body: TransferRequest) -> TransferRead:
    """The carrier connects the far side to another number (SIP REFER), and our call ends as
    `transferred`. 409 `call-ended`, `call-not-answered`, `no-phone-leg`; `transfer-refused` when
    the far side would not: then the call goes on. 422 `country-not-allowed` as for calls."""
    _has_phone(commands)
    command = TransferCommand(commands.principal.name, body.to)
    call_id, workflows = commands.call.call_id, commands.parts.workflows

    async def hand_on(update_id: str | None) -> TransferAnswer:
        await _check_target(commands, body.to)
        return await workflows.command(
            call_id,
            "transfer",
            command,
            TransferAnswer,
            update_id=update_id,
            patience=_TRANSFERRED,
        )

    answer = await commands.once("transfer", body, TransferAnswer, hand_on)
    return TransferRead(
        call_id=call_id,
        sip_status=answer.sip_status,
        sip_phrase=answer.sip_phrase,
        links=commands.links,
    )


async def _hold_or_resume(commands: Commanding, update: str, body: HoldRequest | None) -> HoldRead:
    reason = body.reason if body is not None else ""
    holder = body.holder if isinstance(body, ResumeRequest) else Holder.OPERATOR
    command = HoldCommand(commands.principal.name, reason, holder)
    call_id, workflows = commands.call.call_id, commands.parts.workflows
    answer = await commands.once(
        update,
        body,
        HoldAnswer,
        lambda id: workflows.command(call_id, update, command, HoldAnswer, update_id=id),
    )
    return HoldRead(call_id=call_id, holders=answer.holders, links=commands.links)


def _has_phone(commands: Commanding) -> None:
    """Of ours: what a telephone does that called us is its own business."""
    if commands.call.direction != Direction.OUTBOUND:
        raise NoPhoneLeg


async def _check_target(commands: Commanding, number: str) -> None:
    """Where the trunk may not call, it may not hand a call on to. Raises TrunkUnknown,
    CountryNotAllowed."""
    trunk_id = commands.call.trunk_id
    if trunk_id is None:
        raise NoPhoneLeg
    async with commands.parts.database.reader() as session:
        trunk = await Trunks(session).get(commands.call.tenant_id, trunk_id)
    if trunk is None:
        raise TrunkUnknown(trunk_id)
    check_country(number, trunk.config["countries"])
