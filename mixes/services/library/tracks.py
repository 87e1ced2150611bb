"""A user's tracks: search, rename, retry, move to the bin, delete."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.engine.music.corrections import TEMPOS
from mixes.engine.tags.file_names import numbered_names
from mixes.engine.tags.tags import Tags, tags_beside
from mixes.leases import OPEN, State
from mixes.models import Mix, MixTrack, Preview, Track, Upload
from mixes.services import analyses, storage
from mixes.services.editing import edits
from mixes.services.editing.arrangement import Arrangement

PAGE_SIZE = 50
MAX_FOUND = 1_000  # search results counted at most
ORDERS = {  # the first is the default
    "newest": ("-created_at", "pk"),
    "title": (Lower("title"), Lower("artist"), "pk"),
    "artist": (
        *(Lower("artist"), Lower("album"), F("disc_number").asc(nulls_first=True)),
        *(F("track_number").asc(nulls_last=True), Lower("title"), "pk"),
    ),
    "longest": (F("duration_s").desc(nulls_last=True), "pk"),
    "loudest": (F("integrated_lufs").desc(nulls_last=True), "pk"),
}
SEARCHED_COLUMNS = ("title", "artist", "album", "name")
ADDED_TOGETHER = timedelta(hours=1)  # files whose names are judged beside each other
MOST_BESIDE = 500
WORKING = (Track.State.UPLOADING, Track.State.ANALYSING)


def file_name(track_pk: uuid.UUID) -> str:
    """Return the file name of a track; it is fixed, so that an interrupted move can be completed."""
    return f"{storage.TRACKS}/{track_pk.hex[:2]}/{track_pk.hex}"


def find_tracks(
    owner: User, query: str = "", page: int | str = 1, *, order: str = "", with_refused: bool = True
) -> Page[Track]:
    """Return one page of the library; every word of `query` must be in one of a track's names."""
    found = Track.objects.filter(owner=owner, deleted_at=None)
    if not with_refused:
        found = found.exclude(state=Track.State.REFUSED)
    found = search(found, query)
    found = found.select_related("upload").order_by(*ORDERS.get(order, ORDERS["newest"]))
    return (SearchPaginator if query else Paginator)(found, PAGE_SIZE).get_page(page)


def search(found: QuerySet[Track], query: str) -> QuerySet[Track]:
    """Return the tracks that have every word of `query` in one of their names."""
    for word in query.split():
        found = found.filter(Q(*((f"{name}__icontains", word) for name in SEARCHED_COLUMNS), _connector=Q.OR))
    return found


class SearchPaginator(Paginator):
    """Counts at most MAX_FOUND results: counting every match of a common word is expensive."""

    @cached_property
    def count(self) -> int:
        found = cast("QuerySet[Track]", self.object_list)
        return found.order_by()[:MAX_FOUND].count()


def binned_tracks(owner: User) -> QuerySet[Track]:
    """Return the tracks in the bin, newest first."""
    return Track.objects.filter(owner=owner, deleted_at__isnull=False).order_by("-deleted_at", "pk")


def mixes_using(tracks: list[Track]) -> dict[uuid.UUID, list[Mix]]:
    """Return the mixes that contain each track, without those in the bin."""
    places = MixTrack.objects.filter(track__in=tracks, mix__deleted_at=None).select_related("mix")
    found: dict[uuid.UUID, dict[uuid.UUID, Mix]] = {track.pk: {} for track in tracks}
    for place in places.defer("mix__plan", "mix__description_template").order_by("mix__title", "mix__pk"):
        found[place.track_id][place.mix_id] = place.mix
    return {track: list(mixes.values()) for track, mixes in found.items()}


def take_numbers_from_titles(track: Track) -> None:
    """Take track numbers out of titles that came from file names, judged by files added with this one."""
    added = (track.created_at - ADDED_TOGETHER, track.created_at + ADDED_TOGETHER)
    beside = Track.objects.filter(owner=track.owner_id, deleted_at=None, created_at__range=added)
    beside = beside.only("name", "title", "artist", "track_number", "state", "tags_edited")[:MOST_BESIDE]
    numbered = numbered_names(row.name for row in beside)
    for row in beside:
        if row.name not in numbered or row.state != Track.State.READY or row.tags_edited:
            continue
        tags = Tags(row.title, row.artist, track_number=row.track_number)
        if (named := tags_beside(tags, row.name)) != tags:
            row.title, row.artist, row.track_number = named.title, named.artist, named.track_number
            row.save(update_fields=["title", "artist", "track_number"])


def edit_tags(track: Track, *, title: str, artist: str, album: str, track_number: int | None) -> None:
    """Set a track's names; later analyses no longer change them."""
    track.title, track.artist, track.album, track.track_number = title, artist, album, track_number
    track.tags_edited = True
    track.save(update_fields=["title", "artist", "album", "track_number", "tags_edited"])


def set_music(
    track: Track, *, own_tempo: float | None, own_key: int | None, own_bar_shift: int | None
) -> None:
    """Set tempo, key and bars of a track in place of what is measured; None goes back to that."""
    track.own_tempo, track.own_key, track.own_bar_shift = own_tempo, own_key, own_bar_shift
    track.save(update_fields=["own_tempo", "own_key", "own_bar_shift"])


def scale_tempo(track: Track, factor: float) -> bool:
    """Halve or double the tempo of a track; return whether it has one that may be set."""
    tempo = track.own_tempo or track.tempo
    if tempo is None or not TEMPOS[0] <= tempo * factor <= TEMPOS[1]:
        return False
    track.own_tempo = round(tempo * factor, 2)
    track.save(update_fields=["own_tempo"])
    return True


def retry_analysis(track: Track) -> None:
    """Analyse a refused track again; its file is still stored."""
    with transaction.atomic():
        refused = Track.objects.filter(pk=track.pk, state=Track.State.REFUSED)
        if refused.update(state=Track.State.ANALYSING, problem=""):
            analyses.request_analysis(track)


def bin_track(track: Track) -> None:
    """Move a track to the bin and remove it from its mixes."""
    with transaction.atomic():
        remove_from_mixes(track)
        Track.objects.filter(pk=track.pk).update(deleted_at=timezone.now())


def restore_track(track: Track) -> Track:
    """Take a track out of the bin; if the same file was added again since, return that track instead."""
    with transaction.atomic():
        twin = find_twin(track, track.sha256)
        if twin and not twin.deleted_at:
            edits.swap_track(track, twin)  # so that undo finds the replacement
            purge_track(track)
            return twin
        Track.objects.filter(pk=track.pk).update(deleted_at=None)
    track.deleted_at = None
    return track


def find_twin(track: Track, sha256: str) -> Track | None:
    """Return another track of the same owner and content, preferably one outside the bin."""
    twins = Track.objects.filter(owner=track.owner_id, sha256=sha256).exclude(sha256="").exclude(pk=track.pk)
    return twins.order_by(F("deleted_at").asc(nulls_first=True), "pk").first()


def known_as(owner: User, pks: Sequence[uuid.UUID]) -> dict[uuid.UUID, Track]:
    """Return the tracks with these ids by the id asked for; a duplicate gives the track that stayed."""
    found = Track.objects.filter(owner=owner, deleted_at=None).defer("waveform").in_bulk(pks)
    if missing := [pk for pk in dict.fromkeys(pks) if pk not in found]:
        kept = Track.objects.filter(owner=owner, deleted_at=None).exclude(copies=[]).defer("waveform")
        by_copy = {copy: track for track in kept for copy in track.copies}
        found |= {pk: by_copy[str(pk)] for pk in missing if str(pk) in by_copy}
    return found


def titles_kept(owner: User, pks: Iterable[uuid.UUID]) -> list[str]:
    """Return the titles of the tracks that replaced one of these, which were the same file."""
    copies = Cast("copies", TextField())
    is_one = Q(*(("text__contains", str(pk)) for pk in pks), _connector=Q.OR)
    kept = Track.objects.filter(owner=owner).exclude(copies=[]).annotate(text=copies).filter(is_one)
    return [title or name for title, name in kept.order_by("name").values_list("title", "name")]


def remove_from_mixes(track: Track) -> None:
    """Remove a track from every mix, as an edit that can be undone."""
    what = _("Removed “%s”") % (track.title or track.name)[:100]

    def without(arrangement: Arrangement) -> Arrangement:
        return replace(arrangement, items=tuple(i for i in arrangement.items if i.track != track.pk))

    for mix in mixes_using([track])[track.pk]:
        edits.edit(mix, None, what, without)


def purge_track(track: Track) -> None:
    """Delete a track for good, with its file and everything derived from it."""
    with transaction.atomic():
        remove_from_mixes(track)
        files = [track.file, *_delete_previews(track), *_part_files(track)]
        track.delete()  # deletes its analysis too: a worker on it loses its lease
        transaction.on_commit(lambda: _remove_files(files))


def _part_files(track: Track) -> list[str]:
    """Return the part files of a track whose upload was not finished."""
    return [storage.upload_name(pk) for pk in Upload.objects.filter(track=track).values_list("pk", flat=True)]


def _delete_previews(track: Track) -> list[str]:
    """Delete the rows of a track's previews; return their files."""
    affected = [
        pk
        for pk, recipe in Preview.objects.filter(owner=track.owner_id).values_list("pk", "recipe")
        if str(track.pk) in recipe["tracks"]
    ]
    previews = Preview.objects.filter(pk__in=affected)
    previews.filter(state__in=OPEN).update(cancel_requested=True)  # locks the rows: none can be finished now
    files = list(previews.filter(state=State.DONE).values_list("file", flat=True))
    previews.delete()
    return files


def _remove_files(names: list[str]) -> None:
    for name in names:
        storage.remove(name)
