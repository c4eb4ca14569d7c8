"""Egress' backup storage (`backup` in its configuration): what the object store did not take lies
there under its object key. A folder that Egress and the worker share."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from shutil import rmtree


class BackupUnavailable(Exception):
    """It is configured and cannot be read; what is in it is not known."""


class EgressBackup:
    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @property
    def is_known(self) -> bool:
        """Otherwise there is none, as far as we were told."""
        return self._folder is not None

    def files(self, folder_key: str) -> dict[str, Path]:
        """Recordings by their object keys. Blocks. Raises BackupUnavailable."""
        if self._folder is None:
            return {}
        try:
            # A folder that is not mounted must not look like one that has nothing.
            list(self._folder.iterdir())
            found = sorted((self._folder / folder_key).glob("*.ogg"))
        except OSError as error:
            words = f"Egress' backup storage cannot be read: {error.strerror}."
            raise BackupUnavailable(words) from error
        return {f"{folder_key}{file.name}": file for file in found}

    def delete_all(self, folder_key: str) -> int:
        """Whatever of a recording lies there; how many files there were. Blocks. Raises
        BackupUnavailable, also when they are not ours to delete: then they are still there."""
        if self._folder is None:
            return 0
        try:
            list(self._folder.iterdir())  # as above
            folder = self._folder / folder_key
            found = [file for file in folder.rglob("*") if file.is_file()]
            if folder.is_dir():
                rmtree(folder)
        except OSError as error:
            words = f"Egress' backup storage keeps the recording's files: {error.strerror}."
            raise BackupUnavailable(words) from error
        return len(found)

    def forget(self, key: str) -> bool:
        """False when it stays: Egress' files are often not ours to delete."""
        if self._folder is None:
            return True
        file = self._folder / key
        try:
            file.unlink(missing_ok=True)
        except OSError:
            return False
        with suppress(OSError):  # others are in it
            file.parent.rmdir()
        return True
