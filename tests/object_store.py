"""A real S3 server, with one bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from activities.recording_bucket import RecordingBucket
from sandbox.stack import Stack


@dataclass(frozen=True)
class ObjectStore:
    bucket: RecordingBucket
    client: Any

    async def put(self, key: str, data: bytes = b"OggS") -> None:
        await asyncio.to_thread(
            self.client.put_object, Bucket=self.bucket.bucket, Key=key, Body=data
        )

    async def keys(self, prefix: str) -> list[str]:
        found = await asyncio.to_thread(
            self.client.list_objects_v2, Bucket=self.bucket.bucket, Prefix=prefix
        )
        return [one["Key"] for one in found.get("Contents", [])]


@asynccontextmanager
async def object_store() -> AsyncIterator[ObjectStore]:
    async with Stack(free_ports=True, only=["s3"]) as stack:
        about = stack.description
        bucket = RecordingBucket(
            endpoint=about.s3_endpoint,
            region="us-east-1",
            bucket=about.s3_bucket,
            access_key=about.s3_access_key_id,
            secret=about.s3_secret_access_key,
        )
        client = boto3.client(
            "s3",
            endpoint_url=bucket.endpoint,
            region_name=bucket.region,
            aws_access_key_id=bucket.access_key,
            aws_secret_access_key=bucket.secret,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        yield ObjectStore(bucket, client)
