"""Export and delete everything a user owns."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.models import User
from mixes.engine.filenames import safe_name
from mixes.leases import OPEN, job_models
from mixes.models import (
    AnalysisJob,
    Artifact,
    Artwork,
    Mix,
    MixJob,
    MixTrack,
    Preview,
    Revision,
    ShareLink,
    Show,
    Track,
    Upload,
)
from mixes.services import storage
from mixes.services.library import tracks

logger = logging.getLogger(__name__)

# internal state and drawings, of no use outside the site
EXCLUDED_COLUMNS = {
    "token",
    "lease_until",
    "worker",
    "dedupe_key",
    "plan",
    "plan_key",
    "waveform",
    "detail",
    "outline",
    "file",
    "shown_file",
    "thumbnail",
    "sealed_session",
    "sealed_secret",
    "digest",
    "pace",
}
Row = dict[str, Any]
# of other apps, with a column `owner`, beside their jobs; by table name
MORE_TABLES: dict[str, type[Model]] = {}


def tables_of(owner: User) -> dict[str, QuerySet[Any]]:
    """Return the rows to export, by table name; including other apps' jobs."""
    ours = (AnalysisJob, MixJob, Preview)
    others = {model._meta.db_table: model for model in job_models() if model not in ours}
    return {
        "tracks": Track.objects.filter(owner=owner),
        "pictures": Artwork.objects.filter(owner=owner),
        "shows": Show.objects.filter(owner=owner),
        "mixes": Mix.objects.filter(owner=owner),
        "mix_tracks": MixTrack.objects.filter(mix__owner=owner).order_by("mix", "position"),
        "revisions": Revision.objects.filter(mix__owner=owner).order_by("mix", "number"),
        "analyses": AnalysisJob.objects.filter(owner=owner).order_by("created_at"),
        "jobs": MixJob.objects.filter(owner=owner),
        "share_links": ShareLink.objects.filter(owner=owner),
        "results": Artifact.objects.filter(job__owner=owner),
        **{name: model.objects.filter(owner=owner) for name, model in others.items()},
        **{name: model._default_manager.filter(owner=owner) for name, model in MORE_TABLES.items()},
    }


def rows_of(table: QuerySet[Any]) -> Iterator[Row]:
    """Yield the exported rows of a table, read in chunks."""
    names = [
        field.attname for field in table.model._meta.concrete_fields if field.name not in EXCLUDED_COLUMNS
    ]
    yield from table.values(*names).iterator(chunk_size=500)


def files_of(owner: User) -> list[tuple[str, str]]:
    """Return (name in the archive, name in storage) of every file the user added or had made."""
    tracks = Track.objects.filter(owner=owner).exclude(file="").values_list("pk", "name", "file")
    pictures = Artwork.objects.filter(owner=owner).values_list("pk", "name", "file")
    results = Artifact.objects.filter(job__owner=owner).values_list("job_id", "name", "file")
    return [
        *((f"tracks/{pk}-{safe_name(name)}", file) for pk, name, file in tracks),
        *((f"pictures/{pk}-{safe_name(name)}", file) for pk, name, file in pictures),
        *((f"results/{pk}/{safe_name(name)}", file) for pk, name, file in results),
    ]


@contextlib.contextmanager
def erasing(owner: User) -> Iterator[None]:
    """Delete a user's rows, and what is deleted in the block, in one transaction; then the files.

    A worker on one of the jobs finds at its next heartbeat that the row is gone: its writes require the row's
    token and match nothing, and it removes its own scratch folder.
    """
    with transaction.atomic():
        for kind in job_models():  # locks the rows too: no worker can add a result from here on
            kind.objects.filter(owner=owner, state__in=OPEN).update(cancel_requested=True)
        files, parts, jobs = _file_names_of(owner), _upload_ids_of(owner), _job_ids_of(owner)
        _delete_rows(owner)
        yield
    for name in files:
        storage.remove(name)
    for part in parts:
        storage.upload_path(part).unlink(missing_ok=True)
    _remove_scratch(jobs)


def _file_names_of(owner: User) -> list[str]:
    columns = (
        (Track.objects.filter(owner=owner), "file"),
        (Artwork.objects.filter(owner=owner), "file"),
        (Artwork.objects.filter(owner=owner), "shown_file"),
        (Preview.objects.filter(owner=owner), "file"),
        (Artifact.objects.filter(job__owner=owner), "file"),
    )
    named = [name for rows, column in columns for name in rows.values_list(column, flat=True) if name]
    # an upload's file is moved to its name before the row records it
    arriving = Upload.objects.filter(owner=owner, finished_at=None).values_list("track_id", flat=True)
    return [*named, *map(tracks.file_name, arriving)]


def _upload_ids_of(owner: User) -> list[Any]:
    return list(Upload.objects.filter(owner=owner).values_list("pk", flat=True))


def _job_ids_of(owner: User) -> set[str]:
    pks = (kind.objects.filter(owner=owner).values_list("pk", flat=True) for kind in job_models())
    return {pk.hex for of_kind in pks for pk in of_kind}


def _delete_rows(owner: User) -> None:
    """Delete rows in bulk, children first; Django's cascades would take minutes on a large library."""
    doomed: Iterable[tuple[type[Model], str]] = (
        (Artifact, "job__owner"),
        (ShareLink, "owner"),
        (MixJob, "owner"),
        (Preview, "owner"),
        (Upload, "owner"),
        (AnalysisJob, "owner"),
        (MixTrack, "mix__owner"),
        (MixTrack, "track__owner"),
        (Revision, "mix__owner"),
        (Mix, "owner"),
        (Show, "owner"),
        (Track, "owner"),
        (Artwork, "owner"),
    )
    for model, path in doomed:
        model._default_manager.filter(**{path: owner}).delete()


def _remove_scratch(jobs: set[str]) -> None:
    for folder in storage.path_of(storage.SCRATCH).glob("*-*"):
        if folder.name.rpartition("-")[2] in jobs:
            try:
                storage.remove_folder(folder)
            except OSError:  # its worker may write for another second, then removes the folder itself
                logger.info("The scratch folder %s is still in use.", folder.name)
