"""The API's settings, all from the environment."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from engine.secret_files import Secret
from engine.settings import (
    HTTP_URL,
    EngineSettings,
    LiveKitSettings,
    MediaSettings,
    StorageSettings,
    ToolSettings,
    WebhookSettings,
    split_list,
)

Names = Annotated[tuple[str, ...], NoDecode]


class ApiSettings(
    ToolSettings, MediaSettings, WebhookSettings, EngineSettings, LiveKitSettings, StorageSettings
):
    api_host: str = Field("127.0.0.1", description="Address to listen on.")
    api_port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    public_api_url: str = Field("", description="Base of the links in answers; default: relative.")
    cors_origins: Names = Field(
        (), description="Origins that browsers may call from, comma separated."
    )
    codec_open: bool = Field(
        False,
        description="The codec answers without an API key: only on a machine of one's own.",
    )
    livekit_public_url: str = Field(
        "", description="LiveKit's address as callers reach it; default: LIVEKIT_URL."
    )
    s3_public_url: str = Field(
        "",
        pattern=rf"^$|{HTTP_URL}",
        description="The object store's address in links to recordings; default: S3_ENDPOINT.",
    )
    adopt_rooms: Names = Field(
        (), description="Name prefixes of others' rooms that are calls of ours, comma separated."
    )
    bootstrap_api_key: Secret = Field(
        "", description="A first admin's key, for the tenant `default`."
    )
    max_body_bytes: int = Field(64 * 1024, ge=1024, description="The largest body of a request.")
    max_header_bytes: int = Field(
        16 * 1024, ge=1024, description="The largest address and headers of a request, together."
    )
    header_timeout_seconds: float = Field(
        5.0, gt=0, description="How long a request's address and headers may take to arrive."
    )
    body_timeout_seconds: float = Field(
        10.0, gt=0, description="How long a request's body may take to arrive."
    )
    request_timeout_seconds: float = Field(
        60.0, gt=0, description="How long a whole answer may take; event streams may last."
    )
    trusted_proxies: Names = Field(
        ("127.0.0.1", "::1"),
        description="Addresses or networks whose X-Forwarded-For names the client.",
    )
    rate_limit_requests: int = Field(
        1200,
        ge=1,
        description="Requests per API key, replica and window; as many may come at once.",
    )
    rate_limit_window_seconds: int = Field(60, ge=1, description="The window of all rate limits.")
    address_rate_limit_requests: int = Field(
        6000, ge=1, description="The same per client address, for requests without a valid key."
    )
    max_open_streams: int = Field(
        50, ge=1, description="Event streams that one API key may hold open, per replica."
    )
    max_open_streams_per_tenant: int = Field(
        200, ge=1, description="The same for all API keys of a tenant together."
    )
    # A client's patience of 5 s, less what a busy machine needs to claim the key before it and to
    # withdraw a start that nobody answered after it (0.6 s were measured in a CI run).
    start_timeout_seconds: float = Field(
        4.0, gt=0, description="How long a request waits for its call's room."
    )

    @field_validator("adopt_rooms", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_list(value)

    @field_validator("public_api_url", "temporal_ui_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @model_validator(mode="after")
    def _callers_reach_servers_where_we_do(self) -> ApiSettings:
        self.livekit_public_url = self.livekit_public_url or self.livekit_url
        self.s3_public_url = self.s3_public_url or self.s3_endpoint
        return self

    @property
    def start_timeout(self) -> timedelta:
        return timedelta(seconds=self.start_timeout_seconds)
