"""Asking each part whether it is ready. A probe answers quickly; whoever waits asks again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from sandbox.stack.parts import Part
from sandbox.stack.site import BUCKET, NAMESPACE, REGION, TASK_QUEUE, Site

_RETENTION = timedelta(days=90)  # the dev server forgets closed calls after one day
# Seconds. The API's page takes 3.5 of them while no worker answers.
_PATIENCE = 5.0


class Probes:
    """Readiness of one stack's parts; `forget` marks a (re)start, before which nothing counts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._since: dict[Part, datetime] = {}
        self._temporal: Any = None  # a temporalio Client; imported late, as that takes its time
        self._retention_is_set = False
        self._http: aiohttp.ClientSession | None = None

    def forget(self, part: Part) -> None:
        self._since[part] = datetime.now(UTC)
        if part is Part.TEMPORAL:
            self._temporal = None

    async def is_ready(self, part: Part) -> bool:
        site = self._site
        match part:
            case Part.TEMPORAL:
                return await self._temporal_is_ready()
            case Part.LIVEKIT:
                return await self._answers(f"http://127.0.0.1:{site.ports.livekit}/")
            case Part.S3:
                return await self._s3_is_ready()
            case Part.PROVIDERS:
                return await self._answers(f"{site.providers_url}/healthz")
            case Part.RECORDER:
                return await self._answers(f"{site.recorder_url}/healthz")
            case Part.SIP:
                return await self._answers(f"{site.sip_api_url}/healthz")
            case Part.API:
                return await self._answers(f"{site.api_url}/readyz")
            case Part.WORKER:
                return await self._worker_polls()
            case Part.ATLAS | Part.MEDIA_BOT:
                return await self._agent_is_registered(part)
            case Part.TALK:
                return await self._answers(f"http://127.0.0.1:{site.ports.talk}/healthz")
            case Part.CARRIER:
                return await self._answers(f"{site.carrier_url}/healthz")
            case Part.BRIDGE:
                return await self._answers(f"http://127.0.0.1:{site.ports.bridge_http}/readyz")

    async def aclose(self) -> None:
        self._temporal = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _get(self, url: str) -> bytes | None:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE))
        try:
            async with self._http.get(url) as answer:
                return await answer.read() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _answers(self, url: str) -> bool:
        return await self._get(url) is not None

    async def _temporal_is_ready(self) -> bool:
        from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
        from temporalio.service import RPCError

        try:
            client = await self._temporal_client()
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=NAMESPACE), timeout=timedelta(seconds=2)
            )
            await self._set_retention(client)
            return await self._search_attributes_are_registered(client)
        except (RPCError, RuntimeError):  # RuntimeError: the client cannot connect yet
            return False

    async def _set_retention(self, client: Any) -> None:
        from google.protobuf.duration_pb2 import Duration
        from temporalio.api.namespace.v1 import NamespaceConfig
        from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest

        if self._retention_is_set:
            return
        retention = Duration()
        retention.FromTimedelta(_RETENTION)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=NAMESPACE,
                config=NamespaceConfig(workflow_execution_retention_ttl=retention),
            ),
            timeout=timedelta(seconds=2),
        )
        self._retention_is_set = True

    async def _search_attributes_are_registered(self, client: Any) -> bool:
        """Those that came with a newer version as well: the server's flags count for a new file
        only."""
        from temporalio.api.enums.v1 import IndexedValueType
        from temporalio.api.operatorservice.v1 import (
            AddSearchAttributesRequest,
            ListSearchAttributesRequest,
        )

        from sandbox.stack.commands import search_attribute_types

        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=NAMESPACE), timeout=timedelta(seconds=2)
        )
        types = search_attribute_types()
        missing = types.keys() - set(answer.custom_attributes)
        if missing:
            request = AddSearchAttributesRequest(
                namespace=NAMESPACE,
                search_attributes={
                    name: IndexedValueType.ValueType(types[name].value) for name in missing
                },
            )
            await client.operator_service.add_search_attributes(
                request, timeout=timedelta(seconds=2)
            )
        return not missing

    async def _temporal_client(self) -> Any:
        from temporalio.client import Client

        if self._temporal is None:
            self._temporal = await Client.connect(self._site.temporal_address, namespace=NAMESPACE)
        return self._temporal

    async def _worker_polls(self) -> bool:
        """A killed worker stays listed for minutes: only a poll since the start counts."""
        from temporalio.api.enums.v1 import TaskQueueType
        from temporalio.api.taskqueue.v1 import TaskQueue
        from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
        from temporalio.service import RPCError

        since = self._since.get(Part.WORKER, datetime.min.replace(tzinfo=UTC))
        try:
            client = await self._temporal_client()
            for kind in (
                TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            ):
                request = DescribeTaskQueueRequest(
                    namespace=NAMESPACE,
                    task_queue=TaskQueue(name=TASK_QUEUE),
                    task_queue_type=kind,
                )
                answer = await client.workflow_service.describe_task_queue(
                    request, timeout=timedelta(seconds=2)
                )
                polls = (p.last_access_time.ToDatetime(UTC) for p in answer.pollers)
                if not any(polled > since for polled in polls):
                    return False
        except (RPCError, RuntimeError):
            return False
        return True

    async def _s3_is_ready(self) -> bool:
        if not await self._answers(f"{self._site.s3_endpoint}/health"):
            return False
        return await asyncio.to_thread(_bucket_exists, self._site)

    async def _agent_is_registered(self, part: Part) -> bool:
        """A room that is opened earlier gets no agent, without a word to anybody."""
        ports = self._site.ports
        port = ports.atlas_health if part is Part.ATLAS else ports.media_bot_health
        return await self._answers(f"http://127.0.0.1:{port}/readyz")


def _bucket_exists(site: Site) -> bool:
    """Makes the bucket; boto3 because requests must be signed."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        endpoint_url=site.s3_endpoint,
        region_name=REGION,
        aws_access_key_id=site.keys.s3_access_key_id,
        aws_secret_access_key=site.keys.s3_secret_access_key,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, proxies={}),
    )
    try:
        client.create_bucket(Bucket=BUCKET)
    except ClientError as refused:
        return refused.response["Error"]["Code"] == "BucketAlreadyOwnedByYou"
    except BotoCoreError:
        return False
    return True
