"""Backups: a consistent copy of the database, the keys, every file its rows name, and a list of checksums.

A backup is a folder or one TAR file. Media files never change under their name, so they are hard-linked
before and after the database is copied: the backup includes files deleted or added meanwhile. Every checksum
is verified by reading the finished backup.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from mixes.engine.disk import fsync_path
from mixes.services import storage
from mixes.services.maintenance import database_copy

FORMAT = 1
MANIFEST = "manifest.json"
CHUNK_BYTES = 1 << 20
KEYS, MEDIA = "keys", "media"

OnFile = Callable[[str, int], None]  # name, bytes


class BackupRefused(Exception):
    """The backup cannot be made or used and nothing was changed; str() is a sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents and origin of a backup."""

    format: int
    version: str
    made_at: str
    database: str
    migrations: dict[str, list[str]]
    files: tuple[Entry, ...]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read a manifest. Raises BackupRefused when it is malformed or of a newer version."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data["format"] > FORMAT:
                raise BackupRefused("This backup was made by a newer Mixtape. Upgrade first.")
            manifest = cls(**{**data, "files": tuple(Entry(**entry) for entry in data["files"])})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BackupRefused("The manifest of this backup cannot be read.") from error
        texts = (manifest.version, manifest.made_at, manifest.database)
        if not all(isinstance(text, str) for text in texts) or not all(map(is_possible, manifest.files)):
            raise BackupRefused("The manifest of this backup cannot be read: it contains impossible values.")
        if len(manifest.names) < len(manifest.files):
            raise BackupRefused("The manifest of this backup names a file twice.")
        return manifest

    @property
    def names(self) -> set[str]:
        return {entry.name for entry in self.files}

    @property
    def size_bytes(self) -> int:
        return sum(entry.size for entry in self.files)


def is_possible(entry: Entry) -> bool:
    """Return whether the values of an entry, which may come from any JSON, are a file's."""
    name, size, digest = entry.name, entry.size, entry.sha256
    if not (isinstance(name, str) and type(size) is int and isinstance(digest, str)):
        return False
    return name.isprintable() and size >= 0


def ignore_file(name: str, size: int) -> None:
    """Do nothing: the default of `on_file`."""


def make_backup(target: Path, *, on_file: OnFile = ignore_file) -> Manifest:
    """Write a backup to a new folder, or to a new file ending in `.tar`, and verify it.

    Raises BackupRefused and DatabaseCopyError; then nothing remains at `target`.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise BackupRefused(f"{target} exists already. Choose a new folder or file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    remove_path(unfinished)
    try:
        with linked_files() as held:
            sources = {**held, **key_files()}
            write = write_tar if target.suffix == ".tar" else write_folder
            check_disk_space(unfinished.parent, sources, can_link=write is write_folder)
            manifest = build_manifest(write(unfinished, sources, on_file))
            add_manifest(unfinished, manifest)
        verify_backup(unfinished, manifest)
        if target.is_dir():
            target.rmdir()  # it is empty, and not every file system renames over a folder
        unfinished.rename(target)
    except BaseException:
        remove_path(unfinished)
        raise
    return manifest


@contextlib.contextmanager
def linked_files() -> Iterator[dict[str, Path]]:
    """Yield all files by their name in the backup; they do not change until the block ends."""
    folder = storage.path_of(storage.SCRATCH) / f"backup-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        link_media(folder / MEDIA)
        copy = folder / database_copy.copy_name()
        database_copy.copy_database(copy)
        link_media(folder / MEDIA)
        media = (path for path in sorted((folder / MEDIA).rglob("*")) if path.is_file())
        yield {copy.name: copy, **{path.relative_to(folder).as_posix(): path for path in media}}
    finally:
        storage.remove_folder(folder)


def link_media(folder: Path) -> None:
    """Link every file that rows may name, so that no deletion removes it; copy where links are impossible."""
    for name in storage.stored_names():
        held = folder / name
        if not held.exists():
            held.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # deleted after it was listed
                link_or_copy(storage.path_of(name), held)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file; copy it when the target is on another disk or links are not supported."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def key_files() -> dict[str, Path]:
    folder = Path(settings.DATA_DIR) / KEYS
    return {f"{KEYS}/{path.name}": path for path in sorted(folder.glob("*")) if path.is_file()}


def check_disk_space(folder: Path, sources: dict[str, Path], *, can_link: bool) -> None:
    """Raise BackupRefused when the files do not fit; hard links need no space."""
    can_link = can_link and folder.stat().st_dev == Path(settings.MEDIA_ROOT).stat().st_dev
    copied = [path for name, path in sources.items() if not (can_link and name.startswith(f"{MEDIA}/"))]
    needed_mb = sum(path.stat().st_size for path in copied) // 1_000_000
    if needed_mb > (free_mb := shutil.disk_usage(folder).free // 1_000_000):
        raise BackupRefused(f"The backup needs {needed_mb} MB and {folder} has {free_mb} MB left.")


def build_manifest(entries: list[Entry]) -> Manifest:
    applied: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        applied.setdefault(app, []).append(name)
    made_at = timezone.now().isoformat(timespec="seconds")
    return Manifest(FORMAT, settings.VERSION, made_at, database_copy.vendor(), applied, tuple(entries))


def write_folder(target: Path, sources: dict[str, Path], on_file: OnFile) -> list[Entry]:
    target.mkdir(mode=0o700)
    entries = []
    for name, source in sources.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith(f"{MEDIA}/"):
            link_or_copy(source, place)
        else:
            shutil.copyfile(source, place)
            place.chmod(0o600)
        with place.open("rb") as file:
            os.fsync(file.fileno())
            entries.append(Entry(name, place.stat().st_size, sha256_of(file)))
        on_file(name, entries[-1].size)
    return entries


def write_tar(target: Path, sources: dict[str, Path], on_file: OnFile) -> list[Entry]:
    entries = []
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w") as archive:
        for name, source in sources.items():
            with source.open("rb") as file:
                summing = HashingReader(file)
                member = tar_member(name, source.stat().st_size)
                archive.addfile(member, summing)
            entries.append(Entry(name, member.size, summing.hexdigest()))
            on_file(name, member.size)
    return entries


def tar_member(name: str, size: int) -> tarfile.TarInfo:
    """Return a TAR member without this machine's user names, readable by its owner only."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    member.mtime = int(timezone.now().timestamp())
    return member


def add_manifest(target: Path, manifest: Manifest) -> None:
    """Add the manifest last: a backup without it is incomplete."""
    text = manifest.to_json()
    if target.is_dir():
        (target / MANIFEST).write_bytes(text)
        fsync_path(target)
        return
    with target.open("r+b") as out:
        with tarfile.open(fileobj=out, mode="a") as archive:
            archive.addfile(tar_member(MANIFEST, len(text)), io.BytesIO(text))
        os.fsync(out.fileno())


class HashingReader:
    """Reads a file and computes its hash on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        return data

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


def sha256_of(file: IO[bytes]) -> str:
    return hashlib.file_digest(cast(BufferedIOBase, file), "sha256").hexdigest()


def read_manifest(backup: Path) -> Manifest:
    """Read the manifest of a backup. Raises BackupRefused."""
    texts = [file.read() for _, file in files_in(backup, {MANIFEST})]
    if not texts:
        raise BackupRefused(f"{backup} is not a complete backup of Mixtape.")
    return Manifest.from_json(texts[0])


def files_in(backup: Path, names: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the named files of a backup that exist, each once. Raises BackupRefused."""
    if backup.is_dir():
        for name in sorted(names):
            path = backup / name
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    yield name, file
        return
    seen = set()
    with refuse_unreadable(backup), tarfile.open(backup, "r:") as archive:
        for member in archive:
            if member.size < 0:
                raise BackupRefused(f"{member.name!r} in {backup} has a negative size.")
            if member.name in names and member.isreg() and (reader := archive.extractfile(member)):
                if member.name in seen:
                    raise BackupRefused(f"{backup} contains {member.name} twice.")
                seen.add(member.name)
                yield member.name, reader


@contextlib.contextmanager
def refuse_unreadable(backup: Path) -> Iterator[None]:
    """Raise BackupRefused for a file that is not a TAR, or ends too early."""
    try:
        yield
    except (tarfile.TarError, FileNotFoundError, IsADirectoryError, ValueError, OverflowError) as error:
        raise BackupRefused(f"{backup} cannot be read as a backup: {error}.") from error


def verify_backup(backup: Path, manifest: Manifest) -> None:
    """Verify every file's size and checksum. Raises BackupRefused for one that is missing or differs."""
    wanted = {entry.name: entry for entry in manifest.files}
    for name, file in files_in(backup, set(wanted)):
        entry = wanted.pop(name)
        with refuse_unreadable(backup):  # the archive's own reader may find the end too early
            digest = sha256_of(file)
        if digest != entry.sha256 or file.tell() != entry.size:
            raise BackupRefused(f"{name} in {backup} does not match its checksum.")
    if wanted:
        raise BackupRefused(f"{backup} lacks {len(wanted)} files, {next(iter(wanted))} among them.")


def remove_path(path: Path) -> None:
    """Remove an incomplete backup."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
