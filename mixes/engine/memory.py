"""Give memory that is free inside this process back to the system."""

import ctypes


def release_memory() -> None:
    """Return the free memory of the C library's heaps to the system, where the library can (glibc).

    After megabytes of sound a heap keeps most of its pages: a block that is still used at its end holds all
    free ones before it, and they count beside those of the next programs.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
