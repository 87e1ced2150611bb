"""Restores that fail, or are killed, at their n-th change of the disk, in a process of their own.

`python -m mixes.tests.torture.harness.interrupted fail|kill BACKUP|undo STEP` prints how often that was.
Every time this installation, whose folders and database are in the environment, must be what it was: at once
after a failure, and after one undo of a restore that was killed. With a STEP of 1 each change is one place.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path

CHANGES = {
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.truncate",
    "shutil.copyfile",
    "shutil.rmtree",
    "sqlite3.connect",
    "subprocess.Popen",
}
WRITES = os.O_WRONLY | os.O_RDWR
IGNORED = ("restoring-", "before-restore-")
DATABASE = "mixtape.sqlite3"  # compared by its rows: a connection moves them between its log and its file
FAILED, SURVIVED = 3, 4  # exit statuses: with an error, and in spite of one


class Interruption:
    """An audit hook that fails or kills this process at the n-th change of the disk."""

    def __init__(self):
        self.left = 0
        self.strike = None
        sys.addaudithook(self.hear)

    def hear(self, event, arguments):
        if self.strike is None:
            return
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        if event in CHANGES or is_write:
            self.left -= 1
            if self.left == 0:
                strike, self.strike = self.strike, None
                strike()


def fail():
    raise OSError("the disk failed")


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def snapshot():
    """Return what is in the database, and every file of this installation with its mode."""
    from django.conf import settings

    found = {}
    for root in (Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            if not name.parts[0].startswith((*IGNORED, DATABASE)) and path.is_file():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[f"{root.name}/{name}"] = path.stat().st_mode, digest
    return found, rows()


def rows():
    from mixes.services.maintenance import database_copy

    if database_copy.is_file():
        with tempfile.TemporaryDirectory() as folder:
            for path in database_copy.sqlite_path().parent.glob(f"{DATABASE}*"):
                shutil.copyfile(path, Path(folder, path.name))
            with contextlib.closing(sqlite3.connect(Path(folder, DATABASE))) as database:
                return list(database.iterdump())
    dump = database_copy.run_postgres("pg_dump", ["--data-only", "--schema=public"])
    return sorted(line for line in dump.splitlines() if line and not line.startswith(("\\", "--")))


def in_child(work):
    """Run `work` in a forked process; return its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(way, backup, step):
    import django

    django.setup()
    from mixes.services.maintenance import restore
    from mixes.services.maintenance.backups import BackupRefused
    from mixes.services.maintenance.database_copy import DatabaseCopyError
    from mixes.services.maintenance.journal import JournalError

    def work():
        if backup == "undo":
            assert not restore.undo_restore().was_interrupted
        else:
            restore.restore_backup(Path(backup), replace=True)

    def interrupted():
        interruption.left, interruption.strike = place, kill if way == "kill" else fail
        try:
            work()
        except (OSError, BackupRefused, DatabaseCopyError, JournalError) as error:
            assert "the disk failed" in str(error), error
            os._exit(FAILED)
        if interruption.strike is None:
            os._exit(SURVIVED)
        interruption.strike = None

    def undo():
        restore.undo_restore()

    interruption = Interruption()
    before = snapshot()
    place, times = 1, 0
    while (status := in_child(interrupted)) in (FAILED, SURVIVED, -signal.SIGKILL):
        times += 1
        where = f"{way} at change {place}"
        is_open = (Path(os.environ["MIXTAPE_DATA_DIR"]) / "restore-journal.json").exists()
        assert not (is_open and status == FAILED), f"{where}: not reversed at once"
        if is_open or snapshot() != before:
            assert status != FAILED, f"{where}: {differences(before, snapshot())}"
            assert in_child(undo) == 0, f"{where}: the undo failed"
        assert snapshot() == before, f"{where}: {differences(before, snapshot())}"
        place += step
    assert status == 0, f"{way} at change {place}: status {status}"
    sys.stdout.write(f"{times}\n")


def differences(before, after):
    """Return what differs, in short."""
    files = {name for name in before[0] | after[0] if before[0].get(name) != after[0].get(name)}
    lines = set(before[1]) ^ set(after[1])
    return sorted(files)[:10], [line[:150] for line in sorted(lines)[:5]]


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "mixtape_site.settings"
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
