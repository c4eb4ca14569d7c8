from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import openai

from agents.atlas.settings import ProviderSettings


class UnknownProvider(ValueError):
    """The assistant names a provider that Atlas has no plugin or no key for."""


@dataclass(frozen=True, slots=True)
class Vendors:
    """The ways to the providers, opened by whoever closes them."""

    settings: ProviderSettings
    http: aiohttp.ClientSession
    groq: openai.AsyncClient


def without_region(language: str) -> str:
    return language.partition("-")[0]
