"""The settings that each part is given (docs/interfaces.md), and nothing else of the user's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.stack.errors import StackError
from sandbox.stack.parts import Part
from sandbox.stack.ports import BRIDGE_RTP, CARRIER_RTP
from sandbox.stack.site import (
    BRIDGE_TASK_QUEUE,
    BUCKET,
    CHECKOUT,
    NAMESPACE,
    REGION,
    STAND_INS,
    TASK_QUEUE,
    Site,
)

_THIS_MACHINE = "127.0.0.0/8,::1"
_PRICES = Path(__file__).with_name("prices.yaml")  # of the stack's carrier

# What a program needs of the machine. PYTHONDONTWRITEBYTECODE is left out on purpose: compiling
# LiveKit's packages anew at each start costs seconds.
_OF_THE_MACHINE = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "LOG_FORMAT"),
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")

REAL_PROVIDERS = "SWITCHBOARD_REAL_PROVIDERS"
_VENDORS = {
    "deepgram": ("DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL", "/deepgram/v1/listen"),
    "groq": ("GROQ_API_KEY", "GROQ_BASE_URL", "/groq/openai/v1"),
    "elevenlabs": ("ELEVEN_API_KEY", "ELEVENLABS_BASE_URL", "/elevenlabs/v1"),
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "/openai/v1"),
}


def environment(part: Part, site: Site) -> dict[str, str]:
    base = {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}
    base |= {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    return base | _SETTINGS[part](site)


def _engine(site: Site) -> dict[str, str]:
    return {
        "TEMPORAL_ADDRESS": site.temporal_address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "TEMPORAL_UI_URL": site.temporal_ui_url,
        "CALL_TASK_QUEUE": TASK_QUEUE,
        "BRIDGE_TASK_QUEUE": BRIDGE_TASK_QUEUE,
        "PAYLOAD_ENCRYPTION": "on",
        "PAYLOAD_KEYS": site.keys.payload_keys,
    }


def _livekit(site: Site) -> dict[str, str]:
    return {
        "LIVEKIT_URL": site.livekit_url,
        "LIVEKIT_API_KEY": site.keys.livekit_api_key,
        "LIVEKIT_API_SECRET": site.keys.livekit_api_secret,
    }


def _database_url(site: Site) -> str:
    return f"sqlite+aiosqlite:///{site.folder / 'switchboard.db'}"


def _storage(site: Site) -> dict[str, str]:
    return {
        "DATABASE_URL": _database_url(site),
        "S3_ENDPOINT": site.s3_endpoint,
        "S3_BUCKET": BUCKET,
        "S3_REGION": REGION,
        "S3_ACCESS_KEY_ID": site.keys.s3_access_key_id,
        "S3_SECRET_ACCESS_KEY": site.keys.s3_secret_access_key,
        "CALL_TOKEN_SECRET": site.keys.call_token_secret,
        "DEFAULT_ASSISTANT_ID": "demo",
    }


def _s3(site: Site) -> dict[str, str]:
    return {
        "ROOT_ACCESS_KEY": site.keys.s3_access_key_id,
        "ROOT_SECRET_KEY": site.keys.s3_secret_access_key,
    }


def _providers(site: Site) -> dict[str, str]:
    return {"PROVIDERS_PORT": str(site.ports.providers)}


def _recorder(site: Site) -> dict[str, str]:
    return _livekit(site) | {
        "RECORDER_PORT": str(site.ports.recorder),
        "RECORDER_WEBHOOK_URLS": site.webhook_url,
        "RECORDER_BACKUP_DIR": str(_backup(site)),
    }


def _backup(site: Site) -> Path:
    return site.folder / "recorder-backup"


def _sip(site: Site) -> dict[str, str]:
    return _livekit(site) | {
        "LIVEKIT_SIP_HTTP_PORT": str(site.ports.sip_api),
        "LIVEKIT_SIP_RTP_PORTS": BRIDGE_RTP,
    }


def _api(site: Site) -> dict[str, str]:
    return {
        **_engine(site),
        **_livekit(site),
        **_storage(site),
        "API_HOST": "127.0.0.1",
        "API_PORT": str(site.ports.api),
        "PUBLIC_API_URL": site.api_url,
        "MEDIA_ASSETS_URL": site.api_url,
        "BOOTSTRAP_API_KEY": site.keys.api_key,
        "ADOPT_ROOMS": "lobby-",
        # Tests and benches ask as fast as they can, all with one key.
        "RATE_LIMIT_REQUESTS": "1000000",
        "ADDRESS_RATE_LIMIT_REQUESTS": "1000000",
        "MAX_OPEN_STREAMS": "1000",
        "MAX_OPEN_STREAMS_PER_TENANT": "1000",
        "TOOL_PRIVATE_NETWORKS": _THIS_MACHINE,
        "WEBHOOK_PRIVATE_NETWORKS": _THIS_MACHINE,
        # The Temporal UI's page has no API key to send; CORS keeps other sites' pages out.
        "CODEC_OPEN": "on",
    }


def _worker(site: Site) -> dict[str, str]:
    return {
        **_engine(site),
        **_livekit(site),
        **_storage(site),
        "EGRESS_API_URL": site.recorder_url,
        "EGRESS_BACKUP_DIR": str(_backup(site)),
        "SIP_API_URL": site.sip_api_url,
        "MEDIA_ASSETS_URL": site.api_url,
        "PRICE_TABLE": str(_PRICES),
        "WORKER_HTTP_PORT": str(site.ports.worker_http),
        "WEBHOOK_PRIVATE_NETWORKS": _THIS_MACHINE,
    }


def _atlas(site: Site) -> dict[str, str]:
    return {
        **_agent(site),
        **ai_providers(site, os.environ),
        "ATLAS_HEALTH_PORT": str(site.ports.atlas_health),
        "ATLAS_PROMETHEUS_PORT": str(site.ports.atlas_metrics),
        "ATLAS_IDLE_PROCESSES": "2",
        # A busy laptop would drop dispatches without a word.
        "ATLAS_LOAD_THRESHOLD": "inf",
        "ELEVENLABS_ENCODING": "pcm_24000",
        "TOOL_PRIVATE_NETWORKS": _THIS_MACHINE,
    }


def _media_bot(site: Site) -> dict[str, str]:
    return {
        **_agent(site),
        **ai_providers(site, os.environ),
        "MEDIA_BOT_HEALTH_PORT": str(site.ports.media_bot_health),
        "MEDIA_BOT_PROMETHEUS_PORT": str(site.ports.media_bot_metrics),
        "MEDIA_BOT_LOAD_THRESHOLD": "inf",
        "MEDIA_ASSET_HOSTS": f"127.0.0.1:{site.ports.api}",
    }


def _talk(site: Site) -> dict[str, str]:
    return {
        "TALK_PORT": str(site.ports.talk),
        "PHRASES_URL": site.phrases_url,
        "API_URL": site.api_url,
        "API_KEY": site.keys.api_key,
    }


def _carrier(site: Site) -> dict[str, str]:
    return {
        "CARRIER_SIP_PORT": str(site.ports.carrier_sip),
        "CARRIER_HTTP_PORT": str(site.ports.carrier_http),
        "CARRIER_RTP_PORTS": CARRIER_RTP,
        "CARRIER_RECORDINGS": str(site.folder / "carrier"),
        # The trunk's own limits are what is tried; a refusal of the carrier's is armed as a fault.
        "CARRIER_CALLS_PER_MINUTE": "6000",
    }


def _bridge(site: Site) -> dict[str, str]:
    address = f"127.0.0.1:{site.ports.bridge_sip}"
    return {
        **_engine(site),
        **_livekit(site),
        "DATABASE_URL": _database_url(site),
        "BRIDGE_LISTEN": f"udp://{address},tcp://{address}",
        "BRIDGE_RTP_PORTS": BRIDGE_RTP,
        "BRIDGE_HTTP_PORT": str(site.ports.bridge_http),
        "BRIDGE_LADDER_FOLDER": str(site.ladder_folder),
    }


def _agent(site: Site) -> dict[str, str]:
    return {
        **_engine(site),
        **_livekit(site),
        "COMPASS_URL": site.api_url,
        "INTERNAL_API_URL": site.api_url,
    }


def ai_providers(site: Site, user: Mapping[str, str]) -> dict[str, str]:
    """The stand-ins, except for vendors that the user asked to be real by name.

    A key that merely lies in the user's shell must not send a demo's words abroad.
    """
    real = {name for name in user.get(REAL_PROVIDERS, "").replace(" ", "").split(",") if name}
    if unknown := real - set(STAND_INS):
        raise StackError(
            f"{REAL_PROVIDERS} names {', '.join(sorted(unknown))}; it knows {', '.join(STAND_INS)}."
        )
    settings = {name: user[name] for name in _PROXIES if real and name in user}
    if settings:
        settings["NO_PROXY"] = settings["no_proxy"] = "127.0.0.1,localhost"
    for vendor, (key, base_url, path) in _VENDORS.items():
        if vendor not in real:
            settings |= {key: "stand-in", base_url: f"{site.providers_url}{path}"}
        elif key in user:
            settings[key] = user[key]
        else:
            raise StackError(f"{REAL_PROVIDERS} names {vendor}, but {key} is not set.")
    return settings


_SETTINGS: dict[Part, Callable[[Site], dict[str, str]]] = {
    Part.TEMPORAL: lambda site: {},
    Part.LIVEKIT: lambda site: {},
    Part.S3: _s3,
    Part.PROVIDERS: _providers,
    Part.RECORDER: _recorder,
    Part.SIP: _sip,
    Part.API: _api,
    Part.WORKER: _worker,
    Part.ATLAS: _atlas,
    Part.MEDIA_BOT: _media_bot,
    Part.TALK: _talk,
    Part.CARRIER: _carrier,
    Part.BRIDGE: _bridge,
}
