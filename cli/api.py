"""The HTTP API as a client with manners: repeats that are safe, waits that were asked for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from cli.connection import Connection
from cli.errors import Away, CliError, exit_code_of

PATIENCE = 15.0  # seconds that a request is repeated for while the service is away or busy
_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_BUSY = (429, 503)
_USUAL_PAUSE = 1.0

Tell = Callable[[str], None]


class Api:
    """Methods return the answer's JSON, and raise CliError with what the API said against it."""

    def __init__(
        self,
        connection: Connection,
        *,
        patience: float = PATIENCE,
        tell: Tell = lambda _: None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.connection = connection
        self._patience = patience
        self._tell = tell
        self._http = httpx2.Client(
            base_url=connection.api_url,
            headers={
                "Authorization": f"Bearer {connection.api_key}",
                "User-Agent": "switchboard-cli",
            },
            timeout=_TIMEOUT,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: object) -> Any:
        return self._ask("GET", path, params=_given(query))

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:
        """Repeated under one Idempotency-Key, so that it happens once."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self._ask("POST", path, json=body, headers=headers)

    def put(self, path: str, body: object) -> Any:
        return self._ask("PUT", path, json=body)

    def patch(self, path: str, body: object) -> Any:
        return self._ask("PATCH", path, json=body)

    def delete(self, path: str, **query: object) -> Any:
        return self._ask("DELETE", path, params=_given(query))

    def pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """Every page of a list, by its cursor."""
        while True:
            page = self.get(path, **query)
            yield page
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def look(self, path: str) -> httpx2.Response:
        """One GET as it comes, whatever its status. Raises Away."""
        try:
            return self._http.get(path)
        except httpx2.TransportError as trouble:
            raise Away(self._away(trouble)) from None

    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx2.ServerSentEvent]:
        """One connection's events. Raises httpx2.TransportError when it breaks, CliError."""
        # The API sends a comment line at least every few seconds.
        timeout = httpx2.Timeout(60.0, connect=5.0)
        with self._http.stream("GET", path, headers=dict(headers), timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                raise refusal(answer)
            yield from httpx2.EventSource(answer)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._http.request(method, path, **options)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as no:
                raise Away(self._away(no)) from None  # nobody listens: waiting seldom helps
            except httpx2.TransportError as trouble:
                pause, why = _USUAL_PAUSE, f"The answer was lost ({type(trouble).__name__})"
                end: CliError = Away(self._away(trouble))
            else:
                if answer.is_success:
                    return self._read(answer)
                end = refusal(answer)
                if answer.status_code not in _BUSY:
                    raise end
                pause, why = _asked_pause(answer), str(end)
            if time.monotonic() + pause > deadline:
                raise end
            self._tell(f"{why} Trying again in {pause:.0f} s.")
            time.sleep(pause)

    def _read(self, answer: httpx2.Response) -> Any:
        if answer.status_code == 204 or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            here = self.connection.api_url
            raise Away(f"{here} answers, but not as Switchboard does: see to --api-url.") from None

    def _away(self, trouble: Exception) -> str:
        why = str(trouble).rstrip(".") or type(trouble).__name__
        here = f"{self.connection.api_url} (from {self.connection.url_from})"
        return f"{here} cannot be reached: {why}."


def refusal(answer: httpx2.Response) -> CliError:
    """problem+json as a sentence with its code, and a line for every field that is wrong."""
    exit_code = exit_code_of(answer.status_code)
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "code" not in problem:
        sentence = f"{answer.request.url.path} answered {answer.status_code}, without a reason."
        if answer.status_code == 404:
            # No route: an older API, or something else at this address.
            sentence = f"There is no {answer.request.url.path} at this address: see to --api-url."
        return CliError(exit_code, sentence)
    faults = problem.get("errors") or []
    lines = [f"{fault['field'].removeprefix('body.')}: {fault['message']}" for fault in faults]
    sentence = f"{problem.get('detail') or problem.get('title')} [{problem['code']}]"
    return CliError(exit_code, sentence, lines=lines, problem=problem)


def _asked_pause(answer: httpx2.Response) -> float:
    asked = answer.headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return _USUAL_PAUSE


def _given(query: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value is not None}
