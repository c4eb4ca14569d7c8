"""What the recorder is told from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode


class RecorderSettings(BaseSettings):
    recorder_host: str = "127.0.0.1"
    recorder_port: int = Field(ge=1, le=65535)
    recorder_webhook_urls: Annotated[tuple[str, ...], NoDecode] = ()
    recorder_backup_dir: Path
    livekit_url: str = Field(pattern=r"^(ws|http)s?://")
    livekit_api_key: str = Field(min_length=1)
    livekit_api_secret: str = Field(min_length=1)
    log_format: Literal["console", "json"] = "console"

    @field_validator("recorder_webhook_urls", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(url.strip() for url in value.split(",") if url.strip())

    @field_validator("recorder_webhook_urls")
    @classmethod
    def _only_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"{url!r} is not an http URL")
        return urls
