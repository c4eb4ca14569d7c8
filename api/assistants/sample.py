"""The assistant that a new installation starts with."""

from __future__ import annotations

from api.assistants.schemas import AssistantUpdate, OpeningOptions, TurnOptions
from contract.assistants import OpeningMode, TurnDetection
from store.assistants import Assistants
from store.database import Database
from store.errors import AssistantExists

SAMPLE_ID = "demo"

SAMPLE = AssistantUpdate(
    name="Blue Door front desk",
    instructions=(
        "You answer the phone of the Blue Door, a small restaurant. You tell opening hours, which "
        "are noon to ten in the evening every day but Monday, and take bookings: ask for the day, "
        "the time and the number of guests. Be warm and brief: one or two short sentences. When "
        "the caller says goodbye, end the call."
    ),
    opening=OpeningOptions(
        mode=OpeningMode.SAY,
        text="Hello, this is the Blue Door restaurant. How can I help you?",
    ),
    turn=TurnOptions(detection=TurnDetection.STT, min_endpointing_delay=0.0),
)


async def add_sample(database: Database, tenant_id: str) -> None:
    """Only to an empty table: who deleted it does not want it back beside others."""
    try:
        async with database.session() as session:
            assistants = Assistants(session)
            if await assistants.count() == 0:
                config = SAMPLE.model_dump(mode="json") | {"id": SAMPLE_ID}
                await assistants.create(tenant_id, SAMPLE_ID, config)
    except AssistantExists:
        return  # another process was first
