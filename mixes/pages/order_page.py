"""The page of a suggested order: what is asked of it, the order beside the own one, reasons for its joins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mixes.engine.ordering.arcs import ARCS
from mixes.engine.ordering.reasons import join_reason
from mixes.models import Mix, MixTrack
from mixes.services import wording
from mixes.services.editing.suggested_order import OrderWish, SuggestedOrder, suggest_for

ARC_WORDS = {
    "rising": gettext_lazy("Rising: calm first, most energy last"),
    "falling": gettext_lazy("Falling: most energy first, calm last"),
    "wave": gettext_lazy("Wave: up and down again"),
}
CHANGE_WORDS = {
    "kept": gettext_lazy("as now"),
    "better": gettext_lazy("fits better"),
    "worse": gettext_lazy("fits less well"),
    "as good": gettext_lazy("fits as well"),
    "new": gettext_lazy("was the first song"),
}


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One song of an order, and the join into the next one."""

    item: MixTrack
    number: int  # in this order
    was: int  # in the user's own
    facts: str  # tempo and key
    reason: str  # of the join into the next song; empty at the end
    change: str = ""  # how it fits beside the user's own order
    mark: str = ""  # the same as a class


@dataclass(frozen=True, slots=True)
class PairChoice:
    """Two songs that follow each other now, and whether they stay together."""

    item: MixTrack
    after: MixTrack
    is_kept: bool
    always: str  # why they stay together in any case; empty where it is a choice


@dataclass(frozen=True, slots=True)
class OrderPage:
    """What the page shows."""

    wish: OrderWish
    arcs: tuple[tuple[str, str], ...]
    pairs: tuple[PairChoice, ...]
    now: tuple[OrderRow, ...]
    suggested: tuple[OrderRow, ...]
    ids: str  # all items in the suggested order, for the form that takes it
    summary: str
    is_change: bool
    awaited: int
    apart: int  # songs that are not ready and keep their places

    @property
    def first(self) -> MixTrack | None:
        return self.now[0].item if self.now else None

    @property
    def last(self) -> MixTrack | None:
        return self.now[-1].item if self.now else None


def read_wish(data: Mapping[str, str], pairs: list[str]) -> OrderWish:
    """Return what a form asks for; what makes no sense is left out."""
    arc = data.get("arc", "")
    return OrderWish(
        arc if arc in ARCS else None, "first" in data, "last" in data, frozenset(read_ids(pairs))
    )


def read_ids(texts: list[str]) -> Iterator[UUID]:
    """Yield the valid ids among `texts`."""
    for text in texts:
        try:
            yield UUID(text)
        except ValueError:
            continue


def order_page(mix: Mix, wish: OrderWish) -> OrderPage:
    """Return the page of a suggested order for a mix."""
    found = suggest_for(mix, wish)
    return OrderPage(
        wish=wish,
        arcs=tuple((name, str(words)) for name, words in ARC_WORDS.items()),
        pairs=tuple(_pairs(found, wish)),
        now=tuple(_rows_now(found)),
        suggested=tuple(_rows_suggested(found)),
        ids=",".join(map(str, found.ids)),
        summary=_summary(found),
        is_change=found.suggestion.is_change,
        awaited=found.awaited,
        apart=len(found.everything) - len(found.items),
    )


def _facts(found: SuggestedOrder, place: int) -> str:
    """Return tempo and key of a song, such as "124 BPM · 8A"; nothing while it is not measured."""
    song = found.songs[place]
    return wording.music_facts(song.tempo, song.key) if found.is_measured[place] else ""


def _pairs(found: SuggestedOrder, wish: OrderWish) -> Iterator[PairChoice]:
    for place, (item, after) in enumerate(zip(found.items, found.items[1:], strict=False)):
        always = ""
        if place in found.by_hand:
            always = _("their join is set by you")
        elif place in found.on_album:
            always = _("they run into each other on their album")
        yield PairChoice(item, after, bool(always) or item.pk in wish.pairs, always)


def _rows_now(found: SuggestedOrder) -> Iterator[OrderRow]:
    for place, item in enumerate(found.items):
        following = found.songs[place + 1 : place + 2]
        reason = join_reason(found.songs[place], following[0]) if following else ""
        yield OrderRow(item, place + 1, place + 1, _facts(found, place), reason)


def _rows_suggested(found: SuggestedOrder) -> Iterator[OrderRow]:
    joins = [*found.suggestion.joins, None]
    for number, (place, join) in enumerate(zip(found.suggestion.order, joins, strict=True), 1):
        item, facts = found.items[place], _facts(found, place)
        if join is None:
            yield OrderRow(item, number, place + 1, facts, "")
        else:
            mark = join.change.replace(" ", "-")
            change = str(CHANGE_WORDS[join.change])
            yield OrderRow(item, number, place + 1, facts, join.reason, change, mark)


def _summary(found: SuggestedOrder) -> str:
    better, worse = found.suggestion.better, found.suggestion.worse
    if not found.suggestion.is_change:
        return _("No order fits better than yours. Nothing needs to change.")
    words = ngettext("%d join fits better", "%d joins fit better", better) % better
    return _("%(better)s, %(worse)d worse.") % {"better": words, "worse": worse}
