"""Delivery to the S3 that the request names, with the attempts and the error texts of Egress."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from livekit.protocol.egress import S3Upload

from sandbox.providers.faults import Fault
from sandbox.recorder.faults import Operation
from sandbox.twirp import FaultBoard

# Five attempts; with an S3 that refuses connections real Egress gave up after 14.5 s.
_PAUSES = (1.0, 2.5, 4.0, 7.0)
_ATTEMPTS = len(_PAUSES) + 1


class UploadFailed(Exception):
    """In the words of Egress, which end up in EgressInfo.error."""


class _Refused(Exception):
    def __init__(self, words: str, *, retryable: bool) -> None:
        super().__init__(words)
        self.retryable = retryable


class ObjectStore:
    """One S3 bucket. boto3 blocks: make it in a thread; every put runs in one."""

    def __init__(self, target: S3Upload, faults: FaultBoard) -> None:
        self._target = target
        self._faults = faults
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=target.endpoint or None,
            region_name=target.region or "us-east-1",
            aws_access_key_id=target.access_key,
            aws_secret_access_key=target.secret,
            aws_session_token=target.session_token or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if target.force_path_style else "auto"},
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=60,
            ),
        )

    def location(self, key: str) -> str:
        """Always https, whatever the endpoint speaks: so does Egress."""
        target = self._target
        host = urlsplit(target.endpoint).netloc or f"s3.{target.region}.amazonaws.com"
        if target.force_path_style:
            return f"https://{host}/{target.bucket}/{key}"
        return f"https://{target.bucket}.{host}/{key}"

    async def put(self, key: str, body: bytes, content_type: str) -> None:
        """Raises UploadFailed."""
        for pause in (*_PAUSES, None):
            try:
                await self._attempt(key, body, content_type)
                return
            except _Refused as refused:
                if not refused.retryable:
                    words = f"operation error S3: PutObject, {refused}"
                    raise UploadFailed(f"S3 upload failed: err: {words}") from None
                if pause is None:
                    words = (
                        "operation error S3: PutObject, exceeded maximum number of attempts, "
                        f"{_ATTEMPTS}, {refused}"
                    )
                    raise UploadFailed(f"S3 upload failed: err: {words}") from None
                await asyncio.sleep(pause)

    async def _attempt(self, key: str, body: bytes, content_type: str) -> None:
        fault = self._faults.take(Operation.UPLOAD)
        self._faults.note(Operation.UPLOAD, fault, key=key, size=len(body))
        if fault is not None:
            body = await self._spoil(fault, key, body)
        try:
            await asyncio.to_thread(
                self._client.put_object,
                Bucket=self._target.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
            )
        except ClientError as wrong:
            raise _of_answer(wrong) from None
        except BotoCoreError:
            raise self._unreachable(key, "connect: connection refused") from None

    async def _spoil(self, fault: Fault, key: str, body: bytes) -> bytes:
        match fault.kind:
            case "slow":
                await asyncio.sleep(fault.seconds)
            case "hang":
                await self._faults.cleared()
            case "cut":
                raise self._unreachable(key, "read: connection reset by peer")
            case "status":
                raise _Refused(
                    f"https response error StatusCode: {fault.status}, RequestID: , HostID: , "
                    f"api error InjectedFault: injected status {fault.status}",
                    retryable=fault.status >= 500 or fault.status == 429,
                )
            case "garbage":
                return body[: len(body) // 2]  # stored, but half of it
        return body

    def _unreachable(self, key: str, words: str) -> _Refused:
        target = self._target
        address = urlsplit(target.endpoint).netloc
        url = f"{target.endpoint.rstrip('/')}/{target.bucket}/{key}?x-id=PutObject"
        return _Refused(
            "https response error StatusCode: 0, RequestID: , HostID: , request send failed, "
            f'Put "{url}": dial tcp {address}: {words}, status code: 0',
            retryable=True,
        )


def _of_answer(wrong: ClientError) -> _Refused:
    meta = wrong.response.get("ResponseMetadata", {})
    error = wrong.response.get("Error", {})
    status = int(meta.get("HTTPStatusCode", 0))
    return _Refused(
        f"https response error StatusCode: {status}, RequestID: {meta.get('RequestId', '')}, "
        f"HostID: {meta.get('HostId', '')}, "
        f"api error {error.get('Code', '')}: {error.get('Message', '')}",
        retryable=status >= 500 or status == 429,
    )
