"""What earlier runs finished in a work folder that outlives its process: a stage is its files and a record.

In: a folder, the hash of a request. Out: per stage, whether its files are there, whole and of this request.
The record comes last, when the files are on the disk, and tells sizes and hashes: without it, or when they
differ, whatever lies there does not count.
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
from mixes.engine.errors import Cancelled, StalledError
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.work_folder import lock

PART_SUFFIX = ".part"
LOCK_TIMEOUT_S = 60.0  # how long a run that lost its work may need to notice
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a finished stage, by its name in the folder."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished stage: its files, what later stages must know of it, and how long it took."""

    files: tuple[FileRecord, ...]
    values: dict[str, Any]
    took_s: float


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The records of one request in its folder."""

    folder: Path
    key: str  # of the request: files of another one do not count
    should_stop: ShouldStop = never

    def find(self, stage: str) -> Checkpoint | None:
        """Return what a finished stage left, if all of it is whole. Raises Cancelled."""
        try:
            data = json.loads(self._path(stage).read_text(encoding="utf-8"))
            if data["key"] != self.key:
                return None
            checkpoint = Checkpoint(
                tuple(FileRecord(**file) for file in data["files"]), data["values"], data["took_s"]
            )
            return checkpoint if all(map(self._is_intact, checkpoint.files)) else None
        except (OSError, ValueError, KeyError, TypeError):  # not there, or damaged: make it again
            return None

    def save(self, stage: str, names: Sequence[str], values: dict[str, Any], took_s: float) -> Checkpoint:
        """Note that a stage is finished; its files lie under their names."""
        checkpoint = Checkpoint(tuple(self._record_file(name) for name in names), values, took_s)
        part = self.folder / f"done-{stage}{PART_SUFFIX}"
        part.write_text(json.dumps({"key": self.key, **asdict(checkpoint)}), encoding="utf-8")
        fsync_path(part)
        fsync_path(self.folder)
        part.replace(self._path(stage))
        fsync_path(self.folder)
        return checkpoint

    def clear(self) -> None:
        """Have no stage count as finished."""
        for path in self.folder.glob("done-*.json"):
            path.unlink()

    def _path(self, stage: str) -> Path:
        return self.folder / f"done-{stage}.json"

    def _record_file(self, name: str) -> FileRecord:
        path = self.folder / name
        fsync_path(path)
        return FileRecord(name, path.stat().st_size, hash_file(path))  # to stop here would lose the stage

    def _is_intact(self, file: FileRecord) -> bool:
        path = self.folder / file.name
        return path.stat().st_size == file.size and hash_file(path, self.should_stop) == file.sha256


@contextlib.contextmanager
def locked_work_folder(folder: Path, should_stop: ShouldStop) -> Iterator[None]:
    """Hold a work folder for one run, made if need be; an earlier run may still have to notice that it ended.

    Raises Cancelled, StalledError when somebody works there on and on.
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
                    raise StalledError(
                        "Another run of this mix has not ended yet. Try again later."
                    ) from None
                time.sleep(POLL_S)
                continue
            yield
            return
