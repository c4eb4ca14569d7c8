from __future__ import annotations

import base64
import binascii
from datetime import timedelta

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class EngineSettings(BaseSettings):
    """How to reach Temporal, and with which keys payloads are encrypted."""

    model_config = SettingsConfigDict(extra="ignore")

    temporal_address: str = Field(description="host:port of the Temporal frontend")
    temporal_namespace: str = "default"
    temporal_ui_url: str = Field("", description="base URL of the Temporal UI, for links")
    call_task_queue: str = "calls"
    payload_encryption: bool = Field(True, description="off: payloads are readable in the database")
    payload_keys: str = Field(
        "",
        description="key_id:base64 of 32 bytes, comma separated; the first one encrypts",
        repr=False,
    )
    temporal_rpc_timeout: timedelta = timedelta(seconds=5)

    @field_validator("payload_keys")
    @classmethod
    def _keys_are_well_formed(cls, text: str) -> str:
        parse_payload_keys(text)
        return text

    @property
    def keys(self) -> dict[str, bytes]:
        return parse_payload_keys(self.payload_keys)


def parse_payload_keys(text: str) -> dict[str, bytes]:
    """`dev:<base64>,old:<base64>` -> {id: 32 bytes}. Raises ValueError without repeating a key."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, colon, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not colon or not key_id or len(key) != 32:
            raise ValueError("every payload key is written as key_id:base64 of 32 bytes")
        keys[key_id] = key
    return keys
