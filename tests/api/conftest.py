from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from tests.api.service import Service, serve, settings_for


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    """Without Temporal, LiveKit and object store."""
    async with serve(settings_for(tmp_path, database_url=database_url)) as running:
        yield running


@pytest.fixture
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_extra_args=["--log-level", "error"],
        search_attributes=[
            SearchAttributeKey.for_keyword(name)
            for name in (
                "TenantId",
                "AssistantId",
                "CallDirection",
                "CallProvider",
                "CallStatus",
            )
        ],
    ) as environment:
        yield environment
