"""Put jingles between the songs of a mix, one after every few, in one step."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from uuid import UUID, uuid4

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mixes.models import Mix, Track
from mixes.services.editing import edits
from mixes.services.editing.arrangement import Arrangement, Item
from mixes.services.limits import LimitReached

DISTANCES = (1, 2, 3, 4, 5, 6, 8, 10)  # songs from one jingle to the next, to choose from


def put_between(mix: Mix, tracks: Sequence[Track], every: int) -> bool:
    """Put tracks in turn behind every so many songs; return whether that changed the mix.

    Those that were put there before are placed again, so that it can be repeated when songs were added.
    Raises LimitReached.
    """
    what = ngettext("Put jingles after every song", "Put jingles after every %d songs", every)
    change = partial(with_jingles, tracks=[track.pk for track in tracks], every=every)
    before = mix.version
    return edits.edit(mix, None, what % every if every > 1 else what, change).version != before


def with_jingles(arrangement: Arrangement, tracks: Sequence[UUID], every: int) -> Arrangement:
    """Return the arrangement with unlisted tracks between its songs. Raises LimitReached.

    Pinned and unlisted items are no songs, and nothing follows the last song. Jingles that were there are
    used again, with all that was set for them.
    """
    there = [item for item in arrangement.items if item.unlisted and not item.pin and item.track in tracks]
    kept = [item for item in arrangement.items if item not in there]
    songs = [item.id for item in kept if not item.pin and not item.unlisted]
    behind = set(songs[every - 1 : -1 : every])
    items: list[Item] = []
    turns = cycle(tracks)
    for item in kept:
        items.append(item)
        if item.id in behind:
            items.append(_take(there, next(turns)))
    if len(items) > settings.LIMITS.tracks_per_mix:
        raise LimitReached(_("A mix may have %d songs.") % settings.LIMITS.tracks_per_mix)
    return replace(arrangement, items=tuple(items))


def _take(there: list[Item], track: UUID) -> Item:
    """Take the first item of a track out of the list, or make one."""
    for item in there:
        if item.track == track:
            there.remove(item)
            return item
    return Item(uuid4(), track, unlisted=True)
