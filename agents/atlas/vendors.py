from __future__ import annotations

from dataclasses import dataclass

from agents.atlas.settings import ProviderSettings
from agents.vendors import HearingVendors


@dataclass(frozen=True, slots=True)
class Vendors(HearingVendors):
    settings: ProviderSettings
