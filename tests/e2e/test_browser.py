"""A person's browser on the talk page: joins, hears Atlas, is understood, hangs up."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import browser_with_microphone, write_sentence
from tests.e2e.conversation import DOG, GREETING, OPENING_HOURS, answer_to
from tests.e2e.switchboard import Switchboard, WebCall, eventually

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def test_a_browser_joins_hears_speaks_and_hangs_up(
    switchboard: Switchboard, tmp_path: Path
) -> None:
    write_sentence(tmp_path / "microphone.wav", OPENING_HOURS)
    async with browser_with_microphone(tmp_path / "microphone.wav") as page:
        call = await switchboard.place_call(record=False)
        await open_link(page, switchboard, call)
        status = page.locator("#status")
        await expect(status).to_have_attribute("data-state", "ready")
        await page.get_by_role("button", name="Start the call").click()
        await expect(status).to_have_attribute("data-state", "talking", timeout=20_000)
        assert "token" not in page.url  # nobody reads it over a shoulder, or joins twice

        first = await sound(page)
        later = await eventually(
            lambda: more_sound(page, first), timeout=15, otherwise=f"nothing is heard: {first}"
        )
        assert later["bytesReceived"] > first["bytesReceived"]

        turns = await call.turns(3, timeout=30)
        assert [(turn["speaker"], turn["text"]) for turn in turns[:3]] == [
            ("assistant", GREETING),
            ("caller", OPENING_HOURS),
            ("assistant", answer_to(OPENING_HOURS)),
        ]
        said = page.locator("#said li")
        await expect(said.filter(has_text=OPENING_HOURS)).to_have_count(1)
        await expect(said.filter(has_text=answer_to(OPENING_HOURS))).to_have_count(1)

        await page.get_by_role("button", name="Mute").click()
        await expect(page.get_by_role("button", name="Unmute")).to_be_enabled()
        await page.get_by_role("button", name="Hang up").click()
        await expect(status).to_have_attribute("data-state", "ended")
        record = await call.settled()
    assert (record.call["ended_reason"], record.call["ended_by"]) == ("caller_hung_up", "caller")


async def test_the_page_places_a_call_by_itself_and_sends_a_phrase_as_text(
    switchboard: Switchboard, tmp_path: Path
) -> None:
    write_sentence(tmp_path / "microphone.wav", OPENING_HOURS, quiet_first=120)
    async with browser_with_microphone(tmp_path / "microphone.wav") as page:
        await page.goto(switchboard.description.talk_url)
        phrase = page.get_by_role("button", name=DOG)
        await expect(phrase).to_be_disabled()
        await page.get_by_role("button", name="Start the call").click()
        await expect(phrase).to_be_enabled(timeout=20_000)
        said = page.locator("#said li")
        await expect(said.filter(has_text=GREETING)).to_have_count(1, timeout=20_000)
        await phrase.click()
        await expect(said.filter(has_text=answer_to(DOG))).to_have_count(1, timeout=15_000)
        await page.get_by_role("button", name="Hang up").click()
        await expect(page.locator("#status")).to_have_text("The call is over")
        # A second click is a second call.
        await page.get_by_role("button", name="Start the call").click()
        await expect(phrase).to_be_enabled(timeout=20_000)


async def test_another_site_cannot_place_calls(switchboard: Switchboard) -> None:
    url = switchboard.description.talk_url.replace("/talk", "/calls")
    for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
        answer = await switchboard.http.post(url, json={}, headers=headers)
        assert answer.status_code == 403, headers


async def open_link(page: Page, switchboard: Switchboard, call: WebCall) -> None:
    url, token = call.accepted["url"], call.accepted["token"]
    fragment = urlencode({"url": url, "token": token, "microphone": "raw"})
    await page.goto(f"{switchboard.description.talk_url}#{fragment}")


async def sound(page: Page) -> dict[str, Any]:
    received: dict[str, Any] = await page.evaluate("window.soundReceived()")
    return received


async def more_sound(page: Page, first: dict[str, Any]) -> dict[str, Any] | None:
    """Silence has bytes too, so energy must have come as well."""
    now = await sound(page)
    return now if now["totalAudioEnergy"] > first["totalAudioEnergy"] + 0.001 else None
