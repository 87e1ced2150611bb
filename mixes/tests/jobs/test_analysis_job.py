"""Analysis jobs with real sound, from the last byte of an upload to a ready track."""

import pytest

from mixes.engine.analysis.track import ANALYSIS_VERSION, READABLE_VERSIONS
from mixes.engine.tests.signals import RATE, pink_noise, silence, write_audio, write_wav
from mixes.jobs import analysis_job
from mixes.jobs.runner import JobKind, JobRun, run_claimed
from mixes.leases import State
from mixes.models import AnalysisJob, Mix, MixTrack, Preview, Track
from mixes.services import storage
from mixes.services.analyses import analyses_of, reanalyse, request_analysis
from mixes.services.editing import history, plans
from mixes.services.library import tracks, uploads
from mixes.services.library.tracks import restore_track

KIND = JobKind(AnalysisJob, analysis_job.handle, analysis_job.on_failure)


def add(owner, path, name=None, mix=None):
    """Upload a copy of the file; return its track, which waits for its analysis."""
    copy = storage.uploads_folder() / f"copy-{path.name}"
    copy.write_bytes(path.read_bytes())
    return uploads.add_file(owner, name or path.name, copy, mix=mix).track


def analyse(track):
    """Run the analysis as a worker does; return the state of the job and the updated track."""
    job = AnalysisJob.objects.get(track=track)
    token = AnalysisJob.objects.claim(job.pk, "test")
    state = run_claimed(KIND, job.pk, token, beats=False)
    return state, Track.objects.filter(pk=track.pk).first()


@pytest.fixture
def song(tmp_path):
    tags = ("-metadata", "title=Elvish Theme", "-metadata", "artist=Wesnoth", "-metadata", "album=Soundtrack")
    return write_audio(
        tmp_path / "05 - something.flac", pink_noise(6.0), RATE, *tags, "-metadata", "track=7/12"
    )


def test_a_track_is_ready_with_its_length_loudness_tags_and_waveform(alice, song):
    state, track = analyse(add(alice, song))
    assert (state, track.state) == (State.DONE, Track.State.READY)
    assert track.duration_s == pytest.approx(6.0)
    assert track.integrated_lufs == pytest.approx(-20, abs=4)
    assert (track.title, track.artist, track.album) == ("Elvish Theme", "Wesnoth", "Soundtrack")
    assert track.track_number == 7
    assert len(track.sha256) == 64
    assert all(path.startswith("M0 50l") and len(path) < 2_000 for path in track.waveform.values())
    job = AnalysisJob.objects.get()
    assert (job.result["sha256"], job.progress) == (track.sha256, 1000)
    assert len(job.detail) == 2 * 600 and "detail" not in job.result
    preview = Preview.objects.get()
    assert (preview.kind, preview.priority, preview.queue, preview.state) == ("track", 10, "short", "queued")


def test_names_that_the_owner_gave_stay(alice, song):
    track = add(alice, song)
    tracks.edit_tags(track, title="Mine", artist="", album="", track_number=None)
    _, track = analyse(track)
    assert (track.title, track.artist, track.track_number) == ("Mine", "", None)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(silence(2.0), "silent from beginning to end"), (pink_noise(0.2), "less than 0.5 seconds of sound")],
)
def test_an_unusable_file_is_refused_with_a_reason_and_its_own_name(alice, tmp_path, samples, reason):
    track = add(alice, write_wav(tmp_path / "s.wav", samples), "My Song.wav")
    state, track = analyse(track)
    assert (state, track.state) == (State.FAILED, Track.State.REFUSED)
    assert track.problem.startswith("My Song.wav: ")
    assert reason in track.problem
    assert storage.path_of(track.file).is_file()


def test_a_file_without_sound_is_refused(alice, tmp_path):
    path = tmp_path / "page.mp3"
    path.write_text("<html><script>alert(1)</script>")
    _, track = analyse(add(alice, path))
    assert "it is a web page, not a song" in track.problem


def test_a_track_longer_than_allowed_is_refused(alice, song, settings):
    settings.LIMITS = type(settings.LIMITS)(track_s=3)
    _, track = analyse(add(alice, song))
    assert "longer than the 0.05 minutes a track may have" in track.problem


def test_a_machine_fault_ends_the_analysis_and_can_be_retried(alice, song, settings):
    settings.FFMPEG = "/nowhere/ffmpeg"
    track = add(alice, song)
    state, refused = analyse(track)
    assert (state, refused.state) == (State.FAILED, Track.State.REFUSED)
    assert refused.problem.startswith("ffmpeg was not found")
    settings.FFMPEG = None
    tracks.retry_analysis(refused)
    again = Track.objects.get()
    assert (again.state, again.problem) == (Track.State.ANALYSING, "")
    assert analyse(track)[1].state == Track.State.READY


def test_a_final_failure_is_shown_on_the_track(alice, song):
    track = add(alice, song)
    analysis_job.on_failure(AnalysisJob.objects.get(), State.FAILED, "The system stopped this job.")
    track.refresh_from_db()
    assert (track.state, track.problem) == (Track.State.REFUSED, "The system stopped this job.")


def test_a_duplicate_upload_is_replaced_by_the_earlier_track(alice, song, django_capture_on_commit_callbacks):
    mix = Mix.objects.create(owner=alice, title="Night")
    _, first = analyse(add(alice, song))
    copy = add(alice, song, "another name.flac", mix)
    MixTrack.objects.update(join_style="radio")
    with django_capture_on_commit_callbacks(execute=True):
        state, gone = analyse(copy)
    assert (state, gone) == (State.DONE, None)
    assert [(item.track, item.join_style) for item in mix.items.all()] == [(first, "radio")]
    assert [path.name for path in storage.path_of("tracks").rglob("*") if path.is_file()] == [first.pk.hex]
    mix.refresh_from_db()
    history.undo(mix, None, restore_track)
    history.redo(mix, None, restore_track)
    assert [item.track for item in mix.items.all()] == [first]


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("Track 01.wav", "Anna - Rain.wav", ("Anna", "Rain")),
        ("01.wav", "01 Anna Lund - Rain.wav", ("Anna Lund", "Rain")),
        ("Rain.wav", "anna_lund-rain.wav", ("anna lund", "rain")),
        ("Anna - Rain.wav", "Track 01.wav", ("Anna", "Rain")),
        ("Anna - Rain.wav", "Berta - Snow.wav", ("Anna", "Rain")),
    ],
)
def test_the_same_sound_without_tags_takes_the_better_name(alice, tmp_path, first, second, named):
    song = write_audio(tmp_path / "song.wav", pink_noise(2.0), RATE)
    analyse(add(alice, song, first))
    analyse(add(alice, song, second))
    track = Track.objects.get()
    assert (track.artist, track.title) == named


def test_a_name_its_owner_gave_stays_when_the_same_file_comes_again(alice, tmp_path):
    song = write_audio(tmp_path / "song.wav", pink_noise(2.0), RATE)
    _, track = analyse(add(alice, song, "Track 01.wav"))
    tracks.edit_tags(track, title="My song", artist="", album="", track_number=None)
    analyse(add(alice, song, "Anna - Rain.wav"))
    assert Track.objects.get().title == "My song"


def test_a_duplicate_upload_restores_the_earlier_track_from_the_bin(alice, song):
    _, first = analyse(add(alice, song))
    tracks.bin_track(first)
    assert analyse(add(alice, song))[1] is None
    assert Track.objects.get() == first
    assert Track.objects.get().deleted_at is None


def test_a_duplicate_deleted_meanwhile_restores_nothing(alice, song):
    _, first = analyse(add(alice, song))
    copy = add(alice, song)
    for track in (first, copy):
        tracks.bin_track(track)
    analyse(copy)
    assert Track.objects.get().deleted_at


def test_two_copies_analysed_at_the_same_time_become_one_track(alice, song):
    one, two = add(alice, song), add(alice, song)
    finish_two = analysis_job.handle(make_run(two))
    assert analyse(one)[1].state == Track.State.READY
    finish_two()
    assert list(Track.objects.all()) == [one]


def make_run(track):
    job = AnalysisJob.objects.get(track=track)
    return JobRun(job, AnalysisJob.objects.claim(job.pk, "test"))


def test_another_users_copy_is_a_separate_track(alice, bob, song):
    analyse(add(alice, song))
    assert analyse(add(bob, song))[1].state == Track.State.READY
    assert Track.objects.count() == 2


def test_progress_is_reported(alice, song):
    run = make_run(add(alice, song))
    reported = []
    run.on_progress = lambda stage, fraction: reported.append((stage, fraction))
    analysis_job.handle(run)
    assert {stage for stage, _ in reported} == {"listen"}
    assert reported == sorted(reported)
    assert 0 < reported[0][1] < reported[-1][1] <= 1


def test_a_page_that_shows_a_duplicate_can_find_the_kept_track(alice, bob, song):
    analyse(add(alice, song))
    copy = add(alice, song)
    assert tracks.titles_kept(alice, [copy.pk]) == []
    analyse(copy)
    assert tracks.titles_kept(alice, [copy.pk]) == [tracks.Track.objects.get().title]
    assert tracks.titles_kept(bob, [copy.pk]) == []


def test_a_failed_reanalysis_keeps_the_earlier_result(alice, song):
    track = add(alice, song)
    analyse(track)
    request_analysis(track)
    analysis_job.on_failure(AnalysisJob.objects.get(), State.FAILED, "The system stopped this job.")
    assert Track.objects.get().state == Track.State.READY


def test_a_failed_reanalysis_is_shown_on_the_track(alice, song):
    track = add(alice, song)
    analyse(track)
    AnalysisJob.objects.update(version=0)
    reanalyse([track])
    new = AnalysisJob.objects.get(version=ANALYSIS_VERSION)
    analysis_job.on_failure(new, State.FAILED, "The system stopped this job.")
    refused = Track.objects.get()
    assert (refused.state, refused.problem) == (Track.State.REFUSED, "The system stopped this job.")


def test_a_job_queued_by_an_older_version_runs_as_the_current_one(alice, song):
    track = add(alice, song)
    AnalysisJob.objects.update(version=0)
    analyse(track)
    assert AnalysisJob.objects.get().version == ANALYSIS_VERSION


def test_the_plan_is_ready_once_the_last_song_of_a_mix_is(
    alice, song, django_capture_on_commit_callbacks, monkeypatch
):
    mix = Mix.objects.create(owner=alice, title="Night")
    first = add(alice, song, mix=mix)
    second = add(alice, write_audio(song.with_name("second.wav"), pink_noise(4.0, seed=5), RATE), mix=mix)
    with django_capture_on_commit_callbacks(execute=True):
        analyse(first)
    assert Mix.objects.get().plan_key == ""
    with django_capture_on_commit_callbacks(execute=True):
        analyse(second)
    planned = Mix.objects.get()
    assert len(planned.plan["item_ids"]) == 2
    monkeypatch.setattr(plans, "compute_plan", None)  # its page needs no computation
    assert plans.plan_of(planned).duration_s == planned.duration_s


def test_disc_and_artist_of_the_album_reach_the_engine(alice, tmp_path):
    tags = ("-metadata", "disc=2/2", "-metadata", "album_artist=The Band", "-metadata", "track=4")
    path = write_audio(tmp_path / "x.flac", pink_noise(2.0), RATE, *tags)
    _, track = analyse(add(alice, path))
    assert (track.disc_number, track.album_artist) == (2, "The Band")
    known = analyses_of([track])[track.pk].tags
    assert (known.disc_number, known.album_artist, known.track_number) == (2, "The Band", 4)


def test_numbers_of_a_rip_leave_the_titles_whichever_file_comes_first(alice, tmp_path):
    names = ("10 Rain.wav", "09 Snow.wav", "99 Problems.wav")
    added = [
        add(alice, write_wav(tmp_path / f"{seed}.wav", pink_noise(2.0, seed=seed)), name)
        for seed, name in enumerate(names)
    ]
    titles = [analyse(track)[1].title for track in added]
    assert titles == ["Rain", "Snow", "99 Problems"]
    assert Track.objects.get(pk=added[0].pk).track_number == 10


def test_a_number_in_a_title_that_the_owner_gave_stays(alice, tmp_path):
    first = add(alice, write_wav(tmp_path / "1.wav", pink_noise(2.0, seed=1)), "10 Rain.wav")
    tracks.edit_tags(first, title="10 Rain", artist="", album="", track_number=None)
    analyse(first)
    analyse(add(alice, write_wav(tmp_path / "2.wav", pink_noise(2.0, seed=2)), "09 Snow.wav"))
    assert Track.objects.get(pk=first.pk).title == "10 Rain"


def test_a_song_whose_new_analysis_fails_keeps_the_older_one_that_can_be_read(alice, song):
    track = add(alice, song)
    analyse(track)
    AnalysisJob.objects.update(version=READABLE_VERSIONS[0])
    reanalyse([track])
    new = AnalysisJob.objects.get(version=ANALYSIS_VERSION)
    analysis_job.on_failure(new, State.FAILED, "The system stopped this job.")
    assert Track.objects.get().state == Track.State.READY
    assert track.pk in analyses_of([track])
