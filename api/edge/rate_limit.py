"""How often one client may ask, per replica: by API key, and by address for whoever has none.

The fields `RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10:
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from __future__ import annotations

import ipaddress

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.edge.good_keys import GoodKeys
from api.edge.token_bucket import Allowance, Policy, TokenBuckets
from api.problems import problem
from contract.call_token import call_id_of_token
from contract.errors import PlatformError
from store.api_keys import hash_key

POLICY_FIELD = "RateLimit-Policy"
LIMIT_FIELD = "RateLimit"

# A client that pauses need not share its address's quota with strangers when it comes back.
_KEYS_KEPT_SECONDS = 3600
_SCOPE_ENTRY = "switchboard.quota"


class RateLimited(PlatformError):
    code, http_status, retryable = "rate-limited", 429, True

    def __init__(self, policy: Policy, retry_after: int) -> None:
        super().__init__(
            f"More than {policy.quota} requests in {policy.window} s by this {policy.name}; "
            f"try again in {retry_after} s."
        )


class Quota:
    """What one request draws on: its API key once that is known to be good, else its address."""

    def __init__(self, keys: TokenBuckets, addresses: TokenBuckets, address: str, key: str) -> None:
        self._keys, self._addresses = keys, addresses
        self._address = address
        self.key = key
        # Before the database is asked: who floods us with one key or many costs no look-up.
        self._of_key = key in keys
        self.allowance: Allowance = self._buckets.take(key if self._of_key else address)

    @property
    def is_used_up_by_strangers(self) -> bool:
        """By others at this address, perhaps; this request's own key is not known yet."""
        return not self._of_key and not self.allowance.is_granted

    @property
    def policy(self) -> Policy:
        return self._buckets.policy

    @property
    def _buckets(self) -> TokenBuckets:
        return self._keys if self._of_key else self._addresses

    def key_is_good(self) -> None:
        """From now on the key has a quota of its own."""
        if not self._of_key:
            if self.allowance.is_granted:
                self._addresses.give_back(self._address)
            self._of_key = True
            self.allowance = self._keys.take(self.key)

    def key_is_bad(self) -> None:
        """Unknown, or revoked since: whoever guesses keys uses up the address's quota."""
        if self._of_key:
            self._keys.forget(self.key)
            self._of_key = False
            self.allowance = self._addresses.take(self._address)


class RateLimit:
    """`exempt` are path prefixes that are never counted, `agents` those that are not counted for
    who holds a call's token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        per_key: Policy,
        per_address: Policy,
        call_token_secret: str,
        exempt: tuple[str, ...],
        agents: tuple[str, ...],
    ) -> None:
        self._app = app
        self._keys = TokenBuckets(per_key, kept_seconds=_KEYS_KEPT_SECONDS)
        self._addresses = TokenBuckets(per_address)
        self._call_token_secret = call_token_secret
        self._exempt = exempt
        self._agents = agents
        self._good_keys = GoodKeys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_exempt(scope):
            await self._app(scope, receive, send)
            return
        quota = scope[_SCOPE_ENTRY] = self._quota_of(scope)
        if quota.is_used_up_by_strangers and await self._is_good(scope, quota.key):
            # Whoever guesses keys behind the same address is not to lock its good ones out.
            quota.key_is_good()

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_fields(MutableHeaders(scope=message), quota)
            await send(message)

        if quota.allowance.is_granted:
            await self._app(scope, receive, send_with_fields)
        else:
            await _refusal(scope, quota)(scope, receive, send_with_fields)

    async def _is_good(self, scope: Scope, key: str) -> bool:
        return bool(bearer_of(scope)) and await self._good_keys.have(scope, key)

    def _is_exempt(self, scope: Scope) -> bool:
        path = scope["path"]
        return path.startswith(self._exempt) or (
            path.startswith(self._agents) and self._call_of(scope) is not None
        )

    def _call_of(self, scope: Scope) -> str | None:
        return call_id_of_token(self._call_token_secret, bearer_of(scope))

    def _quota_of(self, scope: Scope) -> Quota:
        token = bearer_of(scope)
        call_id = self._call_of(scope)
        quota = Quota(
            self._keys,
            self._addresses,
            _address_of(scope),
            hash_key(token) if call_id is None else call_id,
        )
        if call_id is not None:  # signed by ourselves: agents share few addresses
            quota.key_is_good()
        return quota


def quota_of(request: Request) -> Quota | None:
    """None where nothing is counted."""
    quota: Quota | None = request.scope.get(_SCOPE_ENTRY)
    return quota


def bearer_of(scope: Scope) -> str:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _refusal(scope: Scope, quota: Quota) -> ASGIApp:
    wait = max(1, quota.allowance.more_in)
    refused = RateLimited(quota.policy, wait)
    return problem(
        Request(scope),
        refused.http_status,
        refused.code,
        str(refused),
        headers={"Retry-After": str(wait)},
    )


def _add_fields(headers: MutableHeaders, quota: Quota) -> None:
    policy, left = quota.policy, quota.allowance
    headers[POLICY_FIELD] = f'"{policy.name}";q={policy.quota};w={policy.window}'
    headers[LIMIT_FIELD] = f'"{policy.name}";r={left.remaining};t={left.more_in}'


def _address_of(scope: Scope) -> str:
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is None:
        # One customer has at least a /64 of addresses (RFC 6177).
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host
