"""The command line of each part."""

from __future__ import annotations

import json
import sys
from typing import Any

from sandbox.stack import servers
from sandbox.stack.keys import write_private
from sandbox.stack.parts import Part
from sandbox.stack.servers import Progress
from sandbox.stack.site import REGION, Site

DYNAMIC_CONFIG = {
    # The default of 20 a second per shard adds a plateau of 50 ms to every step.
    "history.transferProcessorMaxPollRPS": "1000",
    "matching.enableFairness": "true",
    "frontend.WorkflowPauseEnabled": "true",
    # A workflow whose task fails twice in a row is told by /readyz after 10 s, not after a minute.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "2",
    "frontend.WorkflowTimeSkippingEnabled": "true",
}

_MODULES: dict[Part, list[str]] = {
    Part.PROVIDERS: ["-m", "sandbox.providers"],
    Part.RECORDER: ["-m", "sandbox.recorder"],
    Part.SIP: ["-m", "sandbox.livekit_sip"],
    Part.API: ["-m", "api"],
    Part.WORKER: ["worker_main.py"],
    Part.ATLAS: ["-m", "agents.atlas"],
    Part.MEDIA_BOT: ["-m", "agents.media_bot"],
    Part.TALK: ["-m", "sandbox.talk"],
    Part.CARRIER: ["-m", "sandbox.carrier"],
    Part.BRIDGE: ["worker_main.py", "--queue", "bridge"],
}


def command(part: Part, site: Site, tell: Progress) -> list[str]:
    match part:
        case Part.TEMPORAL:
            return _temporal(site)
        case Part.LIVEKIT:
            return [servers.go_program(servers.LIVEKIT, tell), "--config", _livekit_config(site)]
        case Part.S3:
            return _s3(site, tell)
        case _:
            return [sys.executable, *_MODULES[part]]


def search_attribute_types() -> dict[str, Any]:
    """Name -> temporalio's SearchAttributeIndexedValueType."""
    # Late, as temporalio takes its time and not every command needs it.
    from workflows import search_attributes as ours

    return {key.name: key.indexed_value_type for key in ours.ALL}


def search_attributes() -> dict[str, str]:
    """Name -> type, as the server's flag wants them (`Keyword`, `Bool`)."""
    types = {name: kind.name for name, kind in search_attribute_types().items()}
    return {name: kind.replace("_", " ").title().replace(" ", "") for name, kind in types.items()}


def _temporal(site: Site) -> list[str]:
    flags = [f"--search-attribute={name}={kind}" for name, kind in search_attributes().items()]
    flags += [f"--dynamic-config-value={key}={value}" for key, value in DYNAMIC_CONFIG.items()]
    return [
        *[servers.temporal(), "server", "start-dev"],
        *["--ip", "127.0.0.1", "--port", str(site.ports.temporal)],
        *["--ui-port", str(site.ports.temporal_ui), "--ui-disable-news-fetch"],
        *["--ui-codec-endpoint", f"{site.api_url}/codec"],
        *["--db-filename", str(site.folder / "temporal.db"), "--log-level", "warn"],
        # Without these two every step waits for the disk: a third of the calls per second.
        *["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"],
        *flags,
    ]


def livekit_rooms() -> dict[str, object]:
    """How rooms behave, here and in production (deploy/livekit/livekit.yaml)."""
    return {
        "auto_create": True,
        "empty_timeout": 60,
        "departure_timeout": 20,
        "enable_remote_unmute": True,
    }


def _livekit_config(site: Site) -> str:
    ports, keys = site.ports, site.keys
    config = {
        "port": ports.livekit,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            "tcp_port": ports.livekit_tcp,
            "udp_port": ports.livekit_udp,
            "use_external_ip": False,
            "node_ip": "127.0.0.1",
            "enable_loopback_candidate": True,
        },
        "keys": {keys.livekit_api_key: keys.livekit_api_secret},
        "webhook": {"api_key": keys.livekit_api_key, "urls": [site.webhook_url]},
        "room": livekit_rooms(),
        # One JSON object a line: readiness of the agents is read from it.
        "logging": {"json": True, "level": "info"},
    }
    file = site.folder / "livekit.yaml"
    write_private(file, json.dumps(config, indent=2) + "\n")  # JSON is YAML
    return str(file)


def _s3(site: Site, tell: Progress) -> list[str]:
    objects, sidecar = site.folder / "objects", site.folder / "attributes"
    for folder in (objects, sidecar):
        folder.mkdir(exist_ok=True)
    # A sidecar folder, as not every file system (tmpfs, overlays) has extended attributes.
    return [
        *[servers.go_program(servers.VERSITYGW, tell), "--quiet", "--region", REGION],
        *["--port", f"127.0.0.1:{site.ports.s3}", "--health", "/health"],
        *["posix", "--sidecar", str(sidecar), str(objects)],
    ]
