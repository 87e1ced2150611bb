"""Whether this worker is to stop: set in its main process, seen in the processes it forks."""

import multiprocessing

_STOPPING = multiprocessing.RawValue("b", 0)  # shared memory without a lock: a signal handler may write it


def stop() -> None:
    """Ask every run of this worker to hand its job back."""
    _STOPPING.value = 1


def is_stopping() -> bool:
    return bool(_STOPPING.value)
