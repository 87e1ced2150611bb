"""Suggest an order for a mix beside its own; nothing changes until its owner takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from uuid import UUID

from django.utils.translation import gettext as _

from mixes.engine.analysis.track import MUSIC_VERSION
from mixes.engine.mixing.settings import Use
from mixes.engine.ordering.fit import OrderSong
from mixes.engine.ordering.problem import Locks
from mixes.engine.ordering.songs import album_pairs, order_song
from mixes.engine.ordering.suggestion import Suggestion, suggestion_of
from mixes.models import Mix, MixTrack
from mixes.services.analyses import analyses_of, count_awaited
from mixes.services.editing import arrangement, edits
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.plans import plan_of


@dataclass(frozen=True, slots=True)
class OrderWish:
    """What a user asks of an order; pairs by the item that comes first."""

    arc: str | None = None
    keep_first: bool = False
    keep_last: bool = False
    pairs: frozenset[UUID] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SuggestedOrder:
    """A suggestion for the songs of a mix that are ready; the others keep their places."""

    everything: tuple[MixTrack, ...]  # all items in their order
    items: tuple[MixTrack, ...]  # those that are ready, in the user's order
    songs: tuple[OrderSong, ...]  # what is known of each of them
    is_measured: tuple[bool, ...]  # whether beat and key of each were looked for
    by_hand: frozenset[int]  # places of items whose join into the next one is set by hand
    on_album: frozenset[int]  # places of items that run on into the next one
    suggestion: Suggestion
    awaited: int  # songs that are being measured again, so that more will be known

    @property
    def ids(self) -> tuple[UUID, ...]:
        """Return all items in the suggested order."""
        ready = iter([self.items[place] for place in self.suggestion.order])
        known = {item.pk for item in self.items}
        return tuple(next(ready).pk if item.pk in known else item.pk for item in self.everything)


def suggest_for(mix: Mix, wish: OrderWish) -> SuggestedOrder:
    """Return a suggested order for a mix; tracks that only an older version analysed are measured again."""
    everything = items_of(mix)
    plan = plan_of(mix, everything)
    items = plan.used(everything) if plan else []
    known = analyses_of([item.track for item in items])
    tracks = [known[item.track_id] for item in items]
    uses = [Use(item.cue_in_s, item.cue_out_s) for item in items]
    songs = [
        order_song(track, use, own_tempo=item.track.own_tempo)
        for item, track, use in zip(items, tracks, uses, strict=True)
    ]
    by_hand = _joined_by_hand(items)
    on_album = album_pairs(tracks)
    wanted = frozenset(place for place, item in enumerate(items[:-1]) if item.pk in wish.pairs)
    locks = Locks(wish.keep_first, wish.keep_last, wanted | by_hand | on_album)
    return SuggestedOrder(
        tuple(everything),
        tuple(items),
        tuple(songs),
        tuple(track.version >= MUSIC_VERSION for track in tracks),
        by_hand,
        on_album,
        suggestion_of(songs, locks, wish.arc),
        count_awaited([item.track_id for item in everything]),
    )


def take_order(mix: Mix, seen_version: int | None, ids: Sequence[UUID]) -> Mix:
    """Put the items of a mix into an order that was suggested, as one undo step. Raises StaleEdit."""
    return edits.edit(mix, seen_version, _("Took the suggested order"), partial(arrangement.reorder, ids=ids))


def _joined_by_hand(items: Sequence[MixTrack]) -> frozenset[int]:
    return frozenset(
        place for place, (item, after) in enumerate(pairwise(items)) if item.is_joined_by_hand_with(after)
    )
