"""The secrets of one stack: made once, kept in its folder, so that old data stays readable."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from sandbox.stack.errors import StackError


def _hex(size: int) -> str:
    return secrets.token_hex(size)


def _payload_keys() -> str:
    return "dev:" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    api_key: str = field(default_factory=lambda: f"sk_dev_{_hex(16)}")
    livekit_api_key: str = field(default_factory=lambda: f"lk{_hex(6)}")
    livekit_api_secret: str = field(default_factory=lambda: _hex(24))  # LiveKit wants 32 characters
    s3_access_key_id: str = field(default_factory=lambda: f"s3{_hex(8)}")
    s3_secret_access_key: str = field(default_factory=lambda: _hex(20))
    call_token_secret: str = field(default_factory=lambda: _hex(32))
    payload_keys: str = field(default_factory=_payload_keys)

    @classmethod
    def load_or_make(cls, file: Path) -> Self:
        if not file.exists():
            made = cls()
            write_private(file, json.dumps(asdict(made), indent=2) + "\n")
            return made
        try:
            kept = json.loads(file.read_text())
            return cls(**{item.name: str(kept[item.name]) for item in fields(cls)})
        except (ValueError, KeyError, TypeError):
            raise StackError(
                f"{file} is damaged: remove {file.parent}, which holds only the data of this "
                "stack, and start again."
            ) from None


def write_private(file: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)
