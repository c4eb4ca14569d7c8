"""What is no call: every bad request is refused in its own words, before there is a row.

Temporal is away here, so whatever got as far as a start would be answered by 503.
"""

from __future__ import annotations

from typing import Any

import pytest

from store.api_keys import Role
from tests.api.outbound import BODY, FROM, TO, call, given_trunk, rows
from tests.api.service import Service
from tests.api.test_problems_and_keys import assert_problem, given_key


async def refused(service: Service, status: int, code: str, **changes: Any) -> str:
    """The sentence. Nothing is left, not even of the key."""
    for _ in range(2):
        answer = await call(service, "one-key", **changes)
        assert_problem(answer, status, code)
        assert "Idempotent-Replayed" not in answer.headers
    assert await rows(service) == []
    return str(answer.json()["detail"])


async def field_refused(service: Service, field: str, code: str, value: Any) -> None:
    answer = await call(service, "one-key", **{field.split(".")[0]: value})
    assert_problem(answer, 422, "invalid-request")
    (error,) = answer.json()["errors"]
    assert (error["field"].split(".")[1], error["code"]) == (field.split(".")[0], code)
    assert await rows(service) == []


async def test_an_unknown_assistant_or_trunk_is_404(service: Service) -> None:
    await given_trunk(service)
    await refused(service, 404, "assistant-not-found", assistant_id="nobody")
    await refused(service, 404, "trunk-not-found", trunk_id="nowhere")


async def test_another_tenants_trunk_does_not_exist(service: Service) -> None:
    await given_trunk(service)
    theirs = await given_key(service, "their-key", "other", Role.ADMIN)
    assistant = {"id": "demo", "name": "Theirs"}
    assert (await service.post("/assistants", assistant, headers=theirs)).status_code == 201
    answer = await service.post("/call/outbound", BODY, headers=theirs)
    assert_problem(answer, 404, "trunk-not-found")


async def test_a_disabled_trunk_takes_no_call(service: Service) -> None:
    await given_trunk(service, enabled=False)
    assert "Enable it" in await refused(service, 409, "trunk-disabled")


async def test_somebody_must_be_shown(service: Service) -> None:
    await given_trunk(service, from_number=None)
    assert "`from_number`" in await refused(service, 422, "no-from-number")


async def test_nobody_elses_number_is_shown(service: Service) -> None:
    await given_trunk(service)
    await given_trunk(service, id="delhi", from_number="+911112345678")
    for number, trunk_id in (("+912200000001", None), ("+912200000002", "delhi")):
        if trunk_id:
            route = {"number": number, "assistant_id": "demo", "trunk_id": trunk_id}
            assert (await service.post("/numbers", route)).status_code == 201
        await refused(service, 422, "from-number-not-allowed", from_number=number)


@pytest.mark.parametrize("trunk_id", [None, "mumbai"])
async def test_a_number_of_ones_own_is_shown(service: Service, trunk_id: str | None) -> None:
    await given_trunk(service)
    route = {"number": "+912200000001", "assistant_id": "demo", "trunk_id": trunk_id}
    assert (await service.post("/numbers", route)).status_code == 201
    for shown in ("+912200000001", FROM):
        # Every check is passed: only Temporal is missing.
        assert_problem(await call(service, from_number=shown), 503, "unavailable")


@pytest.mark.parametrize(
    ("countries", "to", "is_allowed"),
    [
        ([], "+18765551234", True),
        (["IN"], TO, True),
        (["US"], TO, False),
        (["US"], "+12025550123", True),
        (["US"], "+18765551234", False),  # Jamaica, by the same +1
        (["US", "JM"], "+18765551234", True),
        (["US"], "+15551234567", False),  # assigned to nobody: which of 25 countries?
        (["RU"], "+77012345678", False),  # Kazakhstan, by the same +7
        (["DE"], "+493012345", True),
        (["IT"], "+390669812345", False),  # the Vatican, within Rome
        (["US"], "+80012345678", False),  # of the world, so of no country
    ],
)
async def test_a_trunk_calls_its_countries_only(
    service: Service, countries: list[str], to: str, is_allowed: bool
) -> None:
    await given_trunk(service, countries=countries)
    if is_allowed:
        assert_problem(await call(service, to_number=to), 503, "unavailable")
    else:
        said = await refused(service, 422, "country-not-allowed", to_number=to)
        assert ", ".join(sorted(countries)) in said


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "malformed-number"),
        ("912212345678", "malformed-number"),
        ("+91 22 1234 5678", "malformed-number"),
        ("+91221234567890123", "malformed-number"),
        ("+9122", "malformed-number"),
        ("+999123456789", "malformed-number"),
        ("sip:+912212345678@elsewhere.example", "string-too-long"),
        ("+912212345678;x=y", "malformed-number"),
        ("+912212345678\r\n", "malformed-number"),
        ("\uff0b912212345678", "malformed-number"),
        (
            "+\u0669\u0661\u0662\u0662\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
            "malformed-number",
        ),
        ("112", "emergency-number"),
        ("+91112", "emergency-number"),
        ("+1911", "emergency-number"),
        ("+19005550123", "premium-number"),
        ("+881612345678", "premium-number"),
        (912212345678, "string-type"),
        (None, "string-type"),
    ],
)
async def test_what_is_no_number_to_be_called(service: Service, number: Any, code: str) -> None:
    await field_refused(service, "to_number", code, number)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("from_number", "0123", "malformed-number"),
        ("ringing_timeout_seconds", 4, "greater-than-equal"),
        ("ringing_timeout_seconds", 181, "less-than-equal"),
        ("ringing_timeout_seconds", "30", "number-type"),
        ("queue_seconds", -1, "greater-than-equal"),
        ("queue_seconds", 3601, "less-than-equal"),
        ("max_duration_seconds", 0, "greater-than-equal"),
        ("max_duration_seconds", 90_000, "less-than-equal"),
        ("language", "english", "string-pattern-mismatch"),
        ("record", "yes", "bool-type"),
        ("dtmf", "", "malformed-dtmf"),
        ("dtmf", "12 34", "malformed-dtmf"),
        ("dtmf", "1" * 65, "malformed-dtmf"),
        ("dtmf", "\u0661", "malformed-dtmf"),
        ("headers", {"Via": "x"}, "string-pattern-mismatch"),
        ("headers", {"X-": "x"}, "string-pattern-mismatch"),
        ("headers", {"X-A:B": "x"}, "string-pattern-mismatch"),
        ("headers", {"X-A\r\nVia": "x"}, "string-pattern-mismatch"),
        ("headers", {"X-A": "x\r\nVia: y"}, "string-pattern-mismatch"),
        ("headers", {"X-A": "x\n"}, "string-pattern-mismatch"),
        ("headers", {"X-A": "a\x7fb"}, "string-pattern-mismatch"),
        ("headers", {"X-A": "a\u0085b"}, "string-pattern-mismatch"),
        ("headers", {"X-A": "a\u2028b"}, "string-pattern-mismatch"),
        ("headers", {"X-A": ""}, "string-pattern-mismatch"),
        ("headers", {"X-A": " x"}, "string-pattern-mismatch"),
        ("headers", {"X-A": "x" * 257}, "string-pattern-mismatch"),
        ("headers", {"X-A": 1}, "string-type"),
        ("headers", {"X-A": "1", "x-a": "2"}, "header-twice"),
        ("headers", {f"X-{n}": "x" for n in range(11)}, "too-long"),
        ("headers", {f"X-{n}": "x" * 200 for n in range(3)}, "too-large"),
        ("headers", {"X-A": "\u20ac" * 171}, "too-large"),
        ("attributes", {"sip.callID": "x"}, "reserved-attribute"),
        ("attributes", {"SIP.callID": "x"}, "reserved-attribute"),
        ("attributes", {"call.hold": "x"}, "reserved-attribute"),
        ("attributes", {"media.command": "play"}, "reserved-attribute"),
        ("attributes", {"stt.enabled": "true"}, "reserved-attribute"),
        ("attributes", {"lk.agent.state": "x"}, "reserved-attribute"),
        ("attributes", {"": "x"}, "string-pattern-mismatch"),
        ("attributes", {"a b": "x"}, "string-pattern-mismatch"),
        ("attributes", {"a": "x\x07"}, "string-pattern-mismatch"),
        ("attributes", {"a": "x" * 1025}, "string-too-long"),
        ("attributes", {f"a{n}": "x" for n in range(33)}, "too-long"),
        ("attributes", {f"a{n}": "x" * 1000 for n in range(5)}, "too-large"),
        ("metadata", {"a": "x" * 5000}, "value-error"),
        ("callback_url", "http://169.254.169.254", "extra-forbidden"),
    ],
)
async def test_what_a_call_cannot_be_given(
    service: Service, field: str, value: Any, code: str
) -> None:
    await field_refused(service, field, code, value)


async def test_what_a_call_can_be_given(service: Service) -> None:
    await given_trunk(service)
    answer = await call(
        service,
        dtmf="ww12#",
        headers={"X-Campaign": "Frühling, 5 €", "x-b": "2"},
        attributes={"crm.ticket": "A-17", "note": "two\nlines", "sipping": "tea"},
        queue_seconds=0,
        ringing_timeout_seconds=5,
        max_duration_seconds=1.5,
        metadata={"order": "A-17"},
    )
    assert_problem(answer, 503, "unavailable")
    assert await rows(service) == []
