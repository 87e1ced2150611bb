"""Journal of a restore: it names every move before the first one is made, so that all can be reversed.

A move renames one file or folder on its disk. Whether it was made shows on the disk, so the journal does not
change while things move. It is open from the first file that a restore unpacks until after the last move;
meanwhile only `restore --undo` runs. A closed journal stays beside the replaced data: an undo needs it.

The settings import this module, so it imports nothing of Django.
"""

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mixes.engine.disk import fsync_path

JOURNAL = "restore-journal.json"  # in the data folder; its closed form has the same name in the aside folder
NEW, ASIDE = "restoring-", "before-restore-"  # and when
UNFINISHED = "A restore of this installation has not ended. Run `manage.py restore --undo` first."

Roots = Mapping[str, Path]  # folders that data, media and database are in, by these names


class JournalError(Exception):
    """A journal cannot be used; str() is a sentence."""


@dataclass(frozen=True, slots=True)
class Move:
    """A rename below one root; a name without a folder is in use by the site."""

    root: str
    source: str
    target: str

    @property
    def is_aside(self) -> bool:
        """Return whether it moves something away from where the site uses it."""
        return "/" not in self.source

    @property
    def live_name(self) -> str:
        return self.source if self.is_aside else self.target


@dataclass(frozen=True, slots=True)
class Plan:
    """A restore or an undo: its moves, and whether it replaces a database by loading a dump."""

    stamp: str
    moves: tuple[Move, ...] = ()
    loads_dump: bool = False

    @property
    def new(self) -> str:
        return f"{NEW}{self.stamp}"

    @property
    def aside(self) -> str:
        return f"{ASIDE}{self.stamp}"


def is_open(data: Path) -> bool:
    return (data / JOURNAL).exists()


def stop_if_open(data: Path) -> None:
    """End this process with a sentence while a restore has not ended, unless it is `restore` itself."""
    if is_open(data) and sys.argv[1:2] != ["restore"]:
        sys.exit(UNFINISHED)


@contextlib.contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the lock of restores. Raises JournalError while another process holds it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(data, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError("Another restore is running. Wait until it has ended.") from None
        yield
    finally:
        os.close(handle)


def write(data: Path, plan: Plan) -> None:
    """Open the journal, or replace it by one with more moves; it is on the disk afterwards."""
    fresh = data / f"{NEW}{JOURNAL}"  # a leftover is removed like unpacked files
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(plan), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(data / JOURNAL)
    fsync_path(data)


def read(folder: Path) -> Plan:
    """Read the open journal of the data folder, or the closed one of an aside folder. Raises JournalError."""
    path = folder / JOURNAL
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return Plan(**{**entries, "moves": tuple(Move(**move) for move in entries["moves"])})
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"{path} cannot be read: {error}.") from error


def close(data: Path, plan: Plan) -> None:
    """End a restore that succeeded; its journal becomes the record for an undo."""
    (data / JOURNAL).rename(data / plan.aside / JOURNAL)
    fsync_path(data / plan.aside)
    fsync_path(data)


def discard(data: Path) -> None:
    """End a restore whose moves are reversed."""
    (data / JOURNAL).unlink()
    fsync_path(data)


def make_moves(plan: Plan, roots: Roots) -> None:
    """Make all moves, each on the disk before the next. Raises OSError; then `reverse_moves` goes back."""
    for move in plan.moves:
        rename(roots[move.root] / move.source, roots[move.root] / move.target)


def reverse_moves(plan: Plan, roots: Roots) -> None:
    """Reverse the moves that were made, the last one first. Raises JournalError when one cannot be."""
    replaced = {(move.root, move.live_name): move for move in plan.moves if move.is_aside}
    for move in reversed(plan.moves):
        source, target = roots[move.root] / move.source, roots[move.root] / move.target
        if was_made(move, replaced.get((move.root, move.live_name)), roots):
            source.parent.mkdir(mode=0o700, exist_ok=True)
            rename(target, source)
        elif not os.path.lexists(source) and not move.source.startswith(NEW):
            raise JournalError(f"{source} is missing, and so is {target}: they were moved by hand.")


def was_made(move: Move, replaced: Move | None, roots: Roots) -> bool:
    """Return whether a move was made; `replaced` moved away what its target was before."""
    root = roots[move.root]
    if move.is_aside:
        return os.path.lexists(root / move.target)
    is_clear = replaced is None or os.path.lexists(root / replaced.target)
    return is_clear and os.path.lexists(root / move.target) and not os.path.lexists(root / move.source)


def rename(source: Path, target: Path) -> None:
    """Rename without overwriting, flushed to the disk. Raises JournalError when the target exists."""
    if os.path.lexists(target):
        text = f"{target} is in the way of {source}. Move it elsewhere, then run `manage.py restore --undo`."
        raise JournalError(text)
    source.rename(target)
    fsync_path(source.parent)
    fsync_path(target.parent)
