"""Reading analyses: few queries, each result once, with the owner's names."""

from dataclasses import replace

from django.utils import timezone

from mixes.engine.tests.tracks import make_track
from mixes.models import AnalysisJob, Track
from mixes.services.analyses import AnalysisCache, analyses_of, request_analysis
from mixes.tests.factories import make_track_row


def test_analyses_have_the_names_their_owner_gave(alice):
    track = make_track_row(alice, "As read", seconds=100.0)
    Track.objects.update(title="Mine", album="Album", track_number=4)
    track.refresh_from_db()
    analysis = analyses_of([track])[track.pk]
    assert analysis.duration_s == 100.0
    assert (analysis.tags.title, analysis.tags.album, analysis.tags.track_number) == ("Mine", "Album", 4)


def test_tracks_without_an_analysis_are_left_out(alice):
    ready, listening = make_track_row(alice), make_track_row(alice, state="listening")
    request_analysis(listening)
    assert list(analyses_of([ready, listening])) == [ready.pk]


def test_many_tracks_take_two_queries_and_then_one(alice, django_assert_num_queries):
    rows = [make_track_row(alice) for _ in range(8)]
    with django_assert_num_queries(2):
        analyses_of(rows)
    with django_assert_num_queries(1):
        analyses_of(rows)


def test_a_track_measured_again_is_read_again(alice):
    track = make_track_row(alice, seconds=100.0)
    analyses_of([track])
    again = replace(make_track(200.0), sha256=track.sha256).to_json()
    AnalysisJob.objects.update(result=again, measured_at=timezone.now())
    assert analyses_of([track])[track.pk].duration_s == 200.0


def test_the_cache_evicts_the_least_recently_used(alice):
    cache, analysis = AnalysisCache(2), make_track(10.0)
    keys = [(number, None) for number in range(3)]
    cache.put({keys[0]: analysis, keys[1]: analysis})
    cache.get([keys[0]])
    cache.put({keys[2]: analysis})
    assert set(cache.get(keys)) == {keys[0], keys[2]}


def test_an_analysis_is_queued_once_and_can_be_requested_again(alice):
    track = make_track_row(alice)
    assert request_analysis(track).pk == request_analysis(track).pk
    job = AnalysisJob.objects.get()
    assert (job.state, job.attempt, job.queue) == ("queued", 0, "short")


def test_results_of_a_repeated_job_have_different_keys(alice):
    track = make_track_row(alice, seconds=100.0)
    request_analysis(track)
    assert analyses_of([track])[track.pk].duration_s == 100.0
    again = replace(make_track(200.0), sha256=track.sha256).to_json()
    AnalysisJob.objects.update(state="done", finished_at=timezone.now())
    AnalysisJob.objects.update(result=again, measured_at=timezone.now())
    request_analysis(track)
    assert analyses_of([track])[track.pk].duration_s == 200.0
