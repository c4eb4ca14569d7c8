"""Twirp as LiveKit serves it: who may ask, what is refused, trunks."""

from __future__ import annotations

from typing import Any

import pytest
from livekit import api

from tests.sandbox.livekit_sip.bench import Bench

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


async def ask(
    bench: Bench, method: str, body: Any = None, *, grants: api.SIPGrants | None = None
) -> tuple[int, Any]:
    """By JSON; with a token that allows all calls unless told otherwise."""
    token = api.AccessToken(*bench.keys).with_sip_grants(grants or api.SIPGrants(True, True))
    headers = {"Authorization": f"Bearer {token.to_jwt()}"}
    url = f"{bench.sip_url}/twirp/livekit.SIP/{method}"
    async with bench.http.post(url, json=body or {}, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_who_may_not_call(bench: Bench) -> None:
    url = f"{bench.sip_url}/twirp/livekit.SIP/CreateSIPParticipant"
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        async with bench.http.post(url, json={}, headers=headers) as answer:
            assert answer.status == 401
    status, error = await ask(bench, "CreateSIPParticipant", grants=api.SIPGrants(admin=True))
    assert (status, error["code"]) == (401, "unauthenticated")
    status, error = await ask(bench, "ListSIPOutboundTrunk", grants=api.SIPGrants(call=True))
    assert (status, error["code"]) == (401, "unauthenticated")
    # A token for calls alone is not one for the participants of a room.
    status, error = await ask(bench, "TransferSIPParticipant", grants=api.SIPGrants(call=True))
    assert (status, error["code"]) == (401, "unauthenticated")


async def test_a_call_by_json(bench: Bench) -> None:
    call = await bench.open("0100")
    status, info = await ask(
        bench,
        "CreateSIPParticipant",
        {
            "trunk": {"hostname": bench.carrier_address, "transport": "SIP_TRANSPORT_TCP"},
            "sip_call_to": call.number,
            "sip_number": "+911140001000",
            "room_name": call.room,
            "participant_identity": "phone",
            "wait_until_answered": True,
        },
    )
    assert status == 200
    assert info["sip_call_id"] == call.guest.attributes["sip.callID"]
    await call.until("dialing", "ringing", "active")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"trunk": None}, "missing sip trunk id"),
        ({"trunk": api.SIPOutboundConfig()}, "no trunk hostname"),
        ({"trunk": api.SIPOutboundConfig(hostname="a b:c")}, "SIP address"),
        ({"sip_call_to": ""}, "missing sip callee number"),
        ({"room_name": ""}, "missing room name"),
        ({"dtmf": "12x"}, "dtmf"),
        ({"display_name": "a\r\nB: c"}, "line end"),
        ({"headers": {"Via": "elsewhere"}}, "Via"),
        ({"headers": {"X-A": "a\r\nB: c"}}, "line end"),
    ],
)
async def test_what_cannot_be_dialled(bench: Bench, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(api.ServerError, match=sentence) as refused:
        await bench.sip.create_sip_participant(
            bench.request(**({"room": "any", "number": "+919800000100"}), **changes)
        )
    assert (refused.value.code, refused.value.status) == ("invalid_argument", 400)
    assert await bench.participants("any") == []


async def test_what_the_stand_in_does_not_do_it_says(bench: Bench) -> None:
    status, error = await ask(bench, "CreateSIPDispatchRule")
    assert (status, error["code"]) == (501, "unimplemented")
    assert "CreateSIPDispatchRule" in error["msg"]
    with pytest.raises(api.ServerError) as refused:
        await bench.sip.create_sip_participant(
            bench.request("any", "+919800000100", media_encryption=api.SIP_MEDIA_ENCRYPT_REQUIRE)
        )
    assert refused.value.status == 501
    async with bench.http.post(f"{bench.sip_url}/twirp/livekit.Egress/ListEgress") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "bad_route")


async def test_trunks_are_kept(bench: Bench) -> None:
    made = await bench.sip.create_outbound_trunk(
        api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(name="ours", address="127.0.0.1", numbers=["+15550100"])
        )
    )
    assert made.sip_trunk_id.startswith("ST_")
    only = api.ListSIPOutboundTrunkRequest(trunk_ids=[made.sip_trunk_id])
    assert [each.name for each in (await bench.sip.list_outbound_trunk(only)).items] == ["ours"]
    other = api.ListSIPOutboundTrunkRequest(numbers=["+15550199"])
    assert not (await bench.sip.list_outbound_trunk(other)).items
    gone = api.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id)
    await bench.sip.delete_trunk(gone)
    assert not (await bench.sip.list_outbound_trunk(only)).items
    with pytest.raises(api.ServerError) as refused:
        await bench.sip.delete_trunk(gone)
    assert (refused.value.code, refused.value.status) == ("not_found", 404)
    with pytest.raises(api.ServerError) as refused:
        await bench.sip.create_sip_participant(
            bench.request("any", "+919800000100", sip_trunk_id=made.sip_trunk_id)
        )
    assert refused.value.code == "not_found"
