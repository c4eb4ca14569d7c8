"""Files that hold numbers or voices: only their owner may read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


def create_private(file: Path) -> BinaryIO:
    """Empty, also where one was before, whatever its mode was. Raises OSError."""
    return open(file, "wb", opener=_private)


def _private(path: str, flags: int) -> int:
    found = os.open(path, flags, 0o600)
    os.fchmod(found, 0o600)
    return found
