"""The HTTP server in front of the application."""

from __future__ import annotations

import uvicorn

from api.app import build_app
from api.edge.http_protocol import bounded_http
from api.settings import ApiSettings

_GRACE_SECONDS = 5  # of the 10 s that a process has to end; SSE streams are cut after it


def server_of(settings: ApiSettings) -> uvicorn.Server:
    config = uvicorn.Config(
        build_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        http=bounded_http(settings.max_header_bytes, settings.header_timeout_seconds),
        ws="none",
        forwarded_allow_ips=list(settings.trusted_proxies),
    )
    return uvicorn.Server(config)
