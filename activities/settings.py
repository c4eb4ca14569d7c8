from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from engine.settings import EngineSettings


class WorkerSettings(EngineSettings):
    """What the Temporal worker needs to know."""

    livekit_url: str = Field(description="ws:// or http:// address of LiveKit")
    livekit_api_key: str
    livekit_api_secret: str = Field(repr=False)
    egress_api_url: str = Field("", description="where LiveKit Egress answers; empty: LIVEKIT_URL")
    database_url: str = Field(repr=False)
    call_token_secret: str = Field(repr=False, min_length=16)
    default_assistant_id: str = "demo"
    s3_endpoint: str = ""
    s3_bucket: str = "recordings"
    s3_region: str = "us-east-1"
    s3_access_key_id: str = Field("", repr=False)
    s3_secret_access_key: str = Field("", repr=False)
    sticky_timeout_seconds: float = Field(
        1.5, gt=0, description="how long a killed worker's calls wait for it before they move on"
    )
    shutdown_grace_seconds: float = Field(5.0, ge=0)
    max_cached_workflows: int = Field(1000, gt=0)
    worker_versioning: bool = Field(
        False, description="on: this build gets no work until its version is made current"
    )
    worker_deployment_name: str = "switchboard"
    worker_build_id: str = "dev"
    log_level: str = "INFO"
    log_format: str = Field("console", pattern="^(console|json)$")

    @property
    def sticky_timeout(self) -> timedelta:
        return timedelta(seconds=self.sticky_timeout_seconds)
