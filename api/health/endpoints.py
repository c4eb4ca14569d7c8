from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from api.health.checks import PartState, check_all
from api.parts import FromParts
from api.problems import RETRY_AFTER_SECONDS

router = APIRouter(tags=["health"])


class Readiness(BaseModel):
    status: Literal["ready", "not ready"]
    parts: dict[str, PartState]


@router.get("/healthz", summary="Does this process live?")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get(
    "/readyz", summary="Can it work? Names each part", responses={503: {"model": Readiness}}
)
async def readyz(parts: FromParts, response: Response) -> Readiness:
    states = await check_all(parts)
    if all(state.ok for state in states.values()):
        return Readiness(status="ready", parts=states)
    response.status_code = 503
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Readiness(status="not ready", parts=states)


@router.get(
    "/metrics", summary="For Prometheus", response_class=JSONResponse, include_in_schema=False
)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
