"""Rows for tests as the site would create them: analysed tracks, mixes and their jobs."""

import hashlib
import itertools
import math
import uuid
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.engine.filenames import file_stem
from mixes.engine.pipeline.request import SUFFIXES
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track
from mixes.leases import ENDED, State
from mixes.models import AnalysisJob, Artifact, Artwork, Mix, MixJob, MixTrack, Track
from mixes.services import storage
from mixes.services.editing import plans
from mixes.services.editing.engine_settings import items_of
from mixes.services.rendering import snapshots

counter = itertools.count(1)
WAVEFORM = {"peaks": "M0 40L200 20L400 40L400 60L200 80L0 60Z", "body": "M0 45L400 45L400 55L0 55Z"}
OUTLINE = tuple((-round(40 + 30 * math.sin(k / 9)), round(40 + 30 * math.sin(k / 9))) for k in range(200))


def new_name(folder):
    """Return a new file name below the media folder."""
    stem = uuid.uuid4().hex
    return f"{folder}/{stem[:2]}/{stem}"


def make_track_row(owner, title="", seconds=180.0, *, state=Track.State.READY, analysis=None, **fields):
    """Create a track of `owner`; a ready one has an analysis, made by `make_track` or given."""
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


def make_track_with_file(owner, title, path, analysis, **fields):
    """Create a ready track of `owner` whose file is a copy of `path`."""
    name = new_name(storage.TRACKS)
    storage.path_of(name).parent.mkdir(parents=True, exist_ok=True)
    storage.path_of(name).write_bytes(path.read_bytes())
    fields.setdefault("sha256", hashlib.sha256(title.encode()).hexdigest())
    return make_track_row(owner, title, analysis=analysis, file=name, **fields)


def make_analysis_row(track, analysis):
    """Create the finished analysis of a track."""
    return AnalysisJob.objects.create(
        owner=track.owner,
        track=track,
        version=ANALYSIS_VERSION,
        queue="short",
        state=State.DONE,
        result=analysis.to_json(),
        measured_at=timezone.now(),
        finished_at=timezone.now(),
        dedupe_key=f"analysis:{track.pk}",
    )


def make_mix_row(owner, title="Evenings in the North", tracks=3, transition_s=8.0, **fields):
    """Create a mix of `owner` with new tracks, or with the given ones; joins last 8 s, for known times."""
    mix = Mix.objects.create(owner=owner, title=title, transition_s=transition_s, **fields)
    rows = [make_track_row(owner) for _ in range(tracks)] if isinstance(tracks, int) else tracks
    MixTrack.objects.bulk_create(
        MixTrack(mix=mix, track=track, position=position) for position, track in enumerate(rows)
    )
    return mix


def make_artwork_row(owner, name="cover.jpg"):
    """Create a picture of `owner` without files."""
    number = next(counter)
    files = {"file": f"pictures/aa/{number:032x}", "shown_file": f"pictures/aa/{number:032x}.jpg"}
    return Artwork.objects.create(owner=owner, name=name, size=1_000, **files)


def make_job_row(mix, state=State.QUEUED, *, files=(), **fields):
    """Create a job of `mix` in any state, as `request_mix` would; `files` are the kinds of its artifacts."""
    items = items_of(mix)
    plan = plans.plan_of(mix, items)
    drawing = plans.drawing_of(mix, plan, items)
    if state in ENDED:
        fields.setdefault("finished_at", timezone.now())
        fields.setdefault("started_at", timezone.now())
    if state == State.RUNNING:
        fields = {"token": uuid.uuid4(), "lease_until": timezone.now() + timedelta(minutes=1), **fields}
        fields.setdefault("started_at", timezone.now())
    if state == State.FAILED:
        fields.setdefault("error_text", "The disk is full.")
    if state == State.DONE:
        fields.setdefault("check_sheet", {"mp3": make_check_sheet(plan.timeline)})
    job = MixJob.objects.create(
        mix=mix,
        owner=mix.owner,
        title=mix.title,
        state=state,
        queue="long",
        snapshot=snapshots.take_snapshot(mix, plan.used(items), plan.timeline),
        outline={"clips": drawing.clips, "bars": drawing.bars},
        dedupe_key=f"mix:{mix.pk}",
        **fields,
    )
    for kind in files:
        make_artifact_row(job, kind)
    return job


def make_check_sheet(timeline, verdict="ok"):
    """Return a check sheet of an MP3 without faults, as plain data."""
    frames = timeline.frames
    items = [
        ("length", "ok", "Length 3:00.0, exactly as planned."),
        ("loudness", verdict, "Loudness -14.0 LUFS."),
    ]
    return {
        "verdict": verdict,
        "file_name": "mix.mp3",
        "target_lufs": -14.0,
        "rate": timeline.rate,
        "frames": frames,
        "planned_frames": frames,
        "integrated_lufs": -14.0,
        "range_lu": 6.0,
        "true_peak_dbtp": -1.2,
        "joins": [],
        "items": [{"name": name, "verdict": of, "sentence": text} for name, of, text in items],
    }


def make_artifact_row(job, kind="mp3", content=None):
    """Create an artifact of a job, with its file."""
    content = content if content is not None else f"{kind} of {job.title}, 0:00 first song\n".encode()
    name = new_name(storage.ARTIFACTS)
    path = storage.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    file_name = file_stem(job.title) + SUFFIXES[kind]
    return Artifact.objects.create(
        job=job, kind=kind, file=name, name=file_name, size=len(content), sha256=sha256
    )
