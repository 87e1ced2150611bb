"""Checkpoints: the finished stages of a request in a work folder that outlives the process.

In: a folder, the hash of a request. Out: for each stage, its checkpoint if its files are complete and belong
to this request. The record of a stage is written after its files are flushed and holds their sizes and
hashes: files without a record, or that differ from it, are ignored.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.disk import fsync_path
from mixes.engine.errors import Cancelled, FolderInUseError
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.work_folder import lock

PART_SUFFIX = ".part"
LOCK_TIMEOUT_S = 10.0  # time for an earlier run that lost its job to notice and stop
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a finished stage: name, size and hash."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished stage: its files, its values for later stages, and its duration."""

    files: tuple[FileRecord, ...]
    values: dict[str, Any]
    took_s: float


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one request in its work folder."""

    folder: Path
    key: str  # hash of the request: checkpoints of another one are ignored
    should_stop: ShouldStop = never

    def find(self, stage: str) -> Checkpoint | None:
        """Return the checkpoint of a stage if all its files are intact, else None.

        Raises Cancelled when `should_stop` says so.
        """
        try:
            data = json.loads(self._path(stage).read_text(encoding="utf-8"))
            if data["key"] != self.key:
                return None
            checkpoint = Checkpoint(
                tuple(FileRecord(**file) for file in data["files"]), data["values"], data["took_s"]
            )
            return checkpoint if all(map(self._is_intact, checkpoint.files)) else None
        except (OSError, ValueError, KeyError, TypeError):  # missing or damaged: the stage runs again
            return None

    def save(self, stage: str, names: Sequence[str], values: dict[str, Any], took_s: float) -> Checkpoint:
        """Flush the files `names`, write the record of the finished stage, and return its checkpoint.

        Raises OSError when the system refuses.
        """
        checkpoint = Checkpoint(tuple(self._record_file(name) for name in names), values, took_s)
        part = self.folder / f"done-{stage}{PART_SUFFIX}"
        part.write_text(json.dumps({"key": self.key, **asdict(checkpoint)}), encoding="utf-8")
        fsync_path(part)
        fsync_path(self.folder)
        part.replace(self._path(stage))
        fsync_path(self.folder)
        return checkpoint

    def clear(self) -> None:
        """Remove all checkpoints, so that every stage runs again."""
        for path in self.folder.glob("done-*.json"):
            path.unlink()

    def _path(self, stage: str) -> Path:
        return self.folder / f"done-{stage}.json"

    def _record_file(self, name: str) -> FileRecord:
        path = self.folder / name
        fsync_path(path)
        return FileRecord(name, path.stat().st_size, hash_file(path))  # stopping here would lose the stage

    def _is_intact(self, file: FileRecord) -> bool:
        path = self.folder / file.name
        return path.stat().st_size == file.size and hash_file(path, self.should_stop) == file.sha256


@contextlib.contextmanager
def locked_work_folder(folder: Path, should_stop: ShouldStop) -> Iterator[None]:
    """Create and lock a work folder for one run; wait while an earlier run still holds it.

    Raises FolderInUseError when the lock is not free within LOCK_TIMEOUT_S, Cancelled when `should_stop`
    says so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    while True:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock(folder, wait=False))
            except BlockingIOError:
                if should_stop():
                    raise Cancelled from None
                if time.monotonic() - started_s > LOCK_TIMEOUT_S:
                    raise FolderInUseError from None
                time.sleep(POLL_S)
                continue
            yield
            return
