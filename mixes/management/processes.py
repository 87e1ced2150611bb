"""Child processes that end with their parent."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux only; elsewhere children of a killed parent keep running


def die_with_parent(number: signal.Signals) -> None:
    """Make the kernel send this process a signal when its parent dies (Linux only)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # the parent died before the call
            os.kill(os.getpid(), number)
