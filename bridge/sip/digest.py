"""Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): `qop=auth`, MD5 and SHA-256."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.sip.grammar import Parameters, parameters
from bridge.sip.ids import Ids
from bridge.sip.message import Request, Response
from bridge.sip.settings import Challenge, Credentials

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_REMEMBERED_NONCES = 4096
_LONGEST = 2048


def digest(algorithm: str, *parts: str) -> str:
    content = ":".join(parts).encode("utf-8", "surrogateescape")
    return _HASHES[algorithm](content, usedforsecurity=False).hexdigest()


def _read(value: str) -> Parameters | None:
    """Parameters of a `Digest …` value; None for another scheme or what cannot be read."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest" or len(rest) > _LONGEST:
        return None
    try:
        return parameters(rest, ",")
    except ValueError:
        return None


def _algorithm(asked: Parameters) -> str | None:
    name = (asked.get("algorithm") or "MD5").upper()
    return name if name in _HASHES else None


@dataclass(slots=True)
class _Asked:
    """A challenge of one realm, and how often its nonce was used."""

    header: str
    parameters: Parameters
    algorithm: str
    count: int = 0


class Wallet:
    """Our side of one call: what was asked of us, and the answers."""

    def __init__(self, credentials: Credentials | None, ids: Ids) -> None:
        self._credentials = credentials
        self._ids = ids
        self._asked: dict[tuple[str, str], _Asked] = {}

    def learn(self, response: Response, asked_before: bool = False) -> bool:
        """From a 401 or 407: whether asking again may help.

        `asked_before`: this very request was signed for an earlier challenge of theirs; then it is
        our password that is wrong, unless they say that the nonce was merely stale (RFC 7616
        section 3.3). Some give a new nonce to every request.
        """
        if self._credentials is None or response.code not in (401, 407):
            return False
        name, answer = (
            ("WWW-Authenticate", "Authorization")
            if response.code == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        learnt = False
        for asked in self._best(response.headers.getlist(name)):
            realm = asked.get("realm") or ""
            known = self._asked.get((answer, realm))
            stale = (asked.get("stale") or "").lower() == "true"
            if known is not None and known.count and asked_before and not stale:
                continue
            if known is not None and known.parameters.get("nonce") == asked.get("nonce"):
                continue
            algorithm = _algorithm(asked)
            if algorithm is not None and len(self._asked) < 8:
                self._asked[answer, realm] = _Asked(answer, asked, algorithm)
                learnt = True
        return learnt

    def sign(self, request: Request) -> None:
        """Adds what was asked for so far, each nonce with its next count."""
        for asked in self._asked.values():
            request.headers.add(asked.header, self._answer(asked, request))

    def _best(self, values: Iterable[str]) -> Iterable[Parameters]:
        """One challenge a realm: the first that we can meet, as the server prefers (RFC 8760)."""
        found: dict[str, Parameters] = {}
        for value in values:
            asked = _read(value)
            if asked is None or _algorithm(asked) is None or not asked.get("nonce"):
                continue
            offered = {each.strip().lower() for each in (asked.get("qop") or "auth").split(",")}
            if "auth" in offered:
                found.setdefault(asked.get("realm") or "", asked)
        return found.values()

    def _answer(self, asked: _Asked, request: Request) -> str:
        credentials = self._credentials
        assert credentials is not None
        given, algorithm = asked.parameters, asked.algorithm
        realm, nonce = given.get("realm") or "", given.get("nonce") or ""
        ha1 = digest(algorithm, credentials.username, realm, credentials.password)
        ha2 = digest(algorithm, request.method, request.target)
        fields = [
            f'Digest username="{_quoted(credentials.username)}"',
            f'realm="{_quoted(realm)}"',
            f'nonce="{_quoted(nonce)}"',
            f'uri="{request.target}"',
            f"algorithm={algorithm}",
        ]
        asked.count += 1
        if given.get("qop"):
            count, cnonce = f"{asked.count:08x}", self._ids.tag()
            response = digest(algorithm, ha1, nonce, count, cnonce, "auth", ha2)
            fields += [f'response="{response}"', "qop=auth", f"nc={count}", f'cnonce="{cnonce}"']
        else:
            fields.append(f'response="{digest(algorithm, ha1, nonce, ha2)}"')
        if (opaque := given.get("opaque")) is not None:
            fields.append(f'opaque="{_quoted(opaque)}"')
        return ", ".join(fields)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Doorkeeper:
    """The other side: asks callers, and judges their answers. Nonces carry their own time."""

    def __init__(self, challenge: Challenge, ids: Ids) -> None:
        self._challenge = challenge
        self._secret = ids.secret().encode()
        self._ids = ids
        self._counts: OrderedDict[str, int] = OrderedDict()

    def admits(self, request: Request, now: float) -> tuple[bool, bool]:
        """Whether the caller is known, and whether only its nonce is too old (stale)."""
        for value in request.headers.getlist("Authorization"):
            given = _read(value)
            if given is None or given.get("realm") != self._challenge.realm:
                continue
            if not self._is_right(given, request):
                return False, False
            return self._is_fresh(given, now)
        return False, False

    def challenges(self, now: float, stale: bool) -> list[str]:
        """Values of WWW-Authenticate, the strongest algorithm first."""
        return [
            f'Digest realm="{_quoted(self._challenge.realm)}", nonce="{self._nonce(now)}", '
            f'qop="auth", algorithm={algorithm}' + (", stale=true" if stale else "")
            for algorithm in self._challenge.algorithms
        ]

    def _is_right(self, given: Parameters, request: Request) -> bool:
        algorithm, username = _algorithm(given), given.get("username") or ""
        # Not always the Request-URI: proxies rewrite that (22.4, item 5).
        uri = given.get("uri") or ""
        password = self._challenge.passwords.get(username)
        if algorithm is None or algorithm not in self._challenge.algorithms:
            return False
        if given.get("qop") != "auth" or not uri.lower().startswith(("sip:", "sips:")):
            return False
        ha1 = digest(algorithm, username, self._challenge.realm, password or "")
        ha2 = digest(algorithm, request.method, uri)
        fields = (given.get("nonce"), given.get("nc"), given.get("cnonce"), "auth")
        expected = digest(algorithm, ha1, *(field or "" for field in fields), ha2)
        told = (given.get("response") or "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(expected.encode(), told) and password is not None

    def _is_fresh(self, given: Parameters, now: float) -> tuple[bool, bool]:
        """A nonce of ours, not too old, its count never seen before (a replay is no stale one)."""
        nonce = given.get("nonce") or ""
        age = self._age(nonce, now)
        if age is None or age > self._challenge.nonce_lifetime:
            return False, True
        try:
            count = int(given.get("nc") or "", 16)
        except ValueError:
            return False, False
        if count <= self._counts.get(nonce, 0):
            return False, True
        self._counts[nonce] = count
        self._counts.move_to_end(nonce)
        while len(self._counts) > _REMEMBERED_NONCES:
            self._counts.popitem(last=False)
        return True, False

    def _nonce(self, now: float) -> str:
        stamp = f"{int(now * 1000):x}.{self._ids.tag()}"
        return f"{stamp}.{self._mark(stamp)}"

    def _mark(self, stamp: str) -> str:
        return hmac.new(self._secret, stamp.encode(), hashlib.sha256).hexdigest()[:32]

    def _age(self, nonce: str, now: float) -> float | None:
        stamp, _, mark = nonce.rpartition(".")
        wanted = self._mark(stamp).encode() if stamp.isascii() else b""
        if not wanted or not hmac.compare_digest(wanted, mark.encode("utf-8", "surrogateescape")):
            return None
        return now - int(stamp.partition(".")[0], 16) / 1000
