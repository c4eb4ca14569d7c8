"""Is this webhook LiveKit's? Judged on the bytes that came over the wire."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.json_format import ParseError
from livekit import api as livekit_api
from livekit.protocol.webhook import WebhookEvent

from contract.errors import PlatformError, Unauthorised

# LiveKit's tokens live five minutes; this much the clocks of two machines may differ.
_CLOCKS_APART = timedelta(seconds=5)


class MalformedEvent(PlatformError):
    code, http_status = "malformed-event", 400


class WebhookVerifier:
    def __init__(self, api_key: str, api_secret: str) -> None:
        self._verifier = livekit_api.TokenVerifier(api_key, api_secret, leeway=_CLOCKS_APART)
        self._receiver = livekit_api.WebhookReceiver(self._verifier)

    def check_sender(self, authorization: str | None) -> None:
        """For before the body is there. Raises Unauthorised."""
        token = _token(authorization)
        try:
            self._verifier.verify(token)
        except Exception:  # PyJWT has a dozen of its own
            raise Unauthorised("The webhook's signature is not valid.") from None

    def read(self, body: bytes, authorization: str | None) -> WebhookEvent:
        """Raises Unauthorised, or MalformedEvent for a genuine one that cannot be read."""
        token = _token(authorization)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise MalformedEvent("The event is not UTF-8.") from None
        try:
            return self._receiver.receive(text, token)
        except ParseError:
            raise MalformedEvent("The event cannot be read.") from None
        except Exception:  # the receiver raises bare Exceptions, PyJWT a dozen of its own
            raise Unauthorised("The webhook's signature is not valid for this body.") from None


def _token(authorization: str | None) -> str:
    if not authorization:
        raise Unauthorised("A webhook needs LiveKit's signature in `Authorization`.")
    return authorization.removeprefix("Bearer ")
