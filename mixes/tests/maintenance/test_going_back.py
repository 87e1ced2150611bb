"""Recovery from a wrong restore, a wrong database, and a deletion by mistake."""

import io
import re
import shutil
import sqlite3
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from mixes.leases import State
from mixes.models import Artifact, Mix, MixTrack, Track
from mixes.services import storage
from mixes.services.editing import edits
from mixes.services.editing.arrangement import JoinChange, change_settings, set_join
from mixes.tests.factories import make_job_row, make_mix_row, make_track_row
from mixes.tests.maintenance.installations import FILL

TODAY = (
    FILL.replace("range(5)", "range(5, 9)")
    .replace("bytes([n])", "bytes([n + 100])")
    .replace("alice@", "carol@")
    + "from pathlib import Path; from django.conf import settings\n"
    + "(Path(settings.DATA_DIR) / 'keys' / 'secret_key').write_text('the key of today')\n"
)


def facts(site):
    """Return what identifies the site: users, songs, their bytes, and the signing key."""
    rows = (
        site.query("SELECT email FROM accounts_user ORDER BY email"),
        site.query("SELECT file FROM mixes_track ORDER BY file"),
    )
    return *rows, site.songs(), (site.data / "keys/secret_key").read_text()


# A wrong restore


def test_restoring_an_old_backup_loses_nothing_and_can_be_undone(site, tmp_path):
    yesterday = facts(site)
    site.must("backup", tmp_path / "yesterday.tar")
    site.must("shell", "-c", TODAY)
    today = facts(site)
    assert len(today[2]) == 9 and today[3] == "the key of today"
    said = site.must("restore", tmp_path / "yesterday.tar", "--yes")
    assert facts(site) == yesterday and "restore --undo" in said
    (kept,) = site.media.glob("before-restore-*")
    assert {path.name: path.read_bytes() for path in (kept / "tracks").rglob("*") if path.is_file()} == today[
        2
    ]
    site.must("prune_media", "--yes", "--many-orphans")  # data kept aside is not deleted
    said = site.must("restore", "--undo")
    assert facts(site) == today and "last restore is undone" in said
    site.must("restore", "--undo")  # and undo the undo
    assert facts(site) == yesterday
    assert len(list(site.media.glob("before-restore-*"))) == 1 and not list(site.data.glob("restoring-*"))


def test_the_write_ahead_log_is_restored_too(site, tmp_path):
    """SQLite keeps the newest rows in a log beside its file; a copy without it would be outdated."""
    site.must("backup", tmp_path / "yesterday.tar")
    keep_open = site.folder / "open"
    with sqlite3.connect(site.database) as database:
        database.execute("UPDATE accounts_user SET first_name = 'from the log'")
        database.commit()
        shutil.copytree(site.data, keep_open)  # as after a power failure, with the log
    shutil.rmtree(site.data)
    keep_open.rename(site.data)
    assert (site.data / "mixtape.sqlite3-wal").stat().st_size > 0
    site.must("restore", tmp_path / "yesterday.tar", "--yes")
    assert site.query("SELECT first_name FROM accounts_user") == [("",)]
    site.must("restore", "--undo")
    assert site.query("SELECT first_name FROM accounts_user") == [("from the log",)]


def test_there_is_nothing_to_undo_before_the_first_restore(site):
    before = facts(site)
    done = site.manage("restore", "--undo")
    assert done.returncode == 1 and "no restore to undo" in done.stderr and "Traceback" not in done.stderr
    assert facts(site) == before


def test_a_running_site_cannot_undo_a_restore(site, tmp_path):
    site.must("backup", tmp_path / "a.tar")
    site.must("restore", tmp_path / "a.tar", "--yes")
    beat = 'from mixes.services import workers; workers.beat(workers.Node("long", "here", 1, "run"), "")'
    site.must("shell", "-c", beat)
    done = site.manage("restore", "--undo")
    assert done.returncode == 1 and "Stop it first" in done.stderr


# A wrong database


@pytest.mark.django_db
def test_an_empty_database_prunes_nothing(monkeypatch):
    """As after a typing error in DATABASE_URL: every file is unknown, so nothing is deleted."""
    monkeypatch.setattr("mixes.services.maintenance.pruning.age_s", lambda path: 10**6)
    names = [f"{folder}/aa/{n}" for folder in storage.STORED_FOLDERS for n in range(5)] + ["uploads/x.part"]
    scratch = storage.path_of("scratch/mix-0123")
    for name in [*names, "scratch/mix-0123/sound.aac"]:
        storage.path_of(name).parent.mkdir(parents=True, exist_ok=True)
        storage.path_of(name).write_bytes(b"precious")
    with pytest.raises(CommandError, match=r"wrong database or the wrong folder\. Nothing was removed"):
        call_command("prune_media", "--yes", stdout=io.StringIO())
    assert all(storage.path_of(name).read_bytes() == b"precious" for name in names) and scratch.is_dir()
    # even then nothing is lost for a month
    call_command("prune_media", "--yes", "--many-orphans", stdout=io.StringIO())
    binned = storage.path_of(storage.BIN) / timezone.localdate().isoformat()
    assert all((binned / name).read_bytes() == b"precious" for name in names)


# A deletion by mistake


@pytest.fixture
def mix(alice):
    mix = make_mix_row(alice, "Precious", tracks=4, style="radio", transition_s=7.5, hashtags="#a #b")
    first, second, *_ = mix.items.all()
    cut = JoinChange("cut", 1.5)
    mix = edits.edit(mix, None, "Join", lambda a: set_join(a, first.pk, second.pk, cut))
    return edits.edit(mix, None, "Loud", lambda a: change_settings(a, target_lufs=-10.0))


def shape(mix):
    """Return the whole arrangement."""
    mix = Mix.objects.get(pk=mix.pk)
    items = [
        (i.track_id, i.position, i.join_style, i.join_s, i.join_auto)
        for i in MixTrack.objects.filter(mix=mix).order_by("position")
    ]
    return mix.title, mix.style, mix.transition_s, mix.target_lufs, mix.hashtags, items


@pytest.mark.django_db
def test_a_mix_restored_from_the_bin_keeps_its_results(as_alice, mix):
    before = shape(mix)
    artifact = make_job_row(mix, State.DONE, files=("mp3",)).artifacts.get()
    page = as_alice.post(reverse("mixes:mix_delete", args=[mix.pk]), follow=True).content.decode()
    assert "“Precious” is in the bin." in page and "Undo" in page
    assert as_alice.get(reverse("mixes:mix_detail", args=[mix.pk])).status_code == 404
    assert "Precious" in as_alice.get(reverse("mixes:bin")).content.decode()
    as_alice.post(reverse("mixes:mix_restore", args=[mix.pk]))
    assert shape(mix) == before
    assert as_alice.get(reverse("mixes:artifact", args=[artifact.pk])).status_code == 200


@pytest.mark.django_db
def test_undo_puts_a_restored_track_back_in_its_place(as_alice, mix):
    before = shape(mix)
    victim = mix.items.order_by("position")[1].track
    storage.path_of(victim.file).parent.mkdir(parents=True, exist_ok=True)
    storage.path_of(victim.file).write_bytes(b"sound")
    as_alice.post(reverse("mixes:track_delete", args=[victim.pk]), {"confirmed": "1"})
    assert len(shape(mix)[-1]) == 3
    as_alice.post(reverse("mixes:track_restore", args=[victim.pk]))
    page = as_alice.get(reverse("mixes:mix_detail", args=[mix.pk])).content.decode()
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    as_alice.post(reverse("mixes:mix_edit", args=[mix.pk]), {"undo": "1", "version": version})
    assert shape(mix) == before
    assert storage.path_of(victim.file).read_bytes() == b"sound"


@pytest.mark.django_db(transaction=True)
def test_the_bin_is_emptied_after_thirty_days_with_all_files(alice, as_alice, mix):
    job = make_job_row(mix, State.DONE, files=("mp3",))
    track = make_track_row(alice)
    for name in (track.file, *Track.objects.exclude(pk=track.pk).values_list("file", flat=True)):
        storage.path_of(name).parent.mkdir(parents=True, exist_ok=True)
        storage.path_of(name).write_bytes(b"sound")
    result = storage.path_of(job.artifacts.get().file)
    for days, is_there in ((29.9, True), (30.1, False)):
        then = timezone.now() - timedelta(days=days)
        Mix.objects.filter(pk=mix.pk).update(deleted_at=then)
        Track.objects.filter(pk=track.pk).update(deleted_at=then)
        call_command("prune_media", "--yes", stdout=io.StringIO())
        assert Mix.objects.filter(pk=mix.pk).exists() is is_there
        assert storage.path_of(track.file).exists() is is_there and result.exists() is is_there
    assert not Artifact.objects.exists() and Track.objects.count() == 4  # the songs of the mix stay
    assert as_alice.post(reverse("mixes:mix_restore", args=[mix.pk])).status_code == 404
