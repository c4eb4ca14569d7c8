"""The bucket that recordings go to: what Egress is told of it, and reading one back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from livekit import api

from activities.ogg_opus import OggOpusLength
from contract.steps import RecordingVerified
from engine.settings import StorageSettings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_CHUNK = 256 * 1024


class RecordingMissing(Exception):
    """There is no such object, or no such bucket."""


class BucketUnavailable(Exception):
    """S3 does not answer or refuses; the object may be all right."""


class BucketSilent(BucketUnavailable):
    """It does not answer at all; who asks has waited most of a minute."""


@dataclass(frozen=True, kw_only=True)
class RecordingBucket:
    """Where recordings go. Egress gets the keys with its order; Temporal never sees them."""

    endpoint: str
    region: str
    bucket: str
    access_key: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def from_settings(cls, settings: StorageSettings) -> RecordingBucket:
        return cls(
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            bucket=settings.s3_bucket,
            access_key=settings.s3_access_key_id,
            secret=settings.s3_secret_access_key,
        )

    def for_egress(self) -> api.S3Upload:
        return api.S3Upload(
            endpoint=self.endpoint,
            region=self.region,
            bucket=self.bucket,
            access_key=self.access_key,
            secret=self.secret,
            force_path_style=bool(self.endpoint),
        )

    @cached_property
    def _client(self) -> S3Client:
        return self._make_client(read_timeout=20, attempts=2)

    @cached_property
    def _impatient_client(self) -> S3Client:
        return self._make_client(read_timeout=2, attempts=1)

    def _make_client(self, *, read_timeout: float, attempts: int) -> S3Client:
        # A session of our own: boto3's default one is not safe to share between threads.
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint or None,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if self.endpoint else "auto"},
                connect_timeout=min(5.0, read_timeout),
                read_timeout=read_timeout,
                retries={"total_max_attempts": attempts},
            ),
        )

    def check(self) -> None:
        """Blocks, for a few seconds at most. Raises what boto3 raises when it is away."""
        self._impatient_client.head_bucket(Bucket=self.bucket)

    def read_through(self, key: str) -> RecordingVerified:
        """Reads one recording, never holding more than a piece of it. Blocks.

        Raises RecordingMissing, BucketUnavailable, or ValueError with what is wrong with it.
        """
        with self._answers(key):
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"]
            return measured(key, body.iter_chunks(_CHUNK))

    def keys(self, folder: str) -> list[str]:
        """Of all objects in it. Blocks. Raises BucketUnavailable, also when there is no bucket."""
        pages = self._client.get_paginator("list_objects_v2")
        try:
            with self._answers(folder):
                return [
                    one["Key"]
                    for page in pages.paginate(Bucket=self.bucket, Prefix=folder)
                    for one in page.get("Contents", [])
                ]
        except RecordingMissing as error:
            raise BucketUnavailable(f"There is no bucket {self.bucket}.") from error

    def delete_all(self, folder: str) -> int:
        """Every object in it; how many there were. Blocks.

        Raises BucketUnavailable, also when one is there after all (an object lock, a copy that
        somebody puts there meanwhile), and when there is no bucket: a wrong name proves nothing.
        """
        found = self.keys(folder)
        with self._answers(folder):
            for key in found:
                self._client.delete_object(Bucket=self.bucket, Key=key)
        left = self.keys(folder) if found else []
        if left:
            raise BucketUnavailable(f"S3 still has {len(left)} of {len(found)} objects.")
        return len(found)

    def put(self, key: str, file: Path) -> None:
        """Blocks. Raises BucketUnavailable."""
        try:
            with self._answers(key), file.open("rb") as body:
                self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=body, ContentType="audio/ogg"
                )
        except RecordingMissing as error:
            raise BucketUnavailable(f"There is no bucket {self.bucket}.") from error

    @contextmanager
    def _answers(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise RecordingMissing(key) from error
            raise BucketUnavailable(f"S3 refused: {error}") from error
        except BotoCoreError as error:
            raise BucketSilent(f"S3 does not answer: {error}") from error


def measured(key: str, pieces: Iterable[bytes]) -> RecordingVerified:
    """What a recording is, read through once. Raises ValueError with what is wrong with it."""
    digest, length, size = hashlib.sha256(), OggOpusLength(), 0
    for piece in pieces:
        digest.update(piece)
        length.feed(piece)
        size += len(piece)
    if size == 0:
        raise ValueError("It is empty.")
    return RecordingVerified(
        object_key=key,
        size_bytes=size,
        duration_seconds=length.seconds(),
        sha256=digest.hexdigest(),
    )


def measured_file(key: str, file: Path) -> RecordingVerified:
    """The same of a file, for the object that it is to become. Raises ValueError, OSError."""
    with file.open("rb") as body:
        return measured(key, iter(lambda: body.read(_CHUNK), b""))
