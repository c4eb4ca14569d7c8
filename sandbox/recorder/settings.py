"""What the recorder is told from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from engine.settings import LiveKitSettings


class RecorderSettings(LiveKitSettings):
    recorder_host: str = Field("127.0.0.1", description="Address to listen on.")
    recorder_port: int = Field(ge=1, le=65535, description="Port of the Egress API.")
    recorder_webhook_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Where to tell what happens, comma separated."
    )
    recorder_backup_dir: Path = Field(description="Keeps recordings that S3 refused.")
    recorder_backup: bool = Field(
        True,
        description="As Egress with `backup` in its configuration: a recording that S3 refused is "
        "complete, and lies under its key in RECORDER_BACKUP_DIR. Off: it has failed.",
    )

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
                raise ValueError("each one begins with http:// or https://")
        return urls
