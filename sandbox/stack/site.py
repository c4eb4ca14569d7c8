"""One stack's place: its folder, its ports, its keys, and the addresses that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.stack.keys import Keys
from sandbox.stack.parts import Part
from sandbox.stack.ports import Ports

CHECKOUT = Path(__file__).resolve().parents[2]
NAMESPACE = "default"
TASK_QUEUE = "calls"
BRIDGE_TASK_QUEUE = "bridge"
BUCKET = "recordings"
REGION = "us-east-1"
STAND_INS = ("deepgram", "groq", "elevenlabs", "openai")


@dataclass(frozen=True, slots=True)
class Site:
    folder: Path
    ports: Ports
    keys: Keys
    webhooks_to: str | None = None  # a test's own listener in front of the API

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def webhook_url(self) -> str:
        """Where LiveKit and the recorder tell what happens."""
        return self.webhooks_to or f"{self.api_url}/livekit/webhook"

    @property
    def temporal_address(self) -> str:
        return f"127.0.0.1:{self.ports.temporal}"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.temporal_ui}"

    @property
    def livekit_url(self) -> str:
        return f"ws://127.0.0.1:{self.ports.livekit}"

    @property
    def s3_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports.s3}"

    @property
    def providers_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.providers}"

    @property
    def recorder_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.recorder}"

    @property
    def sip_api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.sip_api}"

    @property
    def phrases_url(self) -> str:
        return f"{self.providers_url}/phrases"

    @property
    def talk_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.talk}/talk"

    @property
    def carrier_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.carrier_http}"

    @property
    def carrier_address(self) -> str:
        """Where it hears SIP, by TCP and UDP."""
        return f"127.0.0.1:{self.ports.carrier_sip}"

    @property
    def ladder_folder(self) -> Path:
        """`<call_id>.txt` for each phone leg (docs/telephony.md)."""
        return self.folder / "ladders"

    @property
    def metrics_urls(self) -> dict[str, str]:
        ports = {
            Part.API: self.ports.api,
            Part.WORKER: self.ports.worker_http,
            Part.ATLAS: self.ports.atlas_metrics,
            Part.MEDIA_BOT: self.ports.media_bot_metrics,
            Part.BRIDGE: self.ports.bridge_http,
        }
        return {part.value: f"http://127.0.0.1:{port}/metrics" for part, port in ports.items()}

    @property
    def description_file(self) -> Path:
        return self.folder / "stack.json"

    def log(self, part: Part) -> Path:
        return self.folder / "logs" / f"{part}.log"
