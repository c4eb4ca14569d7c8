"""Calls that are under way must survive a deploy: saved histories replay on today's code."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.workflows.saved_histories import saved_histories
from workflows.call import CallWorkflow
from workflows.finishing import FinishCallWorkflow
from workflows.janitor import JanitorWorkflow, VersionedJanitorWorkflow
from workflows.recording import RecordingWorkflow
from workflows.retention import (
    DeleteRecordingWorkflow,
    RetentionWorkflow,
    VersionedRetentionWorkflow,
)
from workflows.room_watch import RoomWatchWorkflow, VersionedRoomWatchWorkflow
from workflows.sandbox import our_sandbox
from workflows.webhook_delivery import VersionedWebhookDeliveryWorkflow, WebhookDeliveryWorkflow

HISTORIES = saved_histories()


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
async def test_saved_history_replays(history: WorkflowHistory) -> None:
    # Workers with a version have a class of their own for those that last.
    for watch, delivery, janitor, retention in (
        (RoomWatchWorkflow, WebhookDeliveryWorkflow, JanitorWorkflow, RetentionWorkflow),
        (
            VersionedRoomWatchWorkflow,
            VersionedWebhookDeliveryWorkflow,
            VersionedJanitorWorkflow,
            VersionedRetentionWorkflow,
        ),
    ):
        replayer = Replayer(
            workflows=[
                CallWorkflow,
                FinishCallWorkflow,
                janitor,
                RecordingWorkflow,
                DeleteRecordingWorkflow,
                retention,
                delivery,
                watch,
            ],
            data_converter=pydantic_data_converter,
            workflow_runner=our_sandbox(),
        )
        await replayer.replay_workflow(history)


def test_every_kind_of_workflow_is_among_them() -> None:
    kinds = {name.rpartition(".")[2] for name in HISTORIES}
    assert kinds == {
        "CallWorkflow",
        "DeleteRecordingWorkflow",
        "FinishCallWorkflow",
        "JanitorWorkflow",
        "RecordingWorkflow",
        "RetentionWorkflow",
        "RoomWatchWorkflow",
        "WebhookDeliveryWorkflow",
    }


def test_every_ending_of_a_web_call_is_among_them() -> None:
    endings = {
        "caller_leaves",
        "assistant_ends",
        "operator_hangs_up",
        "withdrawn",
        "cancelled_by",
        "cannot_be_opened",
        "deletes_the_room",
        "agent_never",
        "caller_never",
        "longest_duration",
        "lost_atlas",
        "adopted_room",
    }
    names = " ".join(HISTORIES)
    assert {ending for ending in endings if ending not in names} == set()


def test_every_chapter_of_a_phone_call_is_among_them() -> None:
    chapters = {
        "whoever_was_called_hangs_up",
        "gives_up_while_it_rings",
        "crosses_the_cancel",
        "hangs_up_the_phone",
        "every_line_is_in_use",
        "nobody_carries",
        "still_rings",
        "bridge_that_is_gone",
        "holds_and_resumes",
        "longest_hold",
        "transfer_that_gets_there",
    }
    names = " ".join(HISTORIES)
    assert {chapter for chapter in chapters if chapter not in names} == set()


def test_every_chapter_of_a_call_over_livekit_sip_is_among_them() -> None:
    chapters = {
        "whoever_was_called_hangs_up",
        "gives_up_while_it_rings",
        "operator_hangs_up_the_phone",
        "looked_for_in_the_room",
        "handed_on",
        "presses_the_keys",
        "livekit_lost_it",
        "nobody_finds",
    }
    names = " ".join(name for name in HISTORIES if name.startswith("SipPhone"))
    assert {chapter for chapter in chapters if chapter not in names} == set()


def test_every_way_of_a_delivery_is_among_them() -> None:
    ways = {
        "taken_at_once",
        "down_for_two_days",
        "dead_letter",
        "is_gone",
        "asks_for",
        "sends_again",
        "deleted_webhook",
        "operator_cancels",
    }
    names = " ".join(name for name in HISTORIES if name.endswith("WebhookDeliveryWorkflow"))
    assert {way for way in ways if way not in names} == set()


def test_every_way_of_a_retried_recording_is_among_them() -> None:
    ways = {
        "file_that_is_found",
        "with_a_gap_is_accepted",
        "while_the_call_lives_a_retry",
        "ends_unrecorded",
        "still_works_on",
        "month_without_an_operator",
        "that_is_deleted",
        "never_begins",
        "away_for_half_a_minute",
    }
    names = " ".join(name for name in HISTORIES if name.endswith("RecordingWorkflow"))
    assert {way for way in ways if way not in names} == set()
