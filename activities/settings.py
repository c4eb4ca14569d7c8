from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from bridge.settings import BridgeSettings
from engine.settings import (
    DatabaseSettings,
    EngineSettings,
    LiveKitSettings,
    MediaSettings,
    StorageSettings,
    WebhookSettings,
)


class WorkerSettings(
    MediaSettings, WebhookSettings, EngineSettings, LiveKitSettings, StorageSettings
):
    """What the Temporal worker needs to know."""

    egress_api_url: str = Field(
        "", description="Where LiveKit Egress answers; default: LIVEKIT_URL."
    )
    egress_backup_dir: Path | None = Field(
        None,
        description="Egress' backup storage, a folder shared with it: recordings that the object "
        "store did not take are looked for there; default: there is none.",
    )
    sip_api_url: str = Field("", description="Where LiveKit SIP answers; default: LIVEKIT_URL.")
    sticky_timeout_seconds: float = Field(
        1.5, gt=0, description="How long a killed worker's calls wait for it before they move on."
    )
    shutdown_grace_seconds: float = Field(
        5.0, ge=0, description="How long activities may go on after SIGTERM."
    )
    max_cached_workflows: int = Field(
        3000,
        gt=0,
        description="Calls and recordings kept in memory, 0.2 MB each; more are replayed from "
        "their history whenever something happens.",
    )
    worker_http_host: str = Field(
        "127.0.0.1", description="Address of the worker's own pages; see WORKER_HTTP_PORT."
    )
    worker_http_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of the worker's `/healthz`, `/readyz` and `/metrics`; default: none.",
    )
    worker_versioning: bool = Field(
        False, description="On: this build gets no work until its version is made current."
    )
    worker_deployment_name: str = Field(
        "switchboard", description="Name of the worker deployment, with WORKER_VERSIONING."
    )
    worker_build_id: str = Field("dev", description="This build's id, with WORKER_VERSIONING.")

    price_table: Path | None = Field(
        None,
        description="File of the installation's own prices, which come before those we ship: "
        "docs/billing.md.",
    )

    @property
    def sticky_timeout(self) -> timedelta:
        return timedelta(seconds=self.sticky_timeout_seconds)


class RealTimePriority(StrEnum):
    AUTO = "auto"
    ON = "on"
    OFF = "off"


class BridgeWorkerSettings(BridgeSettings, EngineSettings, LiveKitSettings, DatabaseSettings):
    """What a process needs that dials and carries phone calls."""

    bridge_real_time_priority: RealTimePriority = Field(
        RealTimePriority.AUTO,
        description="Whether the bridge's threads go before all ordinary ones of the machine "
        "(SCHED_RR), for an even sound where others keep the cores busy: `auto` where it may, `on` "
        "else it does not start (it takes a limit `rtprio` or the capability SYS_NICE), `off`.",
    )

    bridge_call_drain_seconds: float = Field(
        0.0,
        ge=0,
        description="How long phone calls may go on after SIGTERM; then they are hung up. New ones "
        "go to other bridge processes.",
    )
