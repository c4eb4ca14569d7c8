"""Decoded assets in a folder, shared by all calls of one machine.

livekit-agents has a process for each call, so a cache in memory would be empty in each. A file is
mapped instead of read: calls that play the same music share one copy of it in the page cache.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from agents.media_bot.playback.decoding import Samples

log = logging.getLogger(__name__)

_HEADER = 4096  # bytes of JSON, padded; then the samples
_SUFFIX = ".pcm"
_LOOK_AGAIN = 0.01  # seconds; the kernel tells nobody that a lock is free, unless they block


@dataclass(frozen=True, slots=True)
class Origin:
    """What the samples were made of."""

    url: str
    etag: str
    digest: str  # of the file's bytes: a host without etags may still send the same


@dataclass(frozen=True, slots=True)
class Kept:
    origin: Origin
    samples: Samples


class AssetCache:
    def __init__(self, folder: Path, budget: int) -> None:
        """`budget` in bytes; 0 keeps nothing. A folder that is not ours alone is not used: who may
        write there could choose what callers hear."""
        self._folder = folder
        self._budget = budget if budget and _is_private(folder) else 0

    def find(self, url: str) -> Kept | None:
        path = self._path(url)
        try:
            with path.open("rb") as file:
                origin = Origin(**json.loads(file.read(_HEADER)))
            samples = np.memmap(path, dtype=np.int16, mode="r", offset=_HEADER)
            os.utime(path)  # used just now
        except (OSError, ValueError, TypeError):
            return None
        return Kept(origin, samples) if origin.url == _digest(url) else None

    def keep(self, url: str, etag: str, digest: str, samples: Samples) -> Samples:
        """Returns what to play: the mapped file, or the same samples if it cannot be kept."""
        size = _HEADER + samples.nbytes
        if size > self._budget:
            return samples
        origin = Origin(_digest(url), etag, digest)
        try:
            self._make_room(size, self._path(url))
            self._write(self._path(url), origin, samples)
        except OSError as error:
            log.warning("a media asset cannot be kept", extra={"error": error.strerror})
            return samples
        kept = self.find(url)
        return kept.samples if kept else samples

    @asynccontextmanager
    async def alone(self, url: str) -> AsyncIterator[None]:
        """Over all processes: who wants the same asset at the same moment waits, and finds it."""
        if not self._budget:
            yield
            return
        path = self._path(url).with_suffix(".lock")
        with path.open("wb") as file:
            # Another process holds it: there is no event to wait for.
            while not _locked(file.fileno()):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_AGAIN)
            try:
                yield
            finally:
                # Who waits on the file that is gone, beside one who makes it anew, costs a second
                # decoding, nothing else.
                path.unlink(missing_ok=True)

    def _path(self, url: str) -> Path:
        return self._folder / f"{_digest(url)}{_SUFFIX}"

    def _write(self, path: Path, origin: Origin, samples: Samples) -> None:
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                file.write(json.dumps(asdict(origin)).encode().ljust(_HEADER))
                file.write(samples.data)
            # Whoever has the old one mapped goes on with it; nobody ever sees half of one.
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _make_room(self, size: int, replaced: Path) -> None:
        """The least recently used go first. What is played stays mapped until it is let go."""
        files = sorted(
            ((stat.st_mtime, stat.st_size, path) for path, stat in self._files()),
        )
        used = sum(length for _, length, path in files if path != replaced)
        for _, length, path in files:
            if used + size <= self._budget:
                return
            if path != replaced:
                path.unlink(missing_ok=True)
                used -= length

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                found.append((path, path.stat()))
            except FileNotFoundError:
                continue  # another process made room
        return found


def default_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"switchboard-media-{os.getuid()}"


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(url: str) -> str:
    # An address may hold a signature, which is nobody's business on a disk.
    return digest_of(url.encode())


def _is_private(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stat = folder.lstat()
    except OSError as error:
        log.warning("there is no folder for media assets", extra={"error": error.strerror})
        return False
    if folder.is_symlink() or stat.st_uid != os.getuid() or stat.st_mode & 0o022:
        log.warning("the folder for media assets can be written by others: it is not used")
        return False
    return True


def _locked(fileno: int) -> bool:
    try:
        fcntl.flock(fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
