"""The Temporal worker: puts the parts together and runs them until SIGTERM.

`--queue bridge` is the process that dials and carries phone calls (`bridge_worker.py`).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
from livekit import api
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import (
    VersioningBehavior,
    WorkerDeploymentVersion,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.agents import AgentActivities
from activities.billing import BillingActivities
from activities.call_log import CallLog
from activities.call_records import CallRecordActivities
from activities.dialling_desk import DiallingDesk
from activities.egress_backup import EgressBackup
from activities.janitor import JanitorActivities
from activities.job_metadata import JobMetadataWriter
from activities.llm_prices import list_price
from activities.media import MediaActivities
from activities.orphans import Orphans
from activities.outside import Outside
from activities.phones import PhoneActivities
from activities.prices import PriceBook
from activities.recording import RecordingActivities
from activities.recording_bucket import RecordingBucket
from activities.recording_rescue import RecordingRescue
from activities.retention import RetentionActivities
from activities.room_watch import RoomWatchActivities
from activities.rooms import RoomActivities
from activities.schedules import schedule_janitor, schedule_retention
from activities.settings import WorkerSettings
from activities.sip_phones import SipPhoneActivities
from activities.webhook_worker import WebhookWorker
from activities.worker_process import run_worker, serve_pages
from contract.errors import SettingsError
from contract.identity import ROOM_WATCH_WORKFLOW_ID
from engine.client import connect
from engine.http_pages import ProcessPages, free_local_address
from engine.leaving import asked_to_stop, leave
from engine.runtime import use_our_runtime
from engine.sealing import Sealing
from store.database import Database
from workflows import options, search_attributes
from workflows.call import CallWorkflow
from workflows.finishing import FinishCallWorkflow
from workflows.janitor import JanitorWorkflow, VersionedJanitorWorkflow
from workflows.recording import RecordingWorkflow, VersionedRecordingWorkflow
from workflows.retention import (
    DeleteRecordingWorkflow,
    RetentionWorkflow,
    VersionedRetentionWorkflow,
)
from workflows.room_watch import RoomWatchWorkflow, VersionedRoomWatchWorkflow
from workflows.sandbox import our_sandbox
from workflows.webhook_delivery import VersionedWebhookDeliveryWorkflow, WebhookDeliveryWorkflow

WORKFLOWS: Sequence[type] = (
    CallWorkflow,
    RecordingWorkflow,
    FinishCallWorkflow,
    JanitorWorkflow,
    RetentionWorkflow,
    DeleteRecordingWorkflow,
    RoomWatchWorkflow,
    WebhookDeliveryWorkflow,
)
VERSIONED_WORKFLOWS: Sequence[type] = (
    CallWorkflow,
    VersionedRecordingWorkflow,
    FinishCallWorkflow,
    VersionedJanitorWorkflow,
    VersionedRetentionWorkflow,
    DeleteRecordingWorkflow,
    VersionedRoomWatchWorkflow,
    VersionedWebhookDeliveryWorkflow,
)

# At once, in one process; each costs a connection to LiveKit and a heartbeat a second.
_PHONES_RINGING = 500

log = structlog.get_logger()


async def run(settings: WorkerSettings) -> None:
    metrics_address = free_local_address() if settings.worker_http_port else None
    use_our_runtime(metrics_address)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.aclose)
        await database.migrate()
        client = await connect(settings)
        await _check_search_attributes(client)
        livekit = _livekit(settings, settings.livekit_url)
        stack.push_async_callback(livekit.aclose)
        egress = _livekit(settings, settings.egress_api_url or settings.livekit_url)
        stack.push_async_callback(egress.aclose)
        sip = await _livekit_sip(stack, settings)
        sealing = Sealing(settings.keys) if settings.keys else None
        desk = DiallingDesk(database, sealing)
        sip_phones = SipPhoneActivities(desk, livekit, sip)
        outside = Outside(
            temporal=client,
            database=database,
            livekit=livekit,
            egress=egress,
            bucket=RecordingBucket.from_settings(settings),
        )
        webhooks = WebhookWorker(client, database, sealing, settings)
        worker = Worker(
            client,
            task_queue=settings.call_task_queue,
            workflows=VERSIONED_WORKFLOWS if settings.worker_versioning else WORKFLOWS,
            activities=[
                *_activities(settings, outside, webhooks.outbox.wake),
                sip_phones.transfer_phone,
                sip_phones.put_out_phone,
                webhooks.activities.note_webhook,
            ],
            workflow_runner=our_sandbox(),
            # Else the next event of a call whose worker was killed waits 10 s for it to come back.
            sticky_queue_schedule_to_start_timeout=settings.sticky_timeout,
            graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
            max_cached_workflows=settings.max_cached_workflows,
            max_concurrent_workflow_tasks=50,
            deployment_config=_deployment(settings),
            interceptors=[CallLog()],
        )
        dialler = _dialler(client, settings, sip_phones)
        await _start_room_watch(client, settings)
        await schedule_janitor(client, settings.call_task_queue, options.JANITOR_ROUND)
        await schedule_retention(client, settings.call_task_queue, options.RETENTION_ROUND)
        async with worker, dialler, webhooks.running(), AsyncExitStack() as pages:
            await _serve_pages(pages, settings, outside, metrics_address)
            log.info("worker_started", task_queue=settings.call_task_queue)
            await asked_to_stop()
            log.info("worker_stopping")


def _dialler(client: Client, settings: WorkerSettings, phones: SipPhoneActivities) -> Worker:
    """Apart from the rest: it only waits, for as long as phones ring, and would keep the slots of
    those who write the records."""
    return Worker(
        client,
        task_queue=settings.sip_task_queue,
        activities=[phones.dial_phone],
        max_concurrent_activities=_PHONES_RINGING,
        # By its heartbeats an activity learns of its cancellation; one without a heartbeat timeout
        # else sends one in 30 s, and an unwanted phone rings on so long.
        default_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace_seconds),
        interceptors=[CallLog()],
    )


async def _livekit_sip(stack: AsyncExitStack, settings: WorkerSettings) -> api.LiveKitAPI:
    """With a connection for each phone that rings (aiohttp's usual limit is 100), and without the
    client's own second tries: nobody but the workflow may decide that a phone is dialled again."""
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    )
    return api.LiveKitAPI(
        settings.sip_api_url or settings.livekit_url,
        settings.livekit_api_key,
        settings.livekit_api_secret,
        session=session,
        failover=False,
    )


def _activities(
    settings: WorkerSettings, outside: Outside, written: Callable[[], None]
) -> list[Callable[..., Any]]:
    livekit, database = outside.livekit, outside.database
    jobs = JobMetadataWriter(settings.call_token_secret)
    agents = AgentActivities(livekit, jobs)
    rooms = RoomActivities(livekit, agents, jobs)
    records = CallRecordActivities(
        database, settings.default_assistant_id, settings.media_assets_url, written
    )
    prices = PriceBook.load(settings.price_table, list_price)
    billing = BillingActivities(database, prices, written)
    recording = RecordingActivities(outside.egress, outside.bucket)
    backup = EgressBackup(settings.egress_backup_dir)
    rescue = RecordingRescue(outside.bucket, backup)
    phones = PhoneActivities(livekit, database)
    media = MediaActivities(livekit)
    orphans = Orphans(database, billing.settle_bill, records.write_record)
    watch = RoomWatchActivities(livekit, database, outside.temporal, orphans)
    janitor = JanitorActivities(database, outside.temporal)
    retention = RetentionActivities(database, [outside.bucket, backup], outside.temporal)
    return [
        rooms.open_room,
        rooms.read_room_metadata,
        rooms.remove_participant,
        rooms.close_room,
        agents.dispatch_agent,
        agents.tell_atlas,
        agents.write_transcription,
        records.choose_assistant,
        records.write_record,
        records.write_recording,
        billing.settle_bill,
        phones.take_line,
        phones.look_for_phone,
        phones.tell_phone,
        phones.write_hold,
        media.write_media,
        recording.start_egress,
        recording.find_egress,
        recording.stop_egress,
        recording.look_at_egress,
        recording.await_egress_end,
        recording.verify_recording,
        rescue.rescue_recording,
        watch.watch_rooms,
        janitor.look_for_what_is_left,
        janitor.read_what_is_left,
        retention.erase_due,
        retention.delete_recording,
    ]


async def _serve_pages(
    stack: AsyncExitStack,
    settings: WorkerSettings,
    outside: Outside,
    metrics_address: str | None,
) -> None:
    if settings.worker_http_port is not None:
        pages = ProcessPages(
            outside.checks,
            {"egress": outside.check_egress, "object_store": outside.check_bucket},
            temporal_metrics=metrics_address,
        )
        host, port = settings.worker_http_host, settings.worker_http_port
        await serve_pages(stack, pages, host, port, "WORKER_HTTP_PORT")


def _livekit(settings: WorkerSettings, url: str) -> api.LiveKitAPI:
    return api.LiveKitAPI(url, settings.livekit_api_key, settings.livekit_api_secret)


def _deployment(settings: WorkerSettings) -> WorkerDeploymentConfig | None:
    if not settings.worker_versioning:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(
            deployment_name=settings.worker_deployment_name, build_id=settings.worker_build_id
        ),
        use_worker_versioning=True,
        # A call ends on the code it began on.
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


async def _check_search_attributes(client: Client) -> None:
    """An attribute that is missing would hang every call without a word; so say it here."""
    registered = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [
        key.name for key in search_attributes.ALL if key.name not in registered.custom_attributes
    ]
    if missing:
        raise SettingsError(
            f"Temporal's namespace {client.namespace!r} lacks the search attributes "
            f"{', '.join(missing)}: register them with `temporal operator search-attribute create`."
        )


async def _start_room_watch(client: Client, settings: WorkerSettings) -> None:
    await client.start_workflow(
        RoomWatchWorkflow.run,
        id=ROOM_WATCH_WORKFLOW_ID,
        task_queue=settings.call_task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary="Looks at the rooms of open calls",
    )


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--queue", choices=("calls", "bridge"), default="calls")
    if given.parse_args().queue == "bridge":
        import bridge_worker  # SIP, sound and all: not for those who only decide

        return bridge_worker.main()
    return run_worker("worker", WorkerSettings, run, asyncio.run)


if __name__ == "__main__":
    leave(main())
