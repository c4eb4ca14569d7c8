from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from api.health.checks import PartState, Status, check_all, status_of
from api.parts import FromParts
from api.problems import RETRY_AFTER_SECONDS

router = APIRouter(tags=["health"])


class Readiness(BaseModel):
    status: Status = Field(
        description="`degraded`: this API works, something that calls need later does not."
    )
    parts: dict[str, PartState]


@router.get("/healthz", summary="Does this process live?")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get(
    "/readyz", summary="Can it work? Names each part", responses={503: {"model": Readiness}}
)
async def readyz(request: Request, parts: FromParts, response: Response) -> Readiness:
    """503 when an outside system is away on which the answers of this API depend."""
    states = await request.app.state.readiness(lambda: check_all(parts))
    status = status_of(states)
    if status == "not ready":
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Readiness(status=status, parts=states)


@router.get(
    "/metrics", summary="For Prometheus", response_class=JSONResponse, include_in_schema=False
)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
