from __future__ import annotations

from collections.abc import Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.call_metrics import count_cut_off, count_recording, write_and_count
from activities.store_errors import unknown_calls_are_final
from activities.webhook_events import tell_recording, tell_so_far
from contract.calls import RecordingStatus
from contract.steps import (
    AssistantChosen,
    ChooseAssistant,
    Step,
    WriteRecord,
    WriteRecording,
)
from store.assistants import Assistants
from store.calls import Calls
from store.database import Database
from store.recordings import Recordings


class CallRecordActivities:
    """The store's record of a call. Everything here may be done twice without harm."""

    def __init__(
        self,
        database: Database,
        default_assistant_id: str,
        media_assets_url: str,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        """`written` hears of each write, which may have left events for webhooks."""
        self._database = database
        self._default = default_assistant_id
        self._assets_url = media_assets_url
        self._written = written

    @activity.defn(name=Step.WRITE_RECORD)
    async def write_record(self, update: WriteRecord) -> None:
        with unknown_calls_are_final():
            await write_and_count(self._database, update)
        self._written()

    @activity.defn(name=Step.WRITE_RECORDING)
    async def write_recording(self, update: WriteRecording) -> None:
        with unknown_calls_are_final():
            async with self._database.session() as session:
                change = await Recordings(session).change(update)
                await tell_recording(session, change)
            count_recording(change.was, RecordingStatus(change.row.status))
            count_cut_off(change.entries)
        self._written()

    @activity.defn(name=Step.CHOOSE_ASSISTANT)
    async def choose_assistant(self, wish: ChooseAssistant) -> AssistantChosen:
        """The assistant that the room asked for, else the default one."""
        async with self._database.session() as session:
            assistants = Assistants(session)
            found = await assistants.find(wish.agent_id) if wish.agent_id else None
            found = found or await assistants.find(self._default)
            if found is None:
                raise ApplicationError(
                    f"There is no default assistant: no assistant has the id {self._default!r}.",
                    type="no-default-assistant",
                    non_retryable=True,
                )
            chosen = AssistantChosen(
                assistant_id=found.id,
                tenant_id=found.tenant_id,
                record=bool(found.config.get("record", True)),
                language=str(found.config.get("language", "en-US")),
                max_duration_seconds=float(found.config.get("max_duration_seconds", 3600.0)),
                transcribe=found.transcribe,
                media=found.media(self._assets_url),
            )
            await Calls(session).set_assistant(wish.call_id, chosen)
            await tell_so_far(session, wish.call_id)
        self._written()
        return chosen
