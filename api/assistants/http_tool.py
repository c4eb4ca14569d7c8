"""A tool that asks an HTTP service on the assistant's behalf."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from api.fields import Strict
from api.http_url import host_of, is_http_url

# RFC 9110 section 5.6.2 (token) and 5.5: no line breaks.
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=64)
]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$", max_length=2048)]

_MAX_SCHEMA_BYTES = 8192


class HttpTool(Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")] = Field(
        description="What the model calls it by.", examples=["book_table"]
    )
    description: str = Field(
        min_length=1,
        max_length=1000,
        description="When the model should use it.",
        examples=["Book a table for a party on a day."],
    )
    url: Annotated[str, AfterValidator(is_http_url)] = Field(
        max_length=2048,
        description="At a public address, unless this installation allows another; shown to "
        "whoever reads the assistant.",
        examples=["https://blue-door.example/bookings"],
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "POST", description="GET sends the arguments as query, the others as a JSON body."
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        repr=False,
        max_length=20,
        description="Secrets belong here: values are kept encrypted and never shown, in their "
        "place stands `[hidden]`. Sent back, that keeps the value, as long as the tool keeps its "
        "name and its server.",
        json_schema_extra={"additionalProperties": False, "propertyNames": {"maxLength": 64}},
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON schema of an object: the arguments. Empty: none.",
        examples=[{"type": "object", "properties": {"party": {"type": "integer"}}}],
    )
    timeout_seconds: float = Field(10.0, ge=0.1, le=30)

    @property
    def host(self) -> str:
        return host_of(self.url)

    @field_validator("parameters")
    @classmethod
    def _describes_an_object(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if not schema:
            return schema
        if schema.get("type") != "object":
            raise ValueError('must be a JSON schema with "type": "object"')
        properties = schema.get("properties", {})
        if not isinstance(properties, dict) or not all(
            isinstance(described, dict) for described in properties.values()
        ):
            raise ValueError("`properties` must be an object of schemas")
        required = schema.get("required", [])
        if not isinstance(required, list) or not all(name in properties for name in required):
            raise ValueError("`required` must list names of `properties`")
        if len(json.dumps(schema)) > _MAX_SCHEMA_BYTES:
            raise ValueError("is larger than 8 KiB of JSON")
        return schema
