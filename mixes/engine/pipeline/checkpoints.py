"""What earlier runs finished in a work folder that outlives its process: a stage is its files and a record.

In: a folder, the hash of a request. Out: per stage, whether its files are there, whole and of this request.
The record comes last, when the files are on the disk, and tells sizes and hashes: without it, or when they
differ, whatever lies there does not count.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled, StalledError
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.work_folder import lock

PART = ".part"
TAKEN_S = 60.0  # how long a run that lost its work may need to notice
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a finished stage, by its name in the folder."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """A finished stage: its files, what later stages must know of it, and how long it took."""

    files: tuple[Kept, ...]
    values: dict[str, Any]
    took_s: float


@dataclass(frozen=True, slots=True)
class StageRecords:
    """The records of one request in its folder."""

    folder: Path
    key: str  # of the request: files of another one do not count
    should_stop: ShouldStop = never

    def find(self, stage: str) -> Record | None:
        """Return what a finished stage left, if all of it is whole. Raises Cancelled."""
        try:
            data = json.loads(self._path(stage).read_text(encoding="utf-8"))
            if data["key"] != self.key:
                return None
            record = Record(tuple(Kept(**kept) for kept in data["files"]), data["values"], data["took_s"])
            return record if all(map(self._is_whole, record.files)) else None
        except (OSError, ValueError, KeyError, TypeError):  # not there, or damaged: make it again
            return None

    def keep(self, stage: str, names: Sequence[str], values: dict[str, Any], took_s: float) -> Record:
        """Note that a stage is finished; its files lie under their names."""
        record = Record(tuple(self._settle(name) for name in names), values, took_s)
        part = self.folder / f"done-{stage}{PART}"
        part.write_text(json.dumps({"key": self.key, **asdict(record)}), encoding="utf-8")
        sync(part)
        sync(self.folder)
        part.replace(self._path(stage))
        sync(self.folder)
        return record

    def forget(self) -> None:
        """Have no stage count as finished."""
        for path in self.folder.glob("done-*.json"):
            path.unlink()

    def _path(self, stage: str) -> Path:
        return self.folder / f"done-{stage}.json"

    def _settle(self, name: str) -> Kept:
        path = self.folder / name
        sync(path)
        return Kept(name, path.stat().st_size, hash_file(path))  # to stop here would lose the stage

    def _is_whole(self, kept: Kept) -> bool:
        path = self.folder / kept.name
        return path.stat().st_size == kept.size and hash_file(path, self.should_stop) == kept.sha256


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def kept_folder(folder: Path, should_stop: ShouldStop) -> Iterator[None]:
    """Hold a work folder for one run, made if need be; an earlier run may still have to notice that it ended.

    Raises Cancelled, StalledError when somebody works there on and on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    while True:
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(lock(folder, wait=False))
            except BlockingIOError:
                if should_stop():
                    raise Cancelled from None
                if time.monotonic() - started_s > TAKEN_S:
                    raise StalledError(
                        "Another run of this mix has not ended yet. Try again later."
                    ) from None
                time.sleep(POLL_S)
                continue
            yield
            return
