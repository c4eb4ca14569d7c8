"""Who may do what: every operation of openapi.json with every kind of key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.settings import ApiSettings
from store.api_keys import ApiKeys, Role
from tests.api.operations import Operation, operations
from tests.api.service import Service, call_token, serve
from tests.api.test_problems_and_keys import assert_problem, given_key

pytestmark = pytest.mark.slow  # every role at every operation

ALL = frozenset(Role)
READ = frozenset({Role.ADMIN, Role.OPERATOR, Role.AUDITOR})
OPERATE = frozenset({Role.ADMIN, Role.OPERATOR})
ADMIN = frozenset({Role.ADMIN})
NO_KEY_OPENS: frozenset[Role] = frozenset()  # it wants another proof: a call's token, a signature
OPEN_TO_EVERYBODY = None

MATRIX: dict[str, frozenset[Role] | None] = {
    "POST /web_call/get_token": OPERATE,
    "POST /call/outbound": OPERATE,
    "GET /calls": READ,
    "GET /calls/{call_id}": READ,
    "GET /calls/{call_id}/timeline": READ,
    "GET /calls/{call_id}/transcript": READ,
    "GET /calls/{call_id}/events": READ,
    "GET /calls/{call_id}/recording": READ,
    "POST /calls/{call_id}/recording/retry": OPERATE,
    "GET /recordings": READ,
    "POST /recordings/retry": OPERATE,
    "DELETE /calls/{call_id}/recording": OPERATE,
    "DELETE /calls/{call_id}/transcript": OPERATE,
    "PUT /calls/{call_id}/legal_hold": OPERATE,
    "DELETE /calls/{call_id}/legal_hold": ADMIN,
    "POST /calls/{call_id}/hangup": OPERATE,
    "POST /calls/{call_id}/hold": OPERATE,
    "POST /calls/{call_id}/resume": OPERATE,
    "POST /calls/{call_id}/play": OPERATE,
    "POST /calls/{call_id}/play/stop": OPERATE,
    "POST /calls/{call_id}/language": OPERATE,
    "POST /calls/{call_id}/dtmf": OPERATE,
    "POST /calls/{call_id}/transfer": OPERATE,
    "GET /assistants": READ,
    "POST /assistants": ADMIN,
    "GET /assistants/{assistant_id}": READ,
    "PUT /assistants/{assistant_id}": ADMIN,
    "PATCH /assistants/{assistant_id}": ADMIN,
    "DELETE /assistants/{assistant_id}": ADMIN,
    "GET /trunks": READ,
    "POST /trunks": ADMIN,
    "GET /trunks/{trunk_id}": READ,
    "PUT /trunks/{trunk_id}": ADMIN,
    "PATCH /trunks/{trunk_id}": ADMIN,
    "DELETE /trunks/{trunk_id}": ADMIN,
    "GET /numbers": READ,
    "POST /numbers": ADMIN,
    "GET /numbers/{number}": READ,
    "PUT /numbers/{number}": ADMIN,
    "PATCH /numbers/{number}": ADMIN,
    "DELETE /numbers/{number}": ADMIN,
    "GET /webhooks": READ,
    "POST /webhooks": ADMIN,
    "GET /webhooks/{webhook_id}": READ,
    "PATCH /webhooks/{webhook_id}": ADMIN,
    "DELETE /webhooks/{webhook_id}": ADMIN,
    "POST /webhooks/{webhook_id}/rotate": ADMIN,
    "GET /webhooks/{webhook_id}/deliveries": READ,
    "GET /webhook_deliveries": READ,
    "GET /webhook_deliveries/{delivery_id}": READ,
    "POST /webhook_deliveries/{delivery_id}/redeliver": OPERATE,
    "GET /keys": ADMIN,
    "POST /keys": ADMIN,
    "DELETE /keys/{key_id}": ADMIN,
    "POST /codec/encode": ADMIN,
    "POST /codec/decode": ADMIN,
    "POST /internal/calls/{call_id}/turns": NO_KEY_OPENS,
    "POST /livekit/webhook": NO_KEY_OPENS,
    "GET /installation": ALL,
    "POST /installation/probe": OPERATE,
    "GET /media/{name}": OPEN_TO_EVERYBODY,
    "GET /healthz": OPEN_TO_EVERYBODY,
    "GET /readyz": OPEN_TO_EVERYBODY,
}
OPERATIONS = operations()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(shared_settings: ApiSettings) -> AsyncIterator[Service]:
    async with serve(shared_settings) as service:
        yield service


def test_the_matrix_names_every_operation() -> None:
    missing = {operation.name for operation in OPERATIONS} - set(MATRIX)
    assert not missing, (
        f"Nobody has said who may use {sorted(missing)}: add it to MATRIX in {__file__}."
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_a_role_opens_what_the_matrix_says(
    asked: Service, operation: Operation, role: Role
) -> None:
    opens = MATRIX.get(operation.name, NO_KEY_OPENS)
    headers = await given_key(asked, f"key of {role}", "default", role)
    answer = await send(asked, operation, headers)
    if opens is OPEN_TO_EVERYBODY or role in opens:
        assert answer.status_code not in (401, 403), answer.text
    elif opens:
        assert_problem(answer, 403, "forbidden")
    else:
        assert_problem(answer, 401, "unauthorised")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("proof", ["none", "empty", "unknown", "revoked", "another scheme"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_without_a_valid_key_nothing_opens_but_the_probes(
    asked: Service, operation: Operation, proof: str
) -> None:
    await given_key(asked, "revoked", "default", Role.ADMIN)
    async with asked.parts.database.session() as session:
        await ApiKeys(session).revoke("revoked")
    authorization = {
        "none": "",
        "empty": "Bearer ",
        "another scheme": "Basic dGVzdDp0ZXN0",
    }.get(proof, f"Bearer {proof}")
    answer = await send(asked, operation, {"Authorization": authorization})
    if MATRIX.get(operation.name, NO_KEY_OPENS) is OPEN_TO_EVERYBODY:
        assert answer.status_code not in (401, 403)
    else:
        assert_problem(answer, 401, "unauthorised")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
async def test_a_calls_token_opens_its_agents_two_addresses_only(
    asked: Service, operation: Operation
) -> None:
    answer = await send(asked, operation, call_token("nothing"))
    if operation.name == "POST /internal/calls/{call_id}/turns":
        assert answer.status_code == 404  # it may, but there is no such call
    elif operation.name == "GET /assistants/{assistant_id}":
        assert_problem(answer, 403, "forbidden")  # not the assistant of its call
    elif MATRIX.get(operation.name, NO_KEY_OPENS) is not OPEN_TO_EVERYBODY:
        assert_problem(answer, 401, "unauthorised")


async def send(service: Service, operation: Operation, headers: dict[str, str]):  # type: ignore[no-untyped-def]
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", "nothing")
    body = {"turns": [TURN]} if "turns" in path else {}
    return await service.client.request(
        operation.method, path, headers=headers, json=body if operation.takes_body else None
    )


TURN = {
    "source": "atlas-1",
    "source_seq": 1,
    "speaker": "caller",
    "text": "",
    "start": "2026-11-21T12:00:00Z",
    "end": "2026-11-21T12:00:01Z",
}
