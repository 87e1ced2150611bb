"""Files of results: moved from the work folder into storage, replaced when made again, typed for download."""

import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.hashing import hash_file
from mixes.engine.pipeline.request import MixOutputs
from mixes.engine.pipeline.work_folder import link_or_copy
from mixes.models import Artifact, MixJob
from mixes.services import storage

CONTENT_TYPES: dict[str, str] = {
    Artifact.Kind.MP3: "audio/mpeg",
    Artifact.Kind.MP4: "video/mp4",
    Artifact.Kind.DESCRIPTION: "text/plain; charset=utf-8",
    Artifact.Kind.CUE: "text/plain; charset=utf-8",
    Artifact.Kind.CHAPTERS: "application/json+chapters",
    Artifact.Kind.TIMELINE: "application/json",
}


class Result(NamedTuple):
    """A finished file in a work folder."""

    kind: str
    path: Path
    size: int
    sha256: str


def read_results(outputs: MixOutputs, should_stop: ShouldStop = never) -> list[Result]:
    """Return the files of a job with their sizes and hashes. Raises Cancelled."""
    return [
        Result(kind, path, path.stat().st_size, outputs.sha256.get(kind) or hash_file(path, should_stop))
        for kind, path in outputs.artifacts.items()
    ]


def store(job: MixJob, results: list[Result]) -> None:
    """Move files into storage and replace their rows; call it inside a transaction.

    Files that no row names any more are removed after the commit. The work folder stays complete until then.
    """
    replaced = set(Artifact.objects.filter(job=job).values_list("file", flat=True))
    Artifact.objects.filter(job=job).delete()
    rows = [
        Artifact(
            job=job,
            kind=result.kind,
            file=store_file(job, result),
            name=result.path.name,
            size=result.size,
            sha256=result.sha256,
        )
        for result in results
    ]
    Artifact.objects.bulk_create(rows)
    transaction.on_commit(partial(remove_all, replaced - {row.file for row in rows}), robust=True)


def store_file(job: MixJob, result: Result) -> str:
    """Move a file into storage and return its name, which is the same when the commit is repeated."""
    stem = uuid.uuid5(job.pk, f"{result.kind} {result.sha256}").hex
    name = f"{storage.ARTIFACTS}/{stem[:2]}/{stem}"
    twin = result.path.with_name(f"{result.path.name}.twin")
    link_or_copy(result.path, twin)
    storage.store(twin, name)
    return name


def remove_all(names: set[str]) -> None:
    """Remove files by their stored names."""
    for name in names:
        storage.remove(name)


def intact_artifacts(job: MixJob, should_stop: ShouldStop = never) -> Mapping[str, Path]:
    """Return the earlier artifacts of a job whose bytes still match their hash. Raises Cancelled."""
    found = {}
    for artifact in Artifact.objects.filter(job=job):
        path = storage.path_of(artifact.file)
        has_size = path.is_file() and path.stat().st_size == artifact.size
        if has_size and hash_file(path, should_stop) == artifact.sha256:
            found[artifact.kind] = path
    return found
