"""One copy of what is imported, for the agent server's process and for all its job processes."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Iterable
from multiprocessing import connection, forkserver, resource_tracker
from typing import Any

from agents.gaps import take_gaps

# Of glibc's malloc.h. A job process has a score of threads, and each would get a heap of its own:
# 4 MiB more with two of them, 5 to 6 with as many as it likes. They allocate too little to wait.
_M_ARENA_MAX, _ARENAS = -8, 1
# What livekit-agents has its job processes' origin import besides what it is told to.
_LIVEKITS = ("livekit.agents.ipc._preload",)


def fork_jobs_from_here(modules: Iterable[str], livekit: dict[str, str]) -> bool:
    """Import `modules` and make this process, as it is then, what job processes are forked from.

    By itself multiprocessing starts a new interpreter for that, which imports all of livekit a
    second time: 70 MiB that this process has already. So it is forked from this one instead, and
    everything is there once. Before the first thread, the event loop and the logs: a fork takes
    them along half alive. When it dies multiprocessing starts another one its own way.

    `livekit`: LIVEKIT_URL and the others which livekit-agents puts into its environment for its
    jobs when it begins to serve. That is too late here.

    False: there are threads already, and job processes begin as multiprocessing has them.
    """
    if sys.platform != "linux":  # livekit-agents forks nothing there
        return True
    from livekit.agents.utils import http_context

    for module in (*modules, *_LIVEKITS):
        importlib.import_module(module)
    os.environ.update(livekit)
    http_context._set_default_cert_env()
    # The jobs' session's certificates, parsed once: 0.1 s of a call's event loop, and 1 MiB.
    http_context._create_ssl_context()
    if len(os.listdir("/proc/self/task")) > 1:  # a library's own ones too
        return False
    # MALLOC_ARENA_MAX is read when an interpreter starts, and none starts any more.
    if "MALLOC_ARENA_MAX" not in os.environ and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
    # What is there now is never looked at again by the collector, which writes where it looks.
    gc.collect()
    gc.freeze()
    # A job's lookups would take each name of the import's last ones out of it, and copy its page.
    sys._clear_type_cache()
    take_gaps()
    _fork_tracker()
    _fork()
    return True


def _fork_tracker() -> None:
    """As multiprocessing.resource_tracker.ensure_running, which starts an interpreter of 6 MiB."""
    told, told_here = os.pipe()  # at its end, of all processes that have it, the tracker ends
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # until it ignores them: it goes last
    try:
        if (pid := os.fork()) == 0:
            _track(told, told_here)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
    os.close(told)
    tracker: Any = resource_tracker._resource_tracker
    tracker._fd, tracker._pid = told_here, pid


def _track(told: int, told_there: int) -> None:
    """Does not return, as `_serve_forks`."""
    try:
        os.close(told_there)
        resource_tracker.main(told)
    finally:
        os._exit(0)


def _fork() -> None:
    """As multiprocessing.forkserver.ensure_running, with a fork in place of a new interpreter."""
    library: Any = connection
    address: str = library.arbitrary_address("AF_UNIX")
    alive, alive_here = os.pipe()  # at its end the other one ends
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        if not address.startswith("\0"):
            os.chmod(address, 0o600)
        listener.listen()
        if (pid := os.fork()) == 0:
            _serve_forks(listener.detach(), alive, alive_here)
    os.close(alive)
    server: Any = forkserver._forkserver
    server._forkserver_address = address
    server._forkserver_alive_fd = alive_here
    server._forkserver_pid = pid


def _serve_forks(listener: int, alive: int, alive_there: int) -> None:
    """Does not return: nothing of the process that it was forked from is to run here."""
    try:
        os.close(alive_there)
        forkserver.main(listener, alive, [])
    finally:
        os._exit(0)
