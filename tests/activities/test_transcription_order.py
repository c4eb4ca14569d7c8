"""What stands on Media Bot's participant when it is to transcribe: a real livekit-server says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from livekit import api, rtc
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.agents import AgentActivities
from activities.job_metadata import JobMetadataWriter
from contract.identity import new_call_id
from contract.steps import WriteTranscription
from sandbox.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="module")]

MEDIA_BOT = "media-bot-1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with Stack(free_ports=True, only=("livekit",)) as stack:
        yield stack


async def test_the_order_stands_on_media_bots_participant_and_deafness_goes_again(
    stack: Stack,
) -> None:
    here, room, name = stack.description, rtc.Room(), new_call_id()
    token = api.AccessToken(here.livekit_api_key, here.livekit_api_secret)
    grants = api.VideoGrants(room_join=True, room=name)
    async with api.LiveKitAPI(
        here.livekit_url, here.livekit_api_key, here.livekit_api_secret
    ) as livekit:
        activities = AgentActivities(livekit, JobMetadataWriter("secret"))

        async def write(command_id: str, is_deaf: bool) -> dict[str, str]:
            order = WriteTranscription(
                room_name=name,
                identity=MEDIA_BOT,
                language="de-AT",
                command_id=command_id,
                is_deaf=is_deaf,
            )
            await ActivityEnvironment().run(activities.write_transcription, order)
            who = api.RoomParticipantIdentity(room=name, identity=MEDIA_BOT)
            return dict((await livekit.room.get_participant(who)).attributes)

        with pytest.raises(ApplicationError) as nobody:
            await write("s1", False)
        assert nobody.value.non_retryable  # the workflow tries again, and the history shows it
        await room.connect(
            here.livekit_url, token.with_identity(MEDIA_BOT).with_grants(grants).to_jwt()
        )
        order = {"stt.enabled": "true", "stt.language": "de-AT", "stt.command_id": "s1"}
        assert await write("s1", False) == order
        assert await write("s1", True) == order | {"stt.deaf": "true"}
        assert await write("s2", False) == order | {"stt.command_id": "s2"}
        await room.disconnect()
