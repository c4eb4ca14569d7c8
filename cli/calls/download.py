"""A recording as a file, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import httpx2
from rich.progress import Progress

from cli.errors import Away, CliError, Exit, Usage
from cli.screen import Screen


def download(screen: Screen, recording: dict[str, Any], target: Path) -> None:
    """Raises CliError; what was there before stays until all of it has come, and is right."""
    url = recording["url"]
    if not url:
        why = f": {recording['detail']}" if recording["detail"] else ""
        raise CliError(
            Exit.CONFLICT, f"There is nothing to download: it is {recording['status']}{why}."
        )
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with draft.open("wb") as file:
            for chunk in _chunks(screen, url, recording["size_bytes"]):
                digest.update(chunk)
                file.write(chunk)
        if recording["sha256"] and digest.hexdigest() != recording["sha256"]:
            raise CliError(
                Exit.CHECK_FAILED, "What was downloaded is not what was recorded (its SHA-256)."
            )
        draft.replace(target)
    except OSError as trouble:
        raise Usage(f"{target} cannot be written: {trouble.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)


def _chunks(screen: Screen, url: str, size: int | None) -> Any:
    # A client of its own: a presigned link refuses a second authorization.
    try:
        with (
            Progress(console=screen.err, transient=True, disable=not screen.err.is_terminal) as bar,
            httpx2.stream("GET", url, timeout=30.0) as answer,
        ):
            if not answer.is_success:
                raise Away(f"The object store answered {answer.status_code}; ask for a new link.")
            task = bar.add_task("Downloading", total=size)
            for chunk in answer.iter_bytes():
                bar.advance(task, len(chunk))
                yield chunk
    except httpx2.TransportError as trouble:
        raise Away(f"The object store cannot be reached: {trouble}.") from None
