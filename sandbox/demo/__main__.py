"""`make demo`: a call from the web and a call to a telephone, told while they happen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from sandbox.caller import Caller
from sandbox.caller.hearing import NotHeard
from sandbox.demo.conversation import Conversation, converse
from sandbox.demo.phone import NoPhoneCall, Phone
from sandbox.demo.phone_call import talk
from sandbox.demo.phone_ear import words_in
from sandbox.demo.phone_verdict import phone_faults
from sandbox.demo.record import ApiClient, ApiRefused
from sandbox.demo.refused_upload import retry_faults, retry_recording, uploads_refused
from sandbox.demo.screen import Screen
from sandbox.demo.script import PHONE_NUMBER, PHONE_QUESTIONS, expected_dialogue
from sandbox.demo.verdict import faults
from sandbox.stack import Stack, StackDescription, StackError
from sandbox.stack.furnishing import TRANSCRIBED_ASSISTANT_ID, TRUNK_ID

ASSISTANT = "demo"


async def demo(screen: Screen, *, stay: bool) -> int:
    with screen.starting() as report:
        stack = Stack(on_progress=report)
        await stack.start()
    try:
        found = await _web_call(stack, screen)
        found += await _phone_call(stack, screen)
        for fault in found:
            print(fault, file=sys.stderr)
        if stay:
            screen.how_to_go_on(stack.description, await _call_for_a_person(stack))
            await asyncio.Event().wait()
        return 1 if found else 0
    finally:
        screen.say("Ending everything ...")
        await stack.stop()


async def _web_call(stack: Stack, screen: Screen) -> list[str]:
    described = stack.description
    async with ApiClient(described.api_url, described.api_key) as client:
        opening = await client.opening_of(TRANSCRIBED_ASSISTANT_ID)
        call = await client.place_call(TRANSCRIBED_ASSISTANT_ID)
        caller = Caller()
        try:
            async with _told(client, call["call_id"], described, screen):
                conversation = await _talk(stack, client, caller, call, screen)
                record = await client.settled(call["call_id"])
        except NotHeard as silence:
            return [f"{silence} Logs: {stack.run_dir / 'logs'}"]
        finally:
            await caller.leave()
    screen.record(record, conversation, described)
    return faults(record, conversation, expected_dialogue(opening))


async def _phone_call(stack: Stack, screen: Screen) -> list[str]:
    described = stack.description
    control = described.stand_ins["carrier"].control_url
    async with (
        ApiClient(described.api_url, described.api_key) as client,
        Phone(control, PHONE_NUMBER) as phone,
    ):
        opening = await client.opening_of(ASSISTANT)
        call_id = await client.place_phone_call(ASSISTANT, TRUNK_ID, PHONE_NUMBER)
        try:
            async with (
                _told(client, call_id, described, screen),
                uploads_refused(described.stand_ins["recorder"].control_url),
            ):
                talked = await talk(stack, phone, screen.tell)
                failed = (await client.settled(call_id)).recording
        except NoPhoneCall as trouble:
            return [f"{trouble} Logs: {stack.run_dir / 'logs'}"]
        retry = await retry_recording(described, call_id, failed)
        record = await client.settled(call_id)
    ladder = await asyncio.to_thread(_read, Path(described.ladder_folder, f"{call_id}.txt"))
    screen.phone_record(record, talked, ladder)
    screen.retry(retry, record)
    heard = await words_in(talked.heard, opening)
    expected = expected_dialogue(opening, PHONE_QUESTIONS)
    return [
        *phone_faults(record, talked, heard, expected, ladder),
        *retry_faults(retry, record),
    ]


@contextlib.asynccontextmanager
async def _told(
    client: ApiClient, call_id: str, described: StackDescription, screen: Screen
) -> AsyncIterator[None]:
    """The call's timeline on the screen, as it grows."""
    screen.say(f"Call {call_id}: {described.workflow_url(call_id)}\n")
    story = asyncio.create_task(_tell_story(client, call_id, screen))
    try:
        yield
    finally:
        story.cancel()
        await asyncio.gather(story, return_exceptions=True)


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def _call_for_a_person(stack: Stack) -> dict[str, str]:
    described = stack.description
    async with ApiClient(described.api_url, described.api_key) as client:
        return await client.place_call(TRANSCRIBED_ASSISTANT_ID)


async def _talk(
    stack: Stack, client: ApiClient, caller: Caller, call: dict[str, str], screen: Screen
) -> Conversation:
    async def hold(held: bool) -> None:
        await client.hold(call["call_id"], held=held)

    await caller.join(call["url"], call["token"])
    screen.tell("caller", "joins the room")
    return await converse(stack, caller, hold, screen.tell)


async def _tell_story(client: ApiClient, call_id: str, screen: Screen) -> None:
    with contextlib.suppress(aiohttp.ClientError):
        async for entry in client.follow(call_id):
            screen.tell_event(entry)


def main() -> int:
    stay = os.environ.get("DEMO_EXIT", "") in ("", "0")

    async def run() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await demo(Screen(), stay=stay)

    try:
        return asyncio.run(run())
    except (StackError, ApiRefused) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0 if stay else 130  # Ctrl-C is how a demo that stays up is ended


if __name__ == "__main__":
    sys.exit(main())
