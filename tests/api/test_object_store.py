"""The object store has two names: the one that we ask, and the one in a listener's link."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.recordings.object_store import ObjectStore
from tests.api.service import settings_for


class _Bucket(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/recordings" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def inside() -> Iterator[str]:
    """An object store as the API reaches it."""
    with HTTPServer(("127.0.0.1", 0), _Bucket) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_bucket_is_looked_for_inside_although_listeners_come_from_outside(
    tmp_path: Path, inside: str
) -> None:
    # At the first start no proxy serves the public name yet: `.invalid` resolves nowhere.
    public = "https://s3.invalid"
    store = ObjectStore(settings_for(tmp_path, s3_endpoint=inside, s3_public_url=public))
    store.check()
    link, _ = store.link("a/call.ogg")
    assert urlsplit(link)[:3] == ("https", "s3.invalid", "/recordings/a/call.ogg")


def test_without_a_public_name_links_name_the_only_one(tmp_path: Path, inside: str) -> None:
    store = ObjectStore(settings_for(tmp_path, s3_endpoint=inside))
    link, _ = store.link("a/call.ogg")
    assert link.startswith(f"{inside}/recordings/a/call.ogg?")
