"""How to mend what is away, by its name."""

from __future__ import annotations

_ANYWHERE = {
    "api": "Start it, or see to --api-url and SWITCHBOARD_API_URL.",
    "temporal": "See that Temporal runs where the API's TEMPORAL_ADDRESS says.",
    "livekit": "See that LiveKit runs where the API's LIVEKIT_URL says.",
    "livekit_public": "See to the API's LIVEKIT_PUBLIC_URL, and to firewalls on the way.",
    "database": "See that the database runs where the API's DATABASE_URL says.",
    "object_store": "See to S3_ENDPOINT, S3_BUCKET and its keys, in the API and the worker.",
    "worker": "Start a worker (worker_main.py), or see to its log.",
    "bridge": "Start the bridge (worker_main.py --queue bridge), or see to its log.",
    "workflow_tasks": "Roll the worker back, or forward to code that can go on.",
    "atlas": "Start Atlas (python -m agents.atlas), or see to its log.",
    "media-bot": "Start Media Bot (python -m agents.media_bot), or see to its log.",
    "livekit_webhooks": "See to `webhook.urls` and `webhook.api_key` in LiveKit's configuration.",
}
_OF_THE_STACK = frozenset({"workflow_tasks", "livekit_webhooks"})  # nothing that died


def next_step(name: str, *, is_ours: bool) -> str:
    """`is_ours`: the embedded stack of this checkout, which knows how to start its parts."""
    if is_ours and name not in _OF_THE_STACK:
        return "`make up` starts what died; `make logs` shows why."
    return _ANYWHERE.get(name, "See the API's log.")
