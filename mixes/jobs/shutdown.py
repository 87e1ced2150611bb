"""The shutdown flag of a worker: set in its main process, seen in the processes it forks."""

import multiprocessing

_STOPPING = multiprocessing.RawValue("b", 0)  # shared memory without a lock: a signal handler may write it


def stop() -> None:
    """Ask every job of this worker to stop and be requeued."""
    _STOPPING.value = 1


def is_stopping() -> bool:
    return bool(_STOPPING.value)
