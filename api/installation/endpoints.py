"""What an operator asks before trusting an installation with calls."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request

from api.auth import AnyPrincipal, Operator
from api.installation.agent_probe import probe_agent
from api.installation.schemas import InstallationRead, KeyRead, Probe
from api.installation.webhook_probe import probe_webhooks
from api.installation.worker_probe import probe_worker
from api.parts import FromParts
from contract.identity import AgentRole

router = APIRouter(prefix="/installation", tags=["installation"])


@router.get("", summary="This API, and whom your key speaks for")
async def get_installation(
    request: Request, parts: FromParts, principal: AnyPrincipal
) -> InstallationRead:
    return InstallationRead(
        version=request.app.version,
        time=datetime.now(UTC),
        livekit_url=parts.settings.livekit_public_url,
        key=KeyRead(name=principal.name, role=principal.role, tenant_id=principal.tenant_id),
    )


@router.post("/probe", summary="Do the parts that no health page shows work?")
async def probe(parts: FromParts, _principal: Operator) -> Probe:
    """Asks a worker through Temporal, each agent and LiveKit's webhooks through rooms that are
    gone again when this answers, after 3 s at most. No call is started, nothing is kept."""
    found = await asyncio.gather(
        probe_worker(parts),
        *(probe_agent(parts, role) for role in AgentRole),
        probe_webhooks(parts),
    )
    return Probe(parts=list(found))
