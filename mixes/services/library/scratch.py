"""Remove temporary upload files left by a crashed web server."""

import contextlib
import time
from pathlib import Path

from mixes.engine.pipeline.work_folder import lock
from mixes.services import storage

FORM, PICTURE = "form-", "picture-"  # prefixes of temporary names in the folder of uploads
MIN_AGE_S = 60  # a younger file may not be locked yet


def clean_up() -> None:
    """Remove temporary files whose lock no running request holds."""
    folder = storage.path_of(storage.UPLOADS)
    for path in (*folder.glob(f"{FORM}*"), *folder.glob(f"{PICTURE}*")):
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            if time.time() - path.stat().st_mtime > MIN_AGE_S:
                with lock(path, wait=False):
                    _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        storage.remove_folder(path)
    else:
        path.unlink(missing_ok=True)
