"""Which pages may ask, and what they may read of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.service import Service, serve, settings_for

OURS, ALSO_OURS, FOREIGN = "https://desk.example", "http://localhost:3000", "https://evil.example"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with serve(settings_for(tmp_path, cors_origins=f"{OURS}, {ALSO_OURS}")) as service:
        yield service


@pytest.mark.parametrize("origin", [OURS, ALSO_OURS])
async def test_a_page_of_ours_may_ask_and_reads_what_a_client_needs(
    desk: Service, origin: str
) -> None:
    for path in ("/calls", "/calls/nothing", "/nothing"):  # refusals, too
        answer = await desk.get(path, headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Origin" in answer.headers["Vary"]
        exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(", ")
        assert set(exposed) == {
            *("idempotent-replayed", "retry-after", "location"),
            *("ratelimit", "ratelimit-policy"),
        }


async def test_a_foreign_page_reads_nothing(desk: Service) -> None:
    for origin in (FOREIGN, f"{OURS}.evil.example", "null"):
        answer = await desk.get("/calls", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


async def preflight(service: Service, origin: str, path: str = "/web_call/get_token"):  # type: ignore[no-untyped-def]
    headers = {
        "Origin": origin,
        "Authorization": "",  # browsers send none with it
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    return await service.client.options(path, headers=headers)


async def test_a_page_of_ours_is_told_before_it_asks(desk: Service) -> None:
    answer = await preflight(desk, OURS)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    for header in ("authorization", "content-type", "idempotency-key"):
        assert header in allowed


async def test_a_foreign_page_is_told_no(desk: Service) -> None:
    answer = await preflight(desk, FOREIGN)
    assert answer.status_code == 400
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_by_default_only_the_temporal_ui_may_ask(service: Service) -> None:
    allowed = await preflight(service, "http://temporal-ui.test", "/codec/decode")
    assert allowed.headers["Access-Control-Allow-Origin"] == "http://temporal-ui.test"
    assert (await preflight(service, OURS)).status_code == 400
