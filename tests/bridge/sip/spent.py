"""What something cost this thread, whatever else the process and the machine had to do."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_slow(limit: float = 0.3) -> Iterator[None]:
    """Fails beyond so many seconds; what grows with the square of 8000 characters takes more.
    Without garbage collection, which in a process of thousands of tests takes half a second."""
    gc.disable()
    began = time.thread_time()
    try:
        yield
        took = time.thread_time() - began
    finally:
        gc.enable()
    assert took < limit
