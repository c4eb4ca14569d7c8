from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class HallSettings(BaseSettings):
    hall_host: str = "127.0.0.1"
    hall_port: int = Field(ge=1, le=65535)
    hall_webhook_url: str = Field("", description="where room events go; empty: nowhere")
    livekit_api_key: str = Field(min_length=1)
    livekit_api_secret: str = Field(min_length=1, repr=False)
