"""Settings of `python -m sandbox.talk`, from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TalkSettings(BaseSettings):
    """`TALK_PORT` has no default: who starts the stack chooses the ports."""

    talk_port: int = Field(ge=1, le=65535)
    phrases_url: str = Field("", description="where the stand-ins list what can be said to them")
    api_url: str = Field("", description="Switchboard's API; without it only links open calls")
    api_key: str = Field("", repr=False)
    assistant_id: str = "demo"
