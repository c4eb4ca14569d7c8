"""The API's settings, all from the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from contract.errors import SettingsError
from engine.settings import EngineSettings
from store.database import check_url

Names = Annotated[tuple[str, ...], NoDecode]


class ApiSettings(EngineSettings):
    api_host: str = "127.0.0.1"
    api_port: int = Field(8080, ge=1, le=65535)
    public_api_url: str = Field("", description="base of the links in answers; default: relative")
    cors_origins: Names = Field(
        (), description="origins that browsers may call from, comma separated"
    )
    codec_open: bool = Field(False, description="the codec answers without an API key")

    livekit_url: str = Field(pattern=r"^(ws|http)s?://")
    livekit_public_url: str = Field("", description="given to callers; default: LIVEKIT_URL")
    livekit_api_key: str = Field(min_length=1)
    livekit_api_secret: str = Field(min_length=1, repr=False)
    adopt_rooms: Names = Field(
        (), description="name prefixes of rooms that are ours, comma separated"
    )

    database_url: str = Field(repr=False)
    call_token_secret: str = Field(min_length=1, repr=False)
    bootstrap_api_key: str = Field(
        "", repr=False, description="an admin's key for tenant `default`"
    )
    default_assistant_id: str = "demo"

    s3_endpoint: str = Field(pattern=r"^https?://")
    s3_bucket: str = Field(min_length=1)
    s3_region: str = "us-east-1"
    s3_access_key_id: str = Field(min_length=1, repr=False)
    s3_secret_access_key: str = Field(min_length=1, repr=False)

    max_body_bytes: int = Field(64 * 1024, ge=1024)
    # A client's patience of 5 s, less the time to withdraw a start that nobody answered.
    start_timeout_seconds: float = Field(4.5, gt=0)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("adopt_rooms", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_supported(cls, url: str) -> str:
        try:
            check_url(url)
        except SettingsError as wrong:
            raise ValueError(str(wrong)) from None
        return url

    @field_validator("public_api_url", "temporal_ui_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @model_validator(mode="after")
    def _callers_reach_livekit_where_we_do(self) -> ApiSettings:
        self.livekit_public_url = self.livekit_public_url or self.livekit_url
        return self

    @property
    def start_timeout(self) -> timedelta:
        return timedelta(seconds=self.start_timeout_seconds)
