"""Links to recordings in the object store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from api.settings import ApiSettings

LINK_LIFETIME = timedelta(minutes=15)


class ObjectStore:
    def __init__(self, settings: ApiSettings) -> None:
        self._bucket = settings.s3_bucket
        self._client = _client(settings, settings.s3_endpoint)
        # A link's signature covers its host, and listeners may reach the store by a name that
        # means nothing here.
        self._signer = _client(settings, settings.s3_public_url)

    def link(self, object_key: str) -> tuple[str, datetime]:
        """A URL that anybody may read the object with, and when it expires. Asks nobody."""
        expires_at = datetime.now(UTC) + LINK_LIFETIME
        url = self._signer.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": object_key},
            ExpiresIn=int(LINK_LIFETIME.total_seconds()),
        )
        return url, expires_at

    def check(self) -> None:
        """Blocks. Raises what boto3 raises when the bucket cannot be reached."""
        self._client.head_bucket(Bucket=self._bucket)


def _client(settings: ApiSettings, address: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=settings.s3_secret_access_key,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=2,
            read_timeout=2,
            retries={"total_max_attempts": 1},
        ),
    )
