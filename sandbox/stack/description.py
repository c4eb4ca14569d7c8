"""`stack.json`: what a running stack tells tests, the bench and people about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from sandbox.stack.errors import StackError
from sandbox.stack.keys import write_private
from sandbox.stack.site import BUCKET, NAMESPACE, STAND_INS, Site


@dataclass(frozen=True, slots=True)
class StandIn:
    control_url: str  # `POST/DELETE {control_url}/fault`, `GET {control_url}/log`


@dataclass(frozen=True, slots=True)
class ProcessEntry:
    pid: int
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StackDescription:
    api_url: str
    api_key: str
    temporal_address: str
    temporal_namespace: str
    temporal_ui_url: str
    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: str
    s3_endpoint: str
    s3_bucket: str
    s3_access_key_id: str
    s3_secret_access_key: str
    phrases_url: str
    talk_url: str
    carrier_address: str  # host:port of its SIP, by TCP and UDP
    ladder_folder: str
    metrics_urls: dict[str, str]  # for Prometheus, by part
    stand_ins: dict[str, StandIn]
    processes: dict[str, ProcessEntry]

    @classmethod
    def of(cls, site: Site, processes: Mapping[str, ProcessEntry]) -> Self:
        keys = site.keys
        stand_ins = {name: StandIn(f"{site.providers_url}/{name}/control") for name in STAND_INS}
        return cls(
            api_url=site.api_url,
            api_key=keys.api_key,
            temporal_address=site.temporal_address,
            temporal_namespace=NAMESPACE,
            temporal_ui_url=site.temporal_ui_url,
            livekit_url=site.livekit_url,
            livekit_api_key=keys.livekit_api_key,
            livekit_api_secret=keys.livekit_api_secret,
            s3_endpoint=site.s3_endpoint,
            s3_bucket=BUCKET,
            s3_access_key_id=keys.s3_access_key_id,
            s3_secret_access_key=keys.s3_secret_access_key,
            phrases_url=site.phrases_url,
            talk_url=site.talk_url,
            carrier_address=site.carrier_address,
            ladder_folder=str(site.ladder_folder),
            metrics_urls=site.metrics_urls,
            stand_ins=stand_ins
            | {
                "recorder": StandIn(f"{site.recorder_url}/control"),
                "sip": StandIn(f"{site.sip_api_url}/control"),
                "carrier": StandIn(f"{site.carrier_url}/control"),
            },
            processes=dict(processes),
        )

    def workflow_url(self, workflow_id: str) -> str:
        """The page of the Temporal UI that tells this workflow's story."""
        return (
            f"{self.temporal_ui_url}/namespaces/{self.temporal_namespace}/workflows/{workflow_id}"
        )

    def write(self, file: Path) -> None:
        write_private(file, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        try:
            raw = json.loads(file.read_text())
            raw["stand_ins"] = {name: StandIn(**one) for name, one in raw["stand_ins"].items()}
            raw["processes"] = {name: ProcessEntry(**one) for name, one in raw["processes"].items()}
            return cls(**raw)
        except FileNotFoundError:
            raise StackError(
                f"No stack runs from {file.parent}: start one with `make up`."
            ) from None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise StackError(
                f"{file} is not what `make up` wrote: run `make down`, then `make up`."
            ) from None
