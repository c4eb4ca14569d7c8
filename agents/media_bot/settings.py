from __future__ import annotations

from pydantic import Field

from agents.settings import AgentSettings


class MediaBotSettings(AgentSettings):
    media_bot_num_idle_processes: int = Field(
        2, ge=0, description="Processes kept warm for the next calls."
    )
    media_bot_load_threshold: float = Field(
        0.75,
        gt=0,
        description="CPU load above which Media Bot takes no more calls; `inf`: takes all.",
    )
    media_bot_max_retry: int = Field(16, ge=0, description="Attempts to reach LiveKit.")
    media_bot_health_port: int = Field(
        8082, ge=0, le=65535, description="Port of `/healthz` and `/readyz`."
    )
    media_bot_prometheus_port: int | None = Field(
        None, ge=1, le=65535, description="Port of `/metrics`; default: none."
    )
