"""Apply edits to a mix: one transaction each, a version check against stale tabs, a revision for undo."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import timedelta
from functools import partial
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from mixes.engine.text import clean_text
from mixes.leases import OPEN
from mixes.models import Artifact, Mix, MixJob, MixTrack, Revision, Show, Track
from mixes.services import storage, wording
from mixes.services.editing.arrangement import (
    ITEM_COLUMNS,
    SETTINGS,
    Arrangement,
    Item,
    append,
    arrangement_of,
    copy_items,
    insert,
    set_tracks,
)
from mixes.services.limits import LimitReached, check_mixes

TOGETHER = timedelta(minutes=1)  # edits of one group closer together than this share a revision
DRAGGING = timedelta(seconds=1)  # the same for one handle of a join
TITLE_LENGTH = 200
WRITTEN = (*SETTINGS, "revision", "updated_at")

Change = Callable[[Arrangement], Arrangement]


class StaleEdit(Exception):
    """The mix has changed since the form was rendered."""


def edit(
    mix: Mix,
    seen_version: int | None,
    what: str,
    change: Change,
    *,
    group: str = "",
    within: timedelta = TOGETHER,
) -> Mix:
    """Apply `change`, store it as a revision named `what`, and return the updated mix.

    Raises StaleEdit when `seen_version` is not the current version; None skips the check, for the site's own
    edits. Edits of one `group` that follow each other `within` that time share one revision.
    """
    with transaction.atomic():
        current = lock_version(mix, seen_version)
        before = arrangement_of(current)
        after = change(before)
        if after == before:
            Mix.objects.filter(pk=mix.pk).update(version=F("version") - 1)
            current.version -= 1
            return current
        _add_revision(current, what, after, group, within)
        write(current, before, after)
    return current


def create_mix(owner: User, title: str = "") -> Mix:
    """Create an empty mix, named after the day if it has no title. Raises LimitReached."""
    title = clean_title(title) or _("Mix of %s") % wording.today()
    return create_arranged(owner, arrangement_of(Mix(owner=owner, title=title)))


def create_filled_mix(owner: User, title: str, tracks: Sequence[UUID], changes: Mapping[str, Any]) -> Mix:
    """Create a mix with tracks and settings, or none. Raises LimitReached."""
    with transaction.atomic():
        mix = create_mix(owner, title)

        def fill(arrangement: Arrangement) -> Arrangement:
            return replace(set_tracks_within_limit(arrangement, tracks), **changes)

        return edit(mix, mix.version, _("Added songs"), fill)


def set_tracks_within_limit(arrangement: Arrangement, tracks: Sequence[UUID]) -> Arrangement:
    """Set the tracks of a mix in order. Raises LimitReached."""
    if len(tracks) > settings.LIMITS.tracks_per_mix:
        raise LimitReached(_("A mix may have %d songs.") % settings.LIMITS.tracks_per_mix)
    return set_tracks(arrangement, tracks)


def clean_title(text: str) -> str:
    """Return a title on one line, without invisible characters."""
    return clean_text(text)[:TITLE_LENGTH]


def duplicate_mix(mix: Mix, *, with_songs: bool = True) -> Mix:
    """Copy a mix with its settings and words, and with its tracks or without. Raises LimitReached."""
    source = arrangement_of(mix)
    title = (_("Copy of %s") % source.title)[:TITLE_LENGTH]
    items = copy_items(source.items) if with_songs else ()
    return create_arranged(mix.owner, replace(source, title=title, items=items))


def append_tracks(
    mix: Mix, tracks: Sequence[Track], *, seen: int | None = None, before: UUID | None = None
) -> Mix:
    """Add uploads before an item or at the end; those added within a minute are one undo step."""
    ids = [track.pk for track in tracks]
    if len(tracks) > 1 or _goes_on(mix, "append"):
        what = _("Added songs")
    else:
        what = _("Added “%s”") % (tracks[0].title or tracks[0].name)[:100]
    return edit(mix, seen, what, lambda a: append(a, ids, before), group="append")


def add_from_library(mix: Mix, tracks: Sequence[Track], after: UUID | None = None) -> Mix:
    """Add tracks of the library behind an item, or at the end, as one undo step. Raises LimitReached."""
    ids = [track.pk for track in tracks]
    what = ngettext("Added %d song", "Added %d songs", len(ids)) % len(ids)
    return edit(mix, None, what, partial(insert_within_limit, tracks=ids, after=after))


def insert_within_limit(arrangement: Arrangement, tracks: Sequence[UUID], after: UUID | None) -> Arrangement:
    """Add tracks after counting them in the locked state, so that concurrent requests keep the limit."""
    room = settings.LIMITS.tracks_per_mix - len(arrangement.items)
    if len(tracks) > room:
        raise LimitReached(
            _("A mix may have %(most)d songs, and this one has room for %(room)d more.")
            % {"most": settings.LIMITS.tracks_per_mix, "room": max(0, room)}
        )
    return insert(arrangement, tracks, after)


def swap_track(old: Track, new: Track) -> None:
    """Replace track `old` by `new` in every mix, revision and show; both are the same file."""
    with transaction.atomic():
        MixTrack.objects.filter(track=old).update(track=new)
        Show.objects.filter(intro=old).update(intro=new)
        Show.objects.filter(outro=old).update(outro=new)
        revisions = Revision.objects.filter(mix__owner=old.owner_id)
        text = Cast("arrangement", TextField())
        for revision in revisions.annotate(text=text).filter(text__contains=str(old.pk)):
            arrangement = Arrangement.from_json(revision.arrangement)
            items = tuple(
                replace(item, track=new.pk) if item.track == old.pk else item for item in arrangement.items
            )
            revision.arrangement = replace(arrangement, items=items).to_json()
            revision.save(update_fields=["arrangement"])


def bin_mix(mix: Mix) -> None:
    """Move a mix to the bin and cancel its jobs."""
    Mix.objects.filter(pk=mix.pk).update(deleted_at=timezone.now())
    for job in MixJob.objects.filter(mix=mix, state__in=OPEN).values_list("pk", flat=True):
        MixJob.objects.request_cancel(job)


def restore_mix(mix: Mix) -> None:
    """Take a mix out of the bin."""
    Mix.objects.filter(pk=mix.pk).update(deleted_at=None)


def purge_mix(mix: Mix) -> None:
    """Delete a mix for good, with its jobs and their files."""
    with transaction.atomic():
        # locks the rows: no worker can add a result from here on
        MixJob.objects.filter(mix=mix, state__in=OPEN).update(cancel_requested=True)
        files = list(Artifact.objects.filter(job__mix=mix).values_list("file", flat=True))
        mix.delete()
        transaction.on_commit(lambda: _remove_files(files))


def _remove_files(files: Iterable[str]) -> None:
    for name in files:
        storage.remove(name)


def create_arranged(owner: User, arrangement: Arrangement, **links: Any) -> Mix:
    """Create a mix; `links` are columns beside its arrangement. Raises LimitReached."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # concurrent requests must not exceed the limit
        check_mixes(owner)
        mix = Mix.objects.create(owner=owner, **arrangement.settings(), **links)
        _write_items(mix, (), arrangement.items)
        Revision.objects.create(mix=mix, number=0, what="", arrangement=arrangement.to_json())
    return mix


def lock_version(mix: Mix, seen_version: int | None) -> Mix:
    """Increment the version, which locks the row for this transaction, and read the mix. Raises StaleEdit."""
    seen = {} if seen_version is None else {"version": seen_version}
    if not Mix.objects.filter(pk=mix.pk, deleted_at=None, **seen).update(version=F("version") + 1):
        raise StaleEdit
    return Mix.objects.defer("plan").get(pk=mix.pk)


def _goes_on(mix: Mix, group: str, within: timedelta = TOGETHER) -> bool:
    """Return whether an edit of the group extends the current revision."""
    recent = timezone.now() - within
    last = Revision.objects.filter(mix=mix, number=F("mix__revision"), group=group)
    return bool(group) and last.filter(created_at__gt=recent).exists()


def _add_revision(mix: Mix, what: str, arrangement: Arrangement, group: str, within: timedelta) -> None:
    """Add a revision; delete the undone ones and the oldest beyond the limit."""
    revisions = Revision.objects.filter(mix=mix)
    if not revisions.exists():
        before = arrangement_of(mix).to_json()
        Revision.objects.create(mix=mix, number=mix.revision, what="", arrangement=before)
    revisions.filter(number__gt=mix.revision).delete()
    note = {"what": what[:200], "arrangement": arrangement.to_json(), "created_at": timezone.now()}
    if _goes_on(mix, group, within):
        revisions.filter(number=mix.revision).update(**note)
        return
    mix.revision += 1
    Revision.objects.create(mix=mix, number=mix.revision, group=group, **note)
    revisions.filter(number__lte=mix.revision - settings.LIMITS.revisions).delete()


def write(mix: Mix, before: Arrangement, after: Arrangement) -> None:
    """Write names, settings, items and the revision number, inside a transaction."""
    for name, value in after.settings().items():
        setattr(mix, name, value)
    mix.save(update_fields=WRITTEN)
    _write_items(mix, before.items, after.items)
    for track, title, artist in after.names:
        own = Track.objects.filter(owner=mix.owner_id, pk=track)
        own.update(title=title, artist=artist, tags_edited=True)


def _write_items(mix: Mix, before: Sequence[Item], after: Sequence[Item]) -> None:
    """Rewrite the items between the first and the last changed position: most edits change few of many."""
    first = _count_same(zip(before, after, strict=False))
    same_end = 0
    if len(before) == len(after):
        same_end = _count_same(zip(reversed(before[first:]), reversed(after[first:]), strict=True))
    last = len(after) - same_end
    if len(before) > first:
        MixTrack.objects.filter(mix=mix, position__range=(first, len(before) - same_end - 1)).delete()
    MixTrack.objects.bulk_create(
        MixTrack(mix=mix, position=place, **dict(zip(ITEM_COLUMNS, astuple(item), strict=True)))
        for place, item in enumerate(after[first:last], first)
    )


def _count_same(pairs: Iterable[tuple[Item, Item]]) -> int:
    """Return how many pairs from the first on hold the same item twice."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
