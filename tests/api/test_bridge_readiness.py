"""Whether a bridge takes orders: asked of Temporal, where there is a trunk that needs one."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from api.health.bridge_look import look_for_bridge
from tests.api.outbound import given_trunk
from tests.api.service import serve, settings_for
from tests.api.temporal import eventually, place_of

pytestmark = pytest.mark.stack


@activity.defn
async def dial_phone() -> None: ...


async def test_a_bridge_is_missed_where_a_trunk_needs_one(
    tmp_path: Path, temporal: WorkflowEnvironment, database_url: str
) -> None:
    settings = settings_for(
        tmp_path,
        **place_of(temporal),
        database_url=database_url,
    )
    async with serve(settings) as service:
        await given_trunk(service, id="theirs", kind="livekit_sip")
        await given_trunk(service, id="off", enabled=False)
        assert await look_for_bridge(service.parts) is None

        await given_trunk(service)
        told = (await service.get("/readyz")).json()["parts"]["bridge"]
        assert (told["ok"], told["needed"]) == (False, False)
        assert "worker_main.py --queue bridge" in told["detail"]

        async with Worker(temporal.client, task_queue="bridge", activities=[dial_phone]):

            async def is_seen() -> bool:
                return await look_for_bridge(service.parts) is None

            await eventually(is_seen, 15)
