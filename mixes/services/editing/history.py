"""Undo and redo: move through the revisions of a mix, and restore the tracks they need from the bin."""

from collections.abc import Callable
from dataclasses import replace

from django.db import transaction
from django.db.models import QuerySet

from mixes.models import Artwork, Mix, Revision, Track
from mixes.services.editing.arrangement import Arrangement, arrangement_of
from mixes.services.editing.edits import lock_version, write

RestoreTrack = Callable[[Track], object]  # takes a track out of the bin


class NothingThere(Exception):
    """There is nothing to undo or redo."""


def undo(mix: Mix, seen_version: int | None, restore_track: RestoreTrack) -> Mix:
    """Go back by one revision. Raises StaleEdit and NothingThere."""
    return _walk(mix, seen_version, restore_track, -1)


def redo(mix: Mix, seen_version: int | None, restore_track: RestoreTrack) -> Mix:
    """Go forward by one revision. Raises StaleEdit and NothingThere."""
    return _walk(mix, seen_version, restore_track, +1)


def history_of(mix: Mix) -> tuple[str | None, str | None]:
    """Return the names of the edits that undo and redo would revert or repeat, None where there is none."""
    near = range(max(0, mix.revision - 1), mix.revision + 2)
    known = dict(Revision.objects.filter(mix=mix, number__in=near).values_list("number", "what"))
    can_undo = mix.revision - 1 in known
    return known.get(mix.revision) if can_undo else None, known.get(mix.revision + 1)


def count_lost(mix: Mix) -> int:
    """Return the number of songs in the current revision whose tracks have been deleted for good."""
    shown = Revision.objects.get(mix=mix, number=mix.revision)
    return len(shown.arrangement["items"]) - mix.items.count()


def _walk(mix: Mix, seen_version: int | None, restore_track: RestoreTrack, step: int) -> Mix:
    with transaction.atomic():
        current = lock_version(mix, seen_version)
        target = Revision.objects.filter(mix=mix, number=current.revision + step).first()
        if target is None:
            raise NothingThere
        before = arrangement_of(current)
        for track in binned_tracks(current, before, Arrangement.from_json(target.arrangement)):
            restore_track(track)
        target.refresh_from_db()  # where the same file was added again, use that track
        current.revision = target.number
        write(current, before, still_there(current, Arrangement.from_json(target.arrangement)))
    return current


def binned_tracks(mix: Mix, before: Arrangement, after: Arrangement) -> QuerySet[Track]:
    """Return the binned tracks among the items to be restored."""
    back = {item.track for item in after.items} - {item.track for item in before.items}
    return Track.objects.filter(owner=mix.owner_id, pk__in=back, deleted_at__isnull=False)


def still_there(mix: Mix, arrangement: Arrangement) -> Arrangement:
    """Drop the items whose tracks have been deleted for good."""
    wanted = {item.track for item in arrangement.items}
    there = set(Track.objects.filter(owner=mix.owner_id, pk__in=wanted).values_list("pk", flat=True))
    items = tuple(item for item in arrangement.items if item.track in there)
    artwork_id = arrangement.artwork_id
    if artwork_id and not Artwork.objects.filter(owner=mix.owner_id, pk=artwork_id).exists():
        artwork_id = None
    return replace(arrangement, items=items, artwork_id=artwork_id)
