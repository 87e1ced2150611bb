"""Previews: rendered once, correct, evicted and rendered again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from django.utils import timezone

from mixes.engine.analysis.track import analyse_track
from mixes.engine.mixing.limiter import limit_blocks
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.rendering.render import render_blocks
from mixes.engine.tests.signals import RATE, decode_file, lag, pink_noise, write_wav
from mixes.jobs import preview_job
from mixes.jobs.runner import JobKind, run_claimed
from mixes.leases import State
from mixes.models import Mix, MixTrack, Preview, Track
from mixes.services import storage
from mixes.services.editing import plans
from mixes.services.library import tracks
from mixes.services.rendering import previews
from mixes.tests.factories import make_mix_row, make_track_row

KIND = JobKind(Preview, preview_job.handle, preview_job.on_failure)
JSON = {"Accept": "application/json"}


def make(preview):
    """Render a preview as a worker does; return the updated row."""
    token = Preview.objects.claim(preview.pk, "test")
    run_claimed(KIND, preview.pk, token, beats=False)
    return Preview.objects.get(pk=preview.pk)


def make_sound_row(owner, seed, seconds=30.0):
    """Create a ready track with its file: analysed noise."""
    name = f"tracks/aa/{owner.pk}-{seed}"
    path = storage.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path.with_suffix(".wav"), pink_noise(seconds, seed=seed))
    path.with_suffix(".wav").rename(path)
    analysis = analyse_track(find_ffmpeg(), path)
    return make_track_row(owner, analysis=analysis, sha256=analysis.sha256, file=name)


@pytest.fixture
def track(alice):
    return make_sound_row(alice, seed=1, seconds=5.0)


def test_a_track_preview_is_the_whole_track(track):
    preview = make(previews.request_track(track))
    assert preview.state == State.DONE
    path = storage.path_of(preview.file)
    assert path.stat().st_size == preview.size
    heard, sound = decode_file(path), decode_file(storage.path_of(track.file))
    assert abs(len(heard) - len(sound)) <= 1024
    assert abs(lag(heard, sound, at=RATE)) <= 1
    assert not storage.scratch_path("preview", preview.pk).exists()


def test_a_join_preview_equals_the_mix(alice):
    songs = [make_sound_row(alice, seed=seed) for seed in (1, 2, 3)]
    mix = make_mix_row(alice, tracks=songs, transition_s=6.0)
    item = MixTrack.objects.select_related("mix").get(mix=mix, position=1)
    preview = make(previews.request_join(item))
    assert (preview.state, preview.kind, preview.priority) == (State.DONE, "join", -10)
    timeline = plans.plan_of(mix).timeline
    paths = [storage.path_of(song.file) for song in songs]
    blocks = limit_blocks(render_blocks(timeline, paths, ffmpeg=find_ffmpeg()), timeline.rate)
    whole = np.concatenate(list(blocks))
    first, last = timeline.clips[2].start - 5 * RATE, timeline.clips[1].end + 5 * RATE
    heard = decode_file(storage.path_of(preview.file))
    assert abs(len(heard) - (last - first)) <= 1024
    assert lag(heard, whole[first:last], at=RATE) == 0
    mono = [sound[: last - first].mean(axis=1) for sound in (heard, whole[first:last])]
    frames = min(map(len, mono))
    assert np.corrcoef(mono[0][:frames], mono[1][:frames])[0, 1] > 0.9


def test_a_join_preview_is_reused_until_the_join_changes(alice):
    mix = make_mix_row(alice, tracks=3)
    first = MixTrack.objects.select_related("mix").get(mix=mix, position=0)
    preview = previews.request_join(first)
    assert previews.request_join(first).pk == preview.pk
    Track.objects.update(title="Corrected")
    assert previews.request_join(fresh(first)).pk == preview.pk
    Mix.objects.update(transition_s=3.0)
    assert previews.request_join(fresh(first)).pk != preview.pk


def fresh(item):
    return MixTrack.objects.select_related("mix").get(pk=item.pk)


def test_a_join_preview_needs_two_ready_tracks(alice):
    mix = make_mix_row(alice, tracks=[make_track_row(alice), make_track_row(alice, state="listening")])
    for item in MixTrack.objects.select_related("mix").filter(mix=mix):
        with pytest.raises(previews.NoPreview):
            previews.request_join(item)


def test_a_track_preview_is_reused(track):
    assert previews.request_track(track).pk == previews.request_track(track).pk
    assert Preview.objects.count() == 1


def test_a_preview_a_user_waits_for_comes_first(track):
    assert previews.request_track(track).priority == 10
    previews.request_track_now(track)
    assert Preview.objects.get().priority == -10


def test_the_least_recently_used_preview_is_evicted_and_made_again(alice, settings):
    songs = [make_sound_row(alice, seed=seed, seconds=3.0) for seed in (1, 2, 3)]
    one, two = (make(previews.request_track(song)) for song in songs[:2])
    settings.LIMITS = type(settings.LIMITS)(preview_bytes=int(two.size * 2.5))
    Preview.objects.filter(pk=two.pk).update(used_at=timezone.now().replace(year=2020))
    three = make(previews.request_track(songs[2]))
    states = dict(Preview.objects.values_list("pk", "state"))
    assert states == {one.pk: State.DONE, two.pk: State.CANCELLED, three.pk: State.DONE}
    again = previews.request_track(songs[1])
    assert (again.pk, again.state) == (two.pk, State.QUEUED)
    assert make(again).state == State.DONE


def test_evicted_files_are_removed_with_the_commit(alice, settings, django_capture_on_commit_callbacks):
    songs = [make_sound_row(alice, seed=seed, seconds=3.0) for seed in (1, 2)]
    settings.LIMITS = type(settings.LIMITS)(preview_bytes=1)
    one = make(previews.request_track(songs[0]))
    with django_capture_on_commit_callbacks(execute=True):
        two = make(previews.request_track(songs[1]))
    assert not storage.path_of(one.file).exists()
    assert storage.path_of(two.file).exists()


def test_a_preview_with_a_missing_file_is_made_again(track):
    preview = make(previews.request_track(track))
    storage.remove(preview.file)
    assert previews.request_track(track).state == State.QUEUED


def test_a_deleted_track_is_reported_in_a_sentence(track):
    preview = previews.request_track(track)
    Preview.objects.update(recipe={"tracks": ["00000000-0000-0000-0000-000000000000"]})
    preview = make(preview)
    assert (preview.state, preview.error_text) == (State.FAILED, "A track: it is not there any more.")


def test_purging_a_track_deletes_its_previews(track, django_capture_on_commit_callbacks):
    preview = make(previews.request_track(track))
    with django_capture_on_commit_callbacks(execute=True):
        tracks.purge_track(track)
    assert not Preview.objects.exists()
    assert not storage.path_of(preview.file).exists()
    assert not storage.path_of(track.file).exists()


def test_the_player_requests_polls_and_plays(as_alice, track):
    address = f"/tracks/{track.pk}/preview/"
    waiting = json.loads(as_alice.post(address, headers=JSON).content)
    assert waiting["state"] == "queued"
    assert "sound" not in waiting
    make(Preview.objects.get())
    done = json.loads(as_alice.get(waiting["status"], headers=JSON).content)
    response = as_alice.get(done["sound"], headers={"Range": "bytes=0-99"})
    assert (response.status_code, response["Content-Type"]) == (206, "audio/mp4")
    assert b"ftypM4A" in b"".join(response)


def test_without_scripts_a_page_waits_and_another_plays(as_alice, track):
    response = as_alice.post(f"/tracks/{track.pk}/preview/", follow=True)
    assert b'http-equiv="refresh"' in response.content
    make(Preview.objects.get())
    page = as_alice.get(response.request["PATH_INFO"]).content.decode()
    assert "<audio controls" in page
    assert track.label in page
    assert 'http-equiv="refresh"' not in page


def test_playing_a_preview_updates_its_last_use(as_alice, track):
    preview = make(previews.request_track(track))
    Preview.objects.update(used_at=timezone.now().replace(year=2020))
    as_alice.get(f"/previews/{preview.pk}/sound/")
    assert Preview.objects.get().used_at.year > 2020


def test_a_preview_that_is_not_ready_has_no_sound(as_alice, alice, track):
    preview = previews.request_track(track)
    assert as_alice.get(f"/previews/{preview.pk}/sound/").status_code == 404
    listening = make_track_row(alice, state="listening")
    refused = as_alice.post(f"/tracks/{listening.pk}/preview/", headers=JSON)
    assert (refused.status_code, refused.json()["sentence"]) == (
        409,
        "This track can be heard once it is ready.",
    )


@pytest.mark.parametrize("path", ["/tracks/{track}/preview/", "/previews/{pk}/", "/previews/{pk}/sound/"])
def test_only_the_owner_gets_a_preview(path, track, as_bob, as_nobody, as_alice):
    preview = make(previews.request_track(track))
    address = path.format(track=track.pk, pk=preview.pk)
    assert as_bob.get(address).status_code == 404
    assert "/accounts/login/" in as_nobody.get(address).headers["Location"]
    assert as_alice.get(path.format(track=preview.pk, pk=track.pk)).status_code == 404
    assert as_alice.put(address).status_code == 405


def test_a_preview_whose_track_was_deleted_meanwhile_leaves_nothing(track):
    preview = previews.request_track(track)

    def remove(run):
        commit = preview_job.handle(run)
        tracks.purge_track(track)
        return commit

    token = Preview.objects.claim(preview.pk, "test")
    assert run_claimed(replace(KIND, handle=remove), preview.pk, token, beats=False) is None
    assert list(storage.stored_names((storage.PREVIEWS, storage.SCRATCH))) == []
    assert not storage.scratch_path("preview", preview.pk).exists()
