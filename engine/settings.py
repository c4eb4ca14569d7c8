"""Settings that several processes share; each process has one class of its own made of them."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from contract.tool_targets import Network, ToolTargets
from engine.secret_files import Secret, SecretFiles, Unusable

HTTP_URL = r"^https?://"


def split_list(value: object) -> object:
    """`a, b` -> ("a", "b"); what is no text stays as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(split_list)]


class ProcessSettings(BaseSettings):
    """Settings from the environment; secrets also from files (`NAME_FILE`).

    An empty variable counts as not given, as compose files pass on what is not set.
    """

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The lowest level that is logged."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="`json`: one object a line, for machines."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Before the environment, or its complaint about two sources would not be heard.
        return (init_settings, SecretFiles(settings_cls), env_settings)

    @field_validator("*", mode="before")
    @classmethod
    def _file_was_read(cls, value: Any) -> Any:
        if isinstance(value, Unusable):
            value.raise_it()
        return value


class EngineSettings(ProcessSettings):
    """How to reach Temporal, and with which keys payloads are encrypted."""

    temporal_address: str = Field(description="host:port of the Temporal frontend.")
    temporal_namespace: str = Field("default", description="Temporal's namespace for calls.")
    temporal_ui_url: str = Field("", description="Base URL of the Temporal UI, for links.")
    call_task_queue: str = Field("calls", description="Task queue of calls and recordings.")
    bridge_task_queue: str = Field(
        "bridge", description="Task queue of phone calls' dialling, which bridge processes take."
    )

    @property
    def sip_task_queue(self) -> str:
        """Of dialling over LiveKit SIP: the calls' own workers take it, beside all else."""
        return f"{self.call_task_queue}-sip"

    @property
    def webhook_task_queue(self) -> str:
        """Of sending webhooks: the calls' own workers take it, beside all else."""
        return f"{self.call_task_queue}-webhooks"

    payload_encryption: bool = Field(
        True, description="Off: what Temporal keeps is readable in its database."
    )
    payload_keys: Secret = Field(
        "",
        validate_default=True,
        description="`key_id:base64 of 32 bytes`, comma separated; the first one encrypts, the "
        "others still decrypt. Needed unless PAYLOAD_ENCRYPTION is off.",
    )
    temporal_rpc_timeout: timedelta = Field(
        timedelta(seconds=5), description="Patience with one request to Temporal, seconds."
    )

    @field_validator("payload_keys")
    @classmethod
    def _keys_are_well_formed(cls, text: str, info: ValidationInfo) -> str:
        if not parse_payload_keys(text) and info.data.get("payload_encryption", False):
            raise PydanticCustomError("missing", "It is needed to encrypt.")
        return text

    @property
    def keys(self) -> dict[str, bytes]:
        return parse_payload_keys(self.payload_keys)


class LiveKitSettings(ProcessSettings):
    livekit_url: str = Field(
        pattern=r"^(ws|http)s?://", description="LiveKit's address, ws:// or wss://."
    )
    livekit_api_key: str = Field(min_length=1, description="LiveKit's API key.")
    livekit_api_secret: Secret = Field(min_length=1, description="The secret of LIVEKIT_API_KEY.")


class DatabaseSettings(ProcessSettings):
    database_url: Secret = Field(
        pattern=r"^(sqlite\+aiosqlite|postgresql\+asyncpg)://",
        description="`sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`; may hold a password.",
    )


class MediaSettings(ProcessSettings):
    """Where the calls' default assets are, for whoever starts a call."""

    media_assets_url: str = Field(
        "",
        pattern=rf"^$|{HTTP_URL}",
        description="Base URL of the API as Media Bot reaches it, which has the default hold music "
        "and tones; Media Bot's MEDIA_ASSET_HOSTS must name it. Empty: none are played.",
    )


class ToolSettings(ProcessSettings):
    """What the API and Atlas have to agree on about assistants' HTTP tools."""

    tool_private_networks: Networks = Field(
        (),
        description="Networks, such as 10.2.0.0/16, that assistants' HTTP tools may ask although "
        "they are not public; comma separated.",
    )

    @property
    def tool_targets(self) -> ToolTargets:
        return ToolTargets(self.tool_private_networks)


class WebhookSettings(ProcessSettings):
    """What the API and the worker have to agree on about tenants' webhooks."""

    webhook_private_networks: Networks = Field(
        (),
        description="Networks, such as 10.2.0.0/16, that webhooks may be sent to although they are "
        "not public; comma separated.",
    )

    @property
    def webhook_targets(self) -> ToolTargets:
        return ToolTargets(self.webhook_private_networks)


class StorageSettings(DatabaseSettings):
    """The database, the bucket of recordings, and what both sides of the store agree on."""

    call_token_secret: Secret = Field(
        min_length=16, description="Signs the tokens with which agents speak to the API."
    )
    default_assistant_id: str = Field(
        "demo", description="Answers in a room whose metadata names no assistant."
    )
    s3_endpoint: str = Field(pattern=HTTP_URL, description="Address of the object store.")
    s3_bucket: str = Field(min_length=1, description="Bucket of the recordings.")
    s3_region: str = Field("us-east-1", description="Region that requests are signed for.")
    s3_access_key_id: Secret = Field(min_length=1, description="Key id for the bucket.")
    s3_secret_access_key: Secret = Field(min_length=1, description="Secret of S3_ACCESS_KEY_ID.")


def parse_payload_keys(text: str) -> dict[str, bytes]:
    """`dev:<base64>,old:<base64>` -> {id: 32 bytes}. Raises ValueError without repeating a key."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, colon, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not colon or not key_id or len(key) != 32:
            raise ValueError("every payload key is written as key_id:base64 of 32 bytes")
        keys[key_id] = key
    return keys
