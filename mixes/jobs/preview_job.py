"""Preview job: render an M4A of a track or a join and store it in the cache."""

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from mixes.engine.errors import DecodeError
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.rendering.preview import write_excerpt, write_track_preview
from mixes.engine.rendering.span import MixSpan
from mixes.jobs.runner import Commit, JobRun
from mixes.leases import OPEN, Leased, State
from mixes.models import Preview, Track
from mixes.services import storage
from mixes.services.analyses import analyses_of
from mixes.services.limits import full_disk_reported
from mixes.services.rendering import previews

STAGE = "copy"


def handle(run: JobRun) -> Commit:
    """Render a preview; the returned commit stores its file. Raises DecodeError, DiskFull and Cancelled."""
    preview = Preview.objects.get(pk=run.job.pk)
    scratch = storage.scratch_path("preview", preview.pk)
    run.at_end.callback(storage.remove_folder, scratch)
    out = scratch / "sound.m4a"
    with full_disk_reported(disk_full()):
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            _write(preview, out, run)
        except DecodeError as error:
            raise type(error)(Path(_shown_name(preview, error.path)), error.reason) from error
    return partial(_store, preview, out)


def _write(preview: Preview, out: Path, run: JobRun) -> None:
    ffmpeg, tracks = find_ffmpeg(settings.FFMPEG), tracks_of(preview)
    paths = [storage.path_of(track.file) for track in tracks]
    if preview.kind == Preview.Kind.TRACK:
        write_track_preview(
            ffmpeg,
            paths[0],
            out,
            on_progress=partial(run.on_progress, STAGE),
            should_stop=run.should_stop,
        )
    else:
        span = MixSpan.from_dict({name: value for name, value in preview.recipe.items() if name != "tracks"})
        known = analyses_of(tracks)
        indexes = [known[track.pk].seek_index if track.pk in known else None for track in tracks]
        write_excerpt(ffmpeg, span, paths, indexes, out, should_stop=run.should_stop)


def _shown_name(preview: Preview, path: Path) -> str:
    """Return the owner's name of a file that is stored under a generated name."""
    tracks = Track.objects.filter(owner=preview.owner_id, pk__in=preview.recipe["tracks"])
    names = {Path(file).name: name for file, name in tracks.values_list("file", "name")}
    return names.get(path.name, path.name)


def tracks_of(preview: Preview) -> list[Track]:
    """Return each track in the preview. Raises DecodeError when one was removed."""
    wanted = preview.recipe["tracks"]
    found = Track.objects.filter(owner=preview.owner_id, pk__in=wanted).exclude(file="")
    tracks = {str(track.pk): track for track in found}
    if len(tracks) < len(set(wanted)):
        raise DecodeError(Path("A track"), "it is not there any more.")
    return [tracks[pk] for pk in wanted]


def _store(preview: Preview, out: Path) -> dict[str, Any]:
    """Move the file to its name, the same at every attempt, and evict older previews to make room."""
    name, size = f"{storage.PREVIEWS}/{preview.pk.hex[:2]}/{preview.pk.hex}.m4a", out.stat().st_size
    with full_disk_reported(disk_full()):
        storage.store(out, name)
    preview.file, preview.size = name, size
    files = previews.evict(keep=preview)
    transaction.on_commit(partial(_remove, files))
    return {"file": name, "size": size}


def disk_full() -> str:
    return _("The site's disk is too full to make this ready to be heard. Nothing was lost; try again later.")


def _remove(names: list[str]) -> None:
    for name in names:
        storage.remove(name)


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Change nothing: a page that asks for the preview shows the reason and may retry."""


def clean_up() -> None:
    """Remove work folders left by workers that died after their job ended."""
    for pk, folder in storage.scratch_folders("preview"):
        if not Preview.objects.filter(pk=pk, state__in=OPEN).exists():
            with contextlib.suppress(OSError):  # the job's worker may remove it at the same time
                storage.remove_folder(folder)
