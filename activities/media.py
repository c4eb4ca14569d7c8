from __future__ import annotations

from livekit import api
from temporalio import activity

from activities.livekit_errors import is_not_found, livekit_errors
from contract.rooms import Attribute
from contract.steps import MediaWritten, Step, WriteMedia


class MediaActivities:
    """What Media Bot is to play, as the human's participant says."""

    def __init__(self, livekit: api.LiveKitAPI) -> None:
        self._livekit = livekit

    @activity.defn(name=Step.WRITE_MEDIA)
    async def write_media(self, order: WriteMedia) -> MediaWritten:
        """All of it in one request, and what is not meant any more as "": LiveKit merges, and Media
        Bot must not read half of one order with half of another."""
        attributes = {
            Attribute.MEDIA_COMMAND: order.command.value,
            Attribute.MEDIA_ASSET_URL: order.asset_url,
            Attribute.MEDIA_LOOP: "true" if order.loop else "false",
            Attribute.MEDIA_COMMAND_ID: order.command_id,
            Attribute.MEDIA_PURPOSE: order.purpose.value if order.purpose is not None else "",
        }
        request = api.UpdateParticipantRequest(
            room=order.room_name,
            identity=order.identity,
            attributes={name.value: value for name, value in attributes.items()},
        )
        with livekit_errors("say what is to be played"):
            try:
                await self._livekit.room.update_participant(request)
            except api.ServerError as error:
                if not is_not_found(error):
                    raise
                return MediaWritten(is_there=False)
        return MediaWritten(is_there=True)
