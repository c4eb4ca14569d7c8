"""A deletion from the request to the last file: real API, worker, Temporal and S3."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.retention import RetentionActivities
from tests.api.service import serve, settings_for
from tests.api.temporal import eventually, place_of
from tests.ended_calls import ended_call
from tests.object_store import object_store
from workflows.retention import DeleteRecordingWorkflow
from workflows.sandbox import our_sandbox

pytestmark = pytest.mark.stack


async def test_a_link_that_played_plays_no_more(
    temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    async with object_store() as store:
        settings = settings_for(
            tmp_path,
            **place_of(temporal),
            s3_endpoint=store.bucket.endpoint,
            s3_bucket=store.bucket.bucket,
            s3_access_key_id=store.bucket.access_key,
            s3_secret_access_key=store.bucket.secret,
        )
        async with serve(settings) as service, httpx2.AsyncClient() as listener:
            database = service.parts.database
            activities = RetentionActivities(database, [store.bucket], temporal.client)
            call_id = await ended_call(database, tenant_id="default")
            await store.put(f"recordings/{call_id}/1.ogg")
            path = f"/calls/{call_id}/recording"
            link = (await service.get(path)).json()["url"]
            assert (await listener.get(link)).status_code == 200

            async def is_deleted() -> bool:
                return bool((await service.get(path)).json()["status"] == "deleted")

            async with Worker(
                temporal.client,
                task_queue="calls",
                workflows=[DeleteRecordingWorkflow],
                activities=[activities.delete_recording],
                workflow_runner=our_sandbox(),
            ):
                asked = await service.client.delete(path, params={"reason": "GDPR 17"})
                assert asked.status_code in (200, 202), asked.text  # 202 where it takes longer
                await eventually(is_deleted)
            again = await service.client.delete(path, params={"reason": "Once more"})
            assert (again.status_code, again.json()["reason"]) == (200, "GDPR 17")
            assert (await listener.get(link)).status_code == 404
