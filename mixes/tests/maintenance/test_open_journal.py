"""While a restore has not ended nothing else runs, and an undo moves only what was moved."""

import signal
import subprocess
import sys


def test_an_open_journal_stops_every_command(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    (site.data / "restore-journal.json").write_text('{"stamp": "1", "moves": [], "loads_dump": false}')
    (site.data / "keys" / "secret_key").rename(tmp_path / "secret_key")  # as if it was moved aside
    commands = (
        ("up",),
        ("worker", "long"),
        ("backup", tmp_path / "second.tar"),
        ("restore", tmp_path / "backup.tar", "--yes"),
        ("prune_media", "--yes"),
        ("check",),
    )
    for command in commands:
        done = site.manage(*command)
        sentence = done.stderr.strip().splitlines()
        assert done.returncode == 1 and len(sentence) == 1 and "restore --undo" in sentence[0], command
    assert not (site.data / "keys" / "secret_key").exists()
    said = site.must("restore", "--undo")
    assert "interrupted restore is undone" in said
    (tmp_path / "secret_key").rename(site.data / "keys" / "secret_key")
    site.must("check")


def test_a_second_restore_waits_for_the_first(site, tmp_path):
    lock = f"import fcntl, os, time; fcntl.flock(os.open({str(site.data)!r}, os.O_RDONLY), fcntl.LOCK_EX); "
    command = [sys.executable, "-c", lock + "print('locked', flush=True); time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        done = site.manage("restore", "--undo")
        other.send_signal(signal.SIGKILL)
    assert done.returncode == 1 and "Another restore is running" in done.stderr
    assert "Traceback" not in done.stderr


def test_undo_leaves_what_was_not_moved(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    site.must("restore", tmp_path / "backup.tar", "--yes")
    (site.media / "previews").mkdir()  # the site made it since
    (site.media / "previews" / "one.mp3").write_bytes(b"sound")
    site.must("restore", "--undo")
    assert (site.media / "previews" / "one.mp3").read_bytes() == b"sound"


def test_an_undo_without_all_of_the_previous_data_is_refused(site, tmp_path):
    site.must("backup", tmp_path / "backup.tar")
    site.must("restore", tmp_path / "backup.tar", "--yes")
    (aside,) = site.media.glob("before-restore-*")
    (aside / "tracks").rename(tmp_path / "tracks")
    songs = site.songs()
    done = site.manage("restore", "--undo")
    assert done.returncode == 1 and "is missing" in done.stderr and site.songs() == songs
