"""What others may ask of a phone that talks: press keys, hand it on."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from contract.calls import DtmfCommand, TransferAnswer, TransferCommand
from contract.endings import EndedReason
from contract.phone import LegReport, PhoneTold, check_dtmf
from contract.rooms import PhoneRpc
from workflows import options, phone_steps
from workflows.call_state import CallState
from workflows.waiting import give_up, within


class PhoneControls:
    def __init__(self, state: CallState) -> None:
        self._state = state

    def refuse_without_phone(self) -> None:
        """Raises ApplicationError, for validators; after those that refuse what is not answered."""
        if not self._state.phone.is_ordered:
            raise refusal("This call has no phone.", "no-phone-leg")

    @staticmethod
    def refuse_wrong_keys(digits: str) -> None:
        try:
            check_dtmf(digits)
        except ValueError as wrong:
            raise refusal(f"These keys cannot be pressed: {wrong}.", "bad-dtmf") from None

    async def press(self, command: DtmfCommand) -> None:
        self._refuse_without_fingers()
        answer = await self._ask(PhoneRpc.DTMF, {"digits": command.digits, "id": _update_id()})
        if answer.get("ok") is not True:
            raise refusal("The phone did not take the keys.", "phone-refused")
        count = len(command.digits.replace("w", ""))
        self._note("dtmf_sent", "Keys were pressed.", command.requested_by, count=count)

    async def transfer(self, command: TransferCommand) -> TransferAnswer:
        """The leg ends as `transferred` when it got there."""
        self._note("transfer_requested", "A transfer is asked for.", command.requested_by)
        if self._state.phone.is_livekits:
            said = await self._transfer_by_livekit(command.to_number)
        else:
            said = await self._transfer_by_bridge(command.to_number)
        if said.sip_status >= 300:
            text = f"The far side answered {said.sip_status} {said.sip_phrase}".rstrip() + "."
            self._note("transfer_refused", text, command.requested_by)
            raise refusal(text, "transfer-refused")
        return said

    async def _transfer_by_bridge(self, to_number: str) -> TransferAnswer:
        answer = await self._ask(PhoneRpc.TRANSFER, {"to": to_number, "id": _update_id()})
        try:
            return TransferAnswer(int(answer["sip_status"]), str(answer.get("sip_phrase") or ""))
        except (KeyError, TypeError, ValueError):
            raise refusal("The phone could not be transferred.", "phone-refused") from None

    async def _transfer_by_livekit(self, to_number: str) -> TransferAnswer:
        """Whoever was handed on leaves the room as if it had hung up, maybe before we are told that
        the transfer got there: until then nobody believes it."""
        phone = self._state.phone
        if phone.is_being_handed_on:
            raise refusal("Another transfer is under way.", "phone-refused")
        phone.is_being_handed_on = True
        try:
            asked = phone_steps.start_transfer(self._state, to_number)
            if not await self._is_done(asked):
                self._answer_of_the_end(PhoneRpc.TRANSFER)
                return TransferAnswer(200, "OK")
            said = await asked
        except ActivityError as error:
            workflow.logger.warning("LiveKit SIP did not transfer: %s", error.cause)
            raise refusal("The phone could not be transferred.", "phone-unreachable") from None
        finally:
            phone.is_being_handed_on = False
        if said.sip_status < 300:
            left_at = phone.gone.at if phone.gone is not None else workflow.now()
            phone.over(
                LegReport(
                    reason="transferred",
                    by="us",
                    detail="The call was handed on.",
                    answered=True,
                    ended_at=left_at,
                )
            )
        return TransferAnswer(said.sip_status, said.sip_phrase)

    def _refuse_without_fingers(self) -> None:
        atlas = self._state.atlas
        if self._state.phone.is_livekits and (not atlas.ready or atlas.lost):
            raise _without_fingers()

    async def _ask(self, method: PhoneRpc, payload: dict[str, Any]) -> dict[str, Any]:
        """Raises ApplicationError. When the call ends meanwhile, the answer may still come."""
        state = self._state
        asked = phone_steps.start_telling(state, method, payload)
        if not await self._is_done(asked):
            return self._answer_of_the_end(method)
        try:
            told: PhoneTold = await asked
        except ActivityError as error:
            if state.ending is not None:
                return self._answer_of_the_end(method)
            workflow.logger.warning("The phone did not answer: %s", error.cause)
            raise refusal("The phone does not answer.", "phone-unreachable") from None
        if not told.is_there:
            if state.phone.is_livekits:  # it is Atlas who was asked
                raise _without_fingers()
            raise refusal("The phone has left the call.", "no-phone-leg")
        return told.answer

    async def _is_done(self, asked: workflow.ActivityHandle[Any]) -> bool:
        """False: the call has ended meanwhile, and nobody waits for it any longer."""
        state = self._state
        await workflow.wait_condition(lambda: asked.done() or state.ending is not None)
        if not asked.done():
            await within(options.LAST_ANSWER, asked.done, "The phone has this long to answer")
        if not asked.done():
            give_up(asked)
            return False
        return True

    def _answer_of_the_end(self, method: PhoneRpc) -> dict[str, Any]:
        """A transfer that got there ends the call, maybe before it is answered."""
        ending = self._state.ending
        assert ending is not None
        if method is PhoneRpc.TRANSFER and ending.reason is EndedReason.TRANSFERRED:
            return {"sip_status": 200, "sip_phrase": "OK"}
        raise refusal("The call ended meanwhile.", "call-ended")

    def _note(self, kind: str, text: str, requested_by: str, **data: Any) -> None:
        data["requested_by"] = requested_by
        self._state.journal.note(workflow.now(), "operator", kind, text, data)


def _without_fingers() -> ApplicationError:
    text = "Nobody is in the call now who could press keys; try again in a few seconds."
    return refusal(text, "phone-unreachable")


def _update_id() -> str:
    """The phone does what it was told under it once."""
    update = workflow.current_update_info()
    assert update is not None
    return update.id


def refusal(sentence: str, code: str) -> ApplicationError:
    """Of an update: the caller reads both, and trying again cannot change it."""
    return ApplicationError(sentence, type=code, non_retryable=True)
