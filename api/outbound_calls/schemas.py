from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from api.fields import Language, Metadata, Strict
from api.links import CallLinks
from api.phone_numbers import CallableNumber, Keys, PhoneNumber

# Together with the rest of an INVITE they have to fit into one datagram, which networks carry
# whole up to about 1,300 bytes (RFC 3261 section 18.1.1).
_MAX_HEADERS, _MAX_HEADER_BYTES = 10, 512
_MAX_ATTRIBUTES, _MAX_ATTRIBUTE_BYTES = 32, 4096

# What we and LiveKit say of a participant ourselves (contract.rooms).
_OWN_ATTRIBUTES = ("sip.", "call.", "media.", "stt.", "lk.")

_HeaderName = Annotated[str, StringConstraints(pattern=r"^[Xx]-[A-Za-z0-9-]{1,62}$")]
# No control characters (C0, DEL, C1) and no line breaks of Unicode's, which would begin another
# header somewhere; no space at either end, where none would arrive.
_HeaderValue = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^\x00-\x20\x7f-\xa0\u2028\u2029]"
        r"([^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,254}[^\x00-\x20\x7f-\xa0\u2028\u2029])?$"
    ),
]
_AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
_AttributeValue = Annotated[
    str, StringConstraints(max_length=1024, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
]

_NO_OTHER_NAMES: JsonDict = {"additionalProperties": False}


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in headers}) < len(headers):
        raise PydanticCustomError("header_twice", "names a header twice; case makes no difference")
    _check_size(headers, _MAX_HEADER_BYTES)
    return headers


def _check_attributes(attributes: dict[str, str]) -> dict[str, str]:
    for name in attributes:
        if name.lower().startswith(_OWN_ATTRIBUTES):
            raise PydanticCustomError(
                "reserved_attribute",
                "{name} is not yours to set: names that begin with {reserved} are reserved",
                {"name": name, "reserved": ", ".join(_OWN_ATTRIBUTES)},
            )
    _check_size(attributes, _MAX_ATTRIBUTE_BYTES)
    return attributes


def _check_size(pairs: dict[str, str], limit: int) -> None:
    if sum(len(name.encode()) + len(value.encode()) for name, value in pairs.items()) > limit:
        raise PydanticCustomError(
            "too_large", "is larger than {limit} bytes in all", {"limit": limit}
        )


class OutboundCallRequest(Strict):
    assistant_id: str = Field(
        min_length=1, max_length=64, description="Who speaks.", examples=["demo"]
    )
    trunk_id: str = Field(
        min_length=1, max_length=64, description="Over which trunk.", examples=["mumbai"]
    )
    to_number: CallableNumber = Field(
        repr=False, description="Whom to call, in E.164.", examples=["+12025550123"]
    )
    from_number: PhoneNumber | None = Field(
        None,
        repr=False,
        description="What they are shown: the trunk's own number (the default), or one of yours "
        "in `/numbers`.",
        examples=["+12025550199"],
    )
    language: Language | None = Field(
        None, description="Overrides the assistant's language.", examples=["en-US"]
    )
    record: bool | None = Field(None, description="Overrides the assistant's setting.")
    ringing_timeout_seconds: int | None = Field(
        None,
        ge=5,
        le=180,
        description="How long it may ring. Default: the trunk's. LiveKit SIP: 75 s at most.",
    )
    max_duration_seconds: float | None = Field(
        None, ge=1, le=86_400, description="From the answer on. Default: the assistant's."
    )
    queue_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="How long it may wait for its turn, beyond what the trunk carries at once or "
        "a second; then it ends as `capacity`. 0: now or not at all.",
    )
    dtmf: Keys | None = Field(
        None,
        repr=False,
        description="Keys to press once it is answered; `w` waits half a second.",
        examples=["ww101#"],
    )
    headers: Annotated[
        dict[_HeaderName, _HeaderValue],
        Field(max_length=_MAX_HEADERS, json_schema_extra=_NO_OTHER_NAMES),
        AfterValidator(_check_headers),
    ] = Field(
        default_factory=dict,
        description="For the INVITE: `X-…` only; at most 512 bytes in all.",
        examples=[{"X-Campaign": "spring"}],
    )
    attributes: Annotated[
        dict[_AttributeName, _AttributeValue],
        Field(max_length=_MAX_ATTRIBUTES, json_schema_extra=_NO_OTHER_NAMES),
        AfterValidator(_check_attributes),
    ] = Field(
        default_factory=dict,
        description="For the phone's participant in the room, beside its `sip.*`; at most 4 KiB.",
        examples=[{"crm.ticket": "A-17"}],
    )
    metadata: Metadata = Field(
        default_factory=dict,
        description="Kept with the call and returned with it; at most 4 KiB of JSON.",
        examples=[{"order": "A-17"}],
    )


class OutboundCallStarted(BaseModel):
    call_id: str = Field(examples=["call_01kafz9q0rmx5yt7w2e3n4p5q6"])
    room_name: str = Field(description="The LiveKit room that it will be in.")
    status: Literal["queued"] = Field(
        "queued", description="As it was accepted; `links.self` tells how it is now."
    )
    links: CallLinks
