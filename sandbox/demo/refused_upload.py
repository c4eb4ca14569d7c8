"""The object store refuses a recording, and an operator's retry heals it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.demo.record import Record
from sandbox.stack import StackDescription

REASON = "The store takes uploads again."
_CHECKOUT = Path(__file__).parents[2]
_LIMIT = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    failed: dict[str, Any]  # the recording before
    command: str
    code: int
    told: dict[str, Any]  # of the recording, by the command


@contextlib.asynccontextmanager
async def uploads_refused(recorder_control: str) -> AsyncIterator[None]:
    """As a store does whose key was withdrawn; Egress does not try that again."""
    fault = f"{recorder_control}/fault"
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        await http.post(fault, json={"operation": "upload", "kind": "status", "value": 403})
        try:
            yield
        finally:
            await http.delete(fault)


async def retry_recording(stack: StackDescription, call_id: str, failed: dict[str, Any]) -> Retry:
    """By the command line, as an operator would."""
    words = ("recordings", "retry", call_id, "--reason", REASON)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *words, "--json"),
        cwd=_CHECKOUT,
        env=os.environ
        | {"SWITCHBOARD_API_URL": stack.api_url, "SWITCHBOARD_API_KEY": stack.api_key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(_LIMIT):
        out, _ = await process.communicate()
    document = json.loads(out or b"{}")
    told = (document.get("items") or [document.get("error") or {}])[0]
    shown = f'switchboard recordings retry {call_id} --reason "{REASON}"'
    return Retry(failed=failed, command=shown, code=process.returncode or 0, told=told)


def retry_faults(retry: Retry, record: Record) -> Iterator[str]:
    """`record`: of the call, after the retry."""
    if retry.failed["status"] != "needs_attention":
        yield f"The recording that was refused is {retry.failed['status']!r}, not needs_attention."
    if (retry.code, retry.told.get("status")) != (0, "ready"):
        yield f"The retry did not heal it: {retry.told.get('detail')}"
    if hashlib.sha256(record.audio).hexdigest() != record.recording.get("sha256"):
        yield "The healed recording is not the file whose SHA-256 is on record."
