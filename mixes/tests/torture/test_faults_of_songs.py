"""Messages for faults of files and accounts: see test_faults_in_words.py."""

import contextlib
import errno
import os
from pathlib import Path

import pytest
from django.urls import reverse

from accounts import services as accounts
from mixes.engine.tests.signals import RATE, pink_noise, silence, write_audio, write_wav
from mixes.jobs.runner import run_claimed
from mixes.models import AnalysisJob, Artifact, MixJob, Track, Upload
from mixes.services import storage
from mixes.services.editing import edits
from mixes.services.library import uploads
from mixes.services.rendering import mix_requests
from mixes.tests.factories import make_mix_row
from mixes.tests.torture import test_faults_in_words
from mixes.tests.torture.harness.fault_checks import (
    ANALYSING,
    FAULTS,
    add_file,
    announce,
    at_stage,
    check_undisturbed,
    fault,
    hashes,
    in_order,
    listen,
    note_faults,
    page_of,
    send,
)
from mixes.tests.torture.harness.pages import Page

FULL = os.environ.get("MIXTAPE_TORTURE") == "1"
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("faults of songs")]


@pytest.fixture(scope="module", autouse=True)
def row():
    yield
    note_faults("words on files and accounts", __name__)


# 4: a full disk


@fault(4)
def test_an_upload_to_a_full_disk_keeps_its_bytes_and_resumes_later(as_alice, look, monkeypatch):
    place = announce(as_alice, "rain.wav", 1000)
    pwrite = os.pwrite

    def full(file, data, offset):
        if offset >= 400:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwrite(file, data[: 400 - offset], offset)

    monkeypatch.setattr(uploads.os, "pwrite", full)
    answer = send(as_alice, place, b"x" * 1000)
    monkeypatch.undo()
    assert answer.status_code == 507
    in_order(answer.content.decode(), "full", "What has arrived of this file is kept", "try again later")
    in_order(
        look("/tracks/").words,
        "1 file is incomplete; the part that arrived is kept.",
        "continue where they stopped",
        "rain.wav",
        "400 bytes of 1000 bytes has arrived",
    )
    assert send(as_alice, place, b"x" * 600, offset=400).status_code == 204
    assert Upload.objects.get().finished_at


# 5: an interrupted upload


@fault(5)
def test_interrupted_uploads_among_twelve_are_named_and_resumed(alice, as_alice, look):
    mix = edits.create_mix(alice, "Twelve")
    contents = [bytes([number]) * (1000 + number) for number in range(12)]
    places = [announce(as_alice, f"song {n:02d}.mp3", len(data), mix) for n, data in enumerate(contents)]
    for number, (place, data) in enumerate(zip(places, contents, strict=True)):
        assert send(as_alice, place, data[:300] if number in (4, 7, 8) else data).status_code == 204
    for address in ("/tracks/", reverse("mixes:mix_detail", args=[mix.pk])):
        page = look(address)
        in_order(
            page.words,
            "Waiting for their files",
            "3 files are incomplete; the parts that arrived are kept.",
            "Choose or drop the same files again: they continue where they stopped.",
            "song 04.mp3",
            "song 07.mp3",
            "song 08.mp3",
        )
        assert page.words.count("bytes has arrived") == 3
    for number in (4, 7, 8):
        assert send(as_alice, places[number], contents[number][300:], offset=300).status_code == 204
    assert "Waiting for their files" not in look("/tracks/").words
    kept = {track.name: storage.path_of(track.file).read_bytes() for track in Track.objects.all()}
    assert kept == {f"song {n:02d}.mp3": data for n, data in enumerate(contents)}


# 21: files that are no songs


def broken(folder):
    """Unusable files, each with its expected message."""
    garbage, short = folder / "garbage.mp3", folder / "short.wav"
    garbage.write_bytes(b"no sound at all " * 500)
    write_wav(short, pink_noise(0.003))
    return [
        (garbage, "it is not an audio file that can be read"),
        (write_wav(folder / "silent.wav", silence(3.0)), "it is silent from beginning to end"),
        (short, "less than 0.5 seconds of sound"),
    ]


@fault(21)
def test_unusable_songs_show_a_reason_and_are_left_out_only_with_consent(
    alice, mix, work, look, press, tmp_path
):
    wanted = []
    for path, reason in broken(tmp_path):
        track = listen(add_file(alice, path, f"My {path.name}", mix))
        assert track.state == Track.State.REFUSED
        wanted.append((f"My {path.name}", reason))
    words = look("/tracks/").words
    for name, reason in wanted:
        in_order(words, f"{name}: ", reason)
    assert look("/tracks/").address_of("Retry")
    detail = look(reverse("mixes:mix_detail", args=[mix.pk]))
    in_order(detail.words, "3 songs cannot be used and are left out.")
    assert "Make the mix" not in [button["words"] for button in detail.buttons]
    refused = press(detail, "Make it without 3 songs")  # as a page rendered before would
    in_order(refused.words, "cannot be used. Make the mix without them")
    assert not MixJob.objects.exists()
    press(detail, "Make it without 3 songs", without="3")
    job = MixJob.objects.get()
    work(job)
    page = look(page_of(job))
    for name, _reason in wanted:
        assert f"“{Path(name).stem}” was left out: it cannot be used." in page.words
    job.refresh_from_db()
    assert set(hashes(job)) == {"mp3", "description", "cue", "chapters", "timeline"}


@fault(21)
def test_a_song_damaged_after_its_analysis_is_named(mix, work, look, press):
    job = mix_requests.request_mix(mix)
    path = storage.path_of(mix.items.order_by("position")[1].track.file)
    whole = path.read_bytes()
    path.write_bytes(b"rotten" * 100)
    work(job)
    page = look(page_of(job))
    in_order(page.words, "Failed", "“Wind”: it is not an audio file")
    assert page.address_of("Try again")
    path.write_bytes(whole)  # restored from a backup
    press(page, "Try again")
    work(job)
    check_undisturbed(job, work)


@fault(21)
def test_a_song_with_nan_samples_is_used_with_a_note(alice, look, work, tmp_path):
    samples = pink_noise(4.0)
    samples[50_000:50_002] = float("nan")
    track = listen(add_file(alice, write_wav(tmp_path / "nan.wav", samples), "nan.wav"))
    assert track.state == Track.State.READY
    note = "Some samples in the file were no numbers, or far too loud, and were made harmless."
    assert note in look("/tracks/").words
    job = mix_requests.request_mix(make_mix_row(alice, "Odd", [track]))
    work(job)
    assert f"“nan”: {note}" in look(page_of(job)).words


# 25: a duplicate


@fault(25)
def test_a_duplicate_file_is_stored_once_and_reported(alice, as_alice, look, tmp_path):
    path = write_audio(tmp_path / "rain.flac", pink_noise(3.0), RATE)
    mix = edits.create_mix(alice, "Twins")
    first = listen(add_file(alice, path, "rain.flac", mix))
    second = add_file(alice, path, "the same.flac", mix)
    job = AnalysisJob.objects.get(track=second)
    run_claimed(ANALYSING, job.pk, AnalysisJob.objects.claim(job.pk, "test"), beats=False)
    assert list(Track.objects.all()) == [first]
    answer = as_alice.get(
        reverse("mixes:track_states"), {"track": str(second.pk)}, headers={"HX-Request": "true"}
    )
    assert "in your library already, so it is not kept twice" in Page(answer.content.decode()).words
    assert [item.track_id for item in mix.items.all()] == [first.pk] * 2


# 26: a deleted account


@fault(26)
@pytest.mark.parametrize("stage", ["render", "check"] if FULL else ["render"])
def test_an_account_deleted_while_its_mix_is_made_leaves_nothing_behind(
    alice, mix, work, as_alice, stage, django_capture_on_commit_callbacks
):
    job = mix_requests.request_mix(mix)

    def leave():
        accounts.delete_account(type(alice).objects.get(pk=alice.pk))

    with contextlib.suppress(MixJob.DoesNotExist), django_capture_on_commit_callbacks(execute=True):
        work(job, at_stage(stage, leave))
    assert not type(alice).objects.exists() and not MixJob.objects.exists() and not Artifact.objects.exists()
    assert list(storage.stored_names()) == [] and not storage.scratch_path("mix", job.pk).exists()
    answer = as_alice.get(page_of(job))
    assert answer.status_code == 302 and answer.url.startswith(reverse("account_login"))


def test_every_listed_fault_except_youtubes_is_tested():
    tried = FAULTS[__name__] | FAULTS[test_faults_in_words.__name__]
    assert tried == {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, *range(19, 27)}
