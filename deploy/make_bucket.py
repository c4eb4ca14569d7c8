"""Makes the bucket of the recordings, once; a bucket that is ours already is left as it is."""

from __future__ import annotations

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from engine.secret_files import Secret
from engine.settings import HTTP_URL, ProcessSettings
from engine.startup import load

_PATIENCE = 60.0  # seconds for an object store that is just starting


class BucketSettings(ProcessSettings):
    s3_endpoint: str = Field(pattern=HTTP_URL)
    s3_bucket: str = Field(min_length=1)
    s3_region: str = "us-east-1"
    s3_access_key_id: Secret = Field(min_length=1)
    s3_secret_access_key: Secret = Field(min_length=1)


def main() -> int:
    settings = load(BucketSettings)
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=settings.s3_secret_access_key,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            client.create_bucket(Bucket=settings.s3_bucket)
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                print(f"The object store refuses the bucket: {refused}", file=sys.stderr)
                return 1
            print(f"The bucket {settings.s3_bucket} is there already.")
            return 0
        except BotoCoreError as away:
            if time.monotonic() > deadline:
                print(f"The object store does not answer: {away}", file=sys.stderr)
                return 1
            time.sleep(1)
        else:
            print(f"The bucket {settings.s3_bucket} was made.")
            return 0


if __name__ == "__main__":
    raise SystemExit(main())
