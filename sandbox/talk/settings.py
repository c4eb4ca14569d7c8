"""Settings of `python -m sandbox.talk`, from the environment."""

from __future__ import annotations

from pydantic import Field

from engine.secret_files import Secret
from engine.settings import ProcessSettings


class TalkSettings(ProcessSettings):
    """`TALK_PORT` has no default: who starts the stack chooses the ports."""

    talk_port: int = Field(ge=1, le=65535, description="Port of the page.")
    phrases_url: str = Field("", description="Where the stand-ins list what can be said to them.")
    api_url: str = Field("", description="Switchboard's API; without it only links open calls.")
    api_key: Secret = Field("", description="A key of that API.")
    assistant_id: str = Field("demo", description="Who answers on the page.")
