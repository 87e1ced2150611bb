"""Rows for tests, as the site itself would have made them: measured tracks, mixes of them, their jobs."""

import hashlib
import itertools
import math
from dataclasses import replace

from django.utils import timezone

from mixes.engine.analysis import ANALYSIS_VERSION
from mixes.engine.tags import Tags
from mixes.engine.tests.tracks import make_track
from mixes.leases import State
from mixes.models import AnalysisJob, Artwork, Mix, MixTrack, Track

counter = itertools.count(1)
WAVEFORM = {"peaks": "M0 40L200 20L400 40L400 60L200 80L0 60Z", "body": "M0 45L400 45L400 55L0 55Z"}
OUTLINE = tuple((-round(40 + 30 * math.sin(k / 9)), round(40 + 30 * math.sin(k / 9))) for k in range(200))


def make_track_row(owner, title="", seconds=180.0, *, state=Track.State.READY, analysis=None, **fields):
    """A track of `owner`; a ready one has its analysis, made by `make_track` or given."""
    number = next(counter)
    title = title or f"Song {number}"
    fields = {"artist": "Band", "name": f"{title}.flac", "size": 1_000_000, **fields}
    if state != Track.State.UPLOADING:
        fields.setdefault("file", f"tracks/aa/{number:032x}")
    if state == Track.State.REFUSED:
        fields.setdefault("problem", f"“{title}” cannot be used: it is silent from beginning to end.")
    if state != Track.State.READY:
        return Track.objects.create(owner=owner, state=state, title=title, **fields)
    sha256 = fields.pop("sha256", hashlib.sha256(str(number).encode()).hexdigest())
    analysis = analysis or make_track(seconds, outro_s=min(5.0, seconds / 4))
    tags = Tags(title, fields["artist"], fields.get("album", ""), fields.get("track_number"))
    analysis = replace(analysis, sha256=sha256, tags=tags, peaks=analysis.peaks or OUTLINE)
    fields = {"waveform": WAVEFORM, "notes": list(analysis.notes), **fields}
    track = Track.objects.create(
        owner=owner,
        state=state,
        title=title,
        sha256=sha256,
        duration_s=analysis.duration_s,
        integrated_lufs=analysis.integrated_lufs,
        **fields,
    )
    make_analysis_row(track, analysis)
    return track


def make_analysis_row(track, analysis):
    """The finished analysis of a track."""
    return AnalysisJob.objects.create(
        owner=track.owner,
        track=track,
        version=ANALYSIS_VERSION,
        queue="short",
        state=State.DONE,
        result=analysis.to_json(),
        finished_at=timezone.now(),
        dedupe_key=f"analysis:{track.pk}",
    )


def make_mix_row(owner, title="Evenings in the North", tracks=3, **fields):
    """A mix of `owner` with so many new tracks, or with the given ones."""
    mix = Mix.objects.create(owner=owner, title=title, **fields)
    rows = [make_track_row(owner) for _ in range(tracks)] if isinstance(tracks, int) else tracks
    MixTrack.objects.bulk_create(
        MixTrack(mix=mix, track=track, position=position) for position, track in enumerate(rows)
    )
    return mix


def make_artwork_row(owner, name="cover.jpg"):
    """A picture of `owner`, whose files are not there."""
    number = next(counter)
    files = {"file": f"pictures/aa/{number:032x}", "shown_file": f"pictures/aa/{number:032x}.jpg"}
    return Artwork.objects.create(owner=owner, name=name, size=1_000, **files)
