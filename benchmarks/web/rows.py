"""A database as full as that of a busy site with one owner: mixes, tracks with waveforms, jobs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mixes.engine.analysis.track import ANALYSIS_VERSION, TrackAnalysis

MIXES, TRACKS, TRACKS_PER_MIX, LONG_MIX = 1_000, 20_000, 20, 60
ANALYSED_EVERY = 10  # lists never load analyses, so only some tracks need one
BATCH = 500


def fill(owner: Any, analysis: TrackAnalysis) -> dict[str, str]:
    """Create the rows; return the ids of a mix of 20 tracks and of one of 60."""
    from mixes.models import Mix
    from mixes.services.editing.plans import plan_of

    tracks = make_tracks(owner, analysis)
    make_analyses(owner, analysis, tracks[::ANALYSED_EVERY] + tracks[1 : LONG_MIX + 1])
    mixes = [Mix(owner=owner, title=f"Mix {number}") for number in range(MIXES)]
    Mix.objects.bulk_create(mixes, BATCH)
    for index, mix in enumerate(mixes):
        first = index * TRACKS_PER_MIX
        place(mix, tracks[first : first + TRACKS_PER_MIX])
    long_mix = Mix.objects.create(owner=owner, title="Sixty songs")
    place(long_mix, tracks[:LONG_MIX])
    make_jobs(owner, mixes)
    for mix in (mixes[0], long_mix):
        plan_of(mix)
    return {"mix": str(mixes[0].pk), "long_mix": str(long_mix.pk)}


def make_long_mix(owner: Any, analysis: TrackAnalysis, count: int) -> str:
    """Create a mix of `count` songs, no two of one length or loudness; return its id."""
    from mixes.models import Mix, Track
    from mixes.services.drawing.track_waveform import draw_waveform
    from mixes.services.editing.plans import plan_of

    drawn = draw_waveform(analysis)
    mix = Mix.objects.create(owner=owner, title=f"{count} songs", transition_s=None)
    tracks = []
    for number in range(count):
        own = replace(
            analysis,
            sha256=f"{count:08x}{number:056x}",
            integrated_lufs=-16.0 + number % 40 / 10,
            true_peak_dbtp=-1.0 - number / 1000,
            momentary=tuple(level + number / 1000 for level in analysis.momentary),
        )
        track = Track.objects.create(
            owner=owner,
            state=Track.State.READY,
            name=f"{number:05d} song.mp3",
            file=f"tracks/none/{count}-{number}",
            size=100_000,
            sha256=own.sha256,
            title=f"Song {number}",
            artist=f"Artist {number % 40}",
            duration_s=own.duration_s,
            integrated_lufs=own.integrated_lufs,
            waveform=drawn,
        )
        make_analyses(owner, own, [track])
        tracks.append(track)
    place(mix, tracks)
    plan_of(mix)
    return str(mix.pk)


def make_tracks(owner: Any, analysis: TrackAnalysis) -> list[Any]:
    from mixes.models import Track
    from mixes.services.drawing.track_waveform import draw_waveform

    waveform = draw_waveform(analysis)
    tracks = [
        Track(
            owner=owner,
            state=Track.State.READY,
            name=f"{number:05d} song.mp3",
            file=f"tracks/none/{number}",
            size=100_000,
            sha256=f"{number:064x}",
            title=f"Song {number}",
            artist=f"Artist {number % 400}",
            duration_s=analysis.duration_s,
            integrated_lufs=analysis.integrated_lufs,
            waveform=waveform,
        )
        for number in range(TRACKS)
    ]
    return Track.objects.bulk_create(tracks, BATCH)


def make_analyses(owner: Any, analysis: TrackAnalysis, tracks: Sequence[Any]) -> None:
    from django.utils import timezone

    from mixes.leases import State
    from mixes.models import AnalysisJob

    done = {
        "queue": "short",
        "state": State.DONE,
        "finished_at": timezone.now(),
        "measured_at": timezone.now(),
        "result": analysis.to_json(),
    }
    once = {track.pk: track for track in tracks}.values()
    AnalysisJob.objects.bulk_create(
        [AnalysisJob(owner=owner, track=track, version=ANALYSIS_VERSION, **done) for track in once], BATCH
    )


def place(mix: Any, tracks: Sequence[Any]) -> None:
    from mixes.models import MixTrack

    places = [MixTrack(mix=mix, track=track, position=position) for position, track in enumerate(tracks)]
    MixTrack.objects.bulk_create(places)


def make_jobs(owner: Any, mixes: Sequence[Any]) -> None:
    """Create a finished job for each mix, for lists that show the latest job."""
    from django.utils import timezone

    from mixes.leases import State
    from mixes.models import MixJob

    now = timezone.now()
    done = {"queue": "long", "state": State.DONE, "started_at": now, "finished_at": now, "check_sheet": {}}
    jobs = [MixJob(owner=owner, mix=mix, title=mix.title, snapshot={}, **done) for mix in mixes]
    MixJob.objects.bulk_create(jobs, BATCH)
