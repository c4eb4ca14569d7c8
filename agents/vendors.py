"""The ways to the AI vendors that both agents ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import openai

from agents.settings import HearingSettings


class UnknownProvider(ValueError):
    """Somebody names a provider that there is no plugin or no key for."""


@dataclass(frozen=True, slots=True)
class HearingVendors:
    """Opened by whoever closes them. `groq` makes its client when that is needed: it takes 1 MiB,
    and most calls that are only transcribed need none."""

    settings: HearingSettings
    http: aiohttp.ClientSession
    groq: Callable[[], openai.AsyncClient]


def without_region(language: str) -> str:
    return language.partition("-")[0]
