from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from activities.settings import BridgeWorkerSettings, WorkerSettings
from agents.atlas.settings import AtlasSettings
from agents.media_bot.settings import MediaBotSettings
from api.settings import ApiSettings
from engine.secret_files import is_secret, names_of
from sandbox.carrier.settings import CarrierSettings
from sandbox.hall.settings import HallSettings
from sandbox.livekit_sip.settings import LiveKitSipSettings
from sandbox.providers.settings import ProvidersSettings
from sandbox.recorder.settings import RecorderSettings
from sandbox.talk.settings import TalkSettings

PROCESSES: dict[str, type[BaseSettings]] = {
    "api": ApiSettings,
    "worker": WorkerSettings,
    "atlas": AtlasSettings,
    "media-bot": MediaBotSettings,
    "bridge": BridgeWorkerSettings,
    "providers": ProvidersSettings,
    "recorder": RecorderSettings,
    "sip": LiveKitSipSettings,
    "talk": TalkSettings,
    "hall": HallSettings,
    "carrier": CarrierSettings,
}
"""One class per process, by the process' name (docs/interfaces.md)."""

_CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class SettingDoc:
    name: str  # in the environment
    required: bool
    secret: bool  # may also come from the file that `{name}_FILE` names
    kind: str
    default: str  # in words as the environment would have it; empty when there is none
    meaning: str
    also_accepted: tuple[str, ...] = ()  # older or other names


def settings_by_process() -> dict[str, list[SettingDoc]]:
    """What each process reads from its environment, in the order of its class."""
    return {
        process: [_doc(name, field) for name, field in kind.model_fields.items()]
        for process, kind in PROCESSES.items()
    }


def _doc(name: str, field: FieldInfo) -> SettingDoc:
    first, *others = names_of(name, field)
    return SettingDoc(
        name=first,
        required=field.is_required(),
        secret=is_secret(field),
        kind=_kind(field.annotation),
        default="" if field.is_required() else _written(field.default),
        meaning=field.description or "",
        also_accepted=tuple(others),
    )


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_kind(each) for each in arguments if each is not NoneType)
    if origin is tuple:
        return "list"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{each.value}`" for each in annotation)
    return {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "`on` or `off`",
        Path: "path",
        timedelta: "seconds",
    }[annotation]


def _written(default: Any) -> str:
    match default:
        case None | "" | ():
            return ""
        case bool():
            return "on" if default else "off"
        case Enum():
            return str(default.value)
        case timedelta():
            return f"{default.total_seconds():g}"
        case Path():
            inside = default.is_relative_to(_CHECKOUT)
            return str(default.relative_to(_CHECKOUT) if inside else default)
        case _:
            return str(default)
