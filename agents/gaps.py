"""No gaps between what is there before a fork, for what comes after it.

A fork shares memory by pages, and the C library puts what a process asks for first where something
was freed: a few hundred bytes here and there, and each page that they lie in is copied whole. So
the gaps are taken before the fork, for good, and a job process allocates in pages of its own.
"""

from __future__ import annotations

import ctypes

_LARGEST = 65536  # bytes; whole pages of larger ones are given back, and are nobody's to copy
_STEP = 16  # of the C library's sizes


class _Info(ctypes.Structure):
    """`struct mallinfo2` of glibc's malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks"),
            *("uordblks", "fordblks", "keepcost"),
        )
    ]


def take_gaps() -> int:
    """Returns the bytes taken. 0: this C library is not glibc, or older than 2.33."""
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallinfo2") and hasattr(libc, "malloc_trim")):
        return 0
    libc.mallinfo2.restype = _Info
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
    libc.malloc_trim(0)
    end = libc.sbrk(0) - libc.mallinfo2().keepcost  # from here on nothing was ever allocated
    taken = 0
    for size in range(_LARGEST, 0, -_STEP):
        while (address := libc.malloc(size)) and address < end:
            taken += size
        libc.free(address)
    return taken
