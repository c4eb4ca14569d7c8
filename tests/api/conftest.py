from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.service import Service, serve, settings_for


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Without Temporal, LiveKit and object store."""
    async with serve(settings_for(tmp_path)) as running:
        yield running
