"""The podcast feed of a show: its address, which episodes are in it, and the files of each."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.fields.json import KT
from django.utils import timezone

from mixes.models import Artifact, Artwork, Mix, MixJob, Show
from mixes.services import storage

KEY_BYTES = 24
MOST_EPISODES = 300  # the newest; clients keep what they have seen
FEED_KINDS = (Artifact.Kind.MP3, Artifact.Kind.CHAPTERS, Artifact.Kind.DESCRIPTION)


@dataclass(frozen=True, slots=True)
class FeedEpisode:
    """A made episode of a feed. `id` stays the same when it is made again; its files do not."""

    id: UUID
    number: int | None
    title: str
    since: datetime
    made_at: datetime
    duration_s: float | None
    description: str
    sound: Artifact
    chapters: Artifact | None
    picture: Artwork | None  # None: that of the show


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says."""

    show: Show
    episodes: tuple[FeedEpisode, ...]  # newest first
    changed_at: datetime


def switch_feed(show: Show, *, on: bool) -> None:
    """Switch a feed on or off. It keeps its address; off, the address answers that there is nothing."""
    if on and not show.feed_key:
        show.feed_key = secrets.token_urlsafe(KEY_BYTES)
    show.feed_on = on
    show.save(update_fields=["feed_key", "feed_on", "updated_at"])


def renew_address(show: Show) -> None:
    """Give a feed another address; the one before it, and those of its files, end at once."""
    show.feed_key = secrets.token_urlsafe(KEY_BYTES)
    show.save(update_fields=["feed_key", "updated_at"])


def put_in_feed(mix: Mix, *, wanted: bool) -> None:
    """Put an episode into the feed of its show, or take it out; put in twice it keeps its date."""
    since = timezone.now() if wanted else None
    rows = Mix.objects.filter(pk=mix.pk, show__isnull=False, in_feed_since__isnull=wanted)
    if rows.update(in_feed_since=since):
        Show.objects.filter(episodes=mix).update(updated_at=timezone.now())


def feed_of(show: Show) -> Feed:
    """Return the feed of a show, in five queries and one small file for each episode."""
    mixes = list(_mixes_of(show)[:MOST_EPISODES])
    jobs = _newest_made(mixes)
    files = _files_of(jobs.values())
    pictures = _pictures_of(show, jobs.values())
    made = ((mix, jobs[mix.pk]) for mix in mixes if mix.pk in jobs)
    episodes = tuple(_episode(mix, job, files[job.pk], pictures.get(job.picture)) for mix, job in made)
    left = Mix.objects.filter(show=show).aggregate(at=Max("deleted_at"))["at"]
    times = [show.updated_at, *(one for each in episodes for one in (each.since, each.made_at))]
    return Feed(show, episodes, max([*times, left] if left else times))


def in_feed(show: Show, artifact_pk: UUID, kind: str) -> Artifact | None:
    """Return a file of an episode in the feed, also of an earlier version of it, or None.

    A client that has begun to fetch a version can fetch the rest of it.
    """
    files = Artifact.objects.filter(pk=artifact_pk, kind=kind, job__mix__show=show)
    return files.filter(job__mix__deleted_at=None, job__mix__in_feed_since__isnull=False).first()


def _mixes_of(show: Show) -> Any:
    columns = ("title", "episode", "in_feed_since")
    chosen = Mix.objects.filter(show=show, deleted_at=None, in_feed_since__isnull=False)
    return chosen.only(*columns).order_by("-in_feed_since", "pk")


def _newest_made(mixes: Iterable[Mix]) -> dict[UUID, Any]:
    """Return the newest job with an MP3 of each mix; while it is made again, its files are the last ones."""
    sheet = "check_sheet__mp3"
    made = MixJob.objects.filter(mix__in=list(mixes), artifacts__kind=Artifact.Kind.MP3)
    facts = {
        "frames": KT(f"{sheet}__frames"),
        "rate": KT(f"{sheet}__rate"),
        "picture": KT("snapshot__picture"),
    }
    rows = made.order_by("created_at", "pk").annotate(**facts).only("mix", "title", "created_at")
    return {job.mix_id: job for job in rows}


def _files_of(jobs: Iterable[Any]) -> dict[UUID, dict[str, Artifact]]:
    found: dict[UUID, dict[str, Artifact]] = {job.pk: {} for job in jobs}
    for artifact in Artifact.objects.filter(job__in=list(found), kind__in=FEED_KINDS):
        found[artifact.job_id][artifact.kind] = artifact
    return found


def _pictures_of(show: Show, jobs: Iterable[Any]) -> dict[str, Artwork]:
    """Return the pictures of episodes that differ from the show's, by the name of their file."""
    names = {job.picture for job in jobs if job.picture}
    own = show.preset.get("artwork_id")
    found = Artwork.objects.filter(owner=show.owner_id, file__in=names).exclude(pk=own)
    return {picture.file: picture for picture in found}


def _episode(mix: Mix, job: Any, files: dict[str, Artifact], picture: Artwork | None) -> FeedEpisode:
    assert mix.in_feed_since is not None
    sound = files[Artifact.Kind.MP3]
    return FeedEpisode(
        id=mix.pk,
        number=mix.episode,
        title=job.title,
        since=mix.in_feed_since,
        made_at=sound.created_at,
        duration_s=int(job.frames) / int(job.rate) if job.frames and job.rate else None,
        description=_text_of(files.get(Artifact.Kind.DESCRIPTION)),
        sound=sound,
        chapters=files.get(Artifact.Kind.CHAPTERS),
        picture=picture,
    )


def _text_of(artifact: Artifact | None) -> str:
    try:
        return storage.path_of(artifact.file).read_text(encoding="utf-8") if artifact else ""
    except OSError:
        return ""
