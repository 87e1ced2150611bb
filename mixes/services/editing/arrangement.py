"""The arrangement of a mix as one frozen value, and its edits as pure functions.

A revision stores an `Arrangement`, and undo restores it. `edits.py` writes it to the database.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from natsort import natsort_keygen, ns

from mixes.engine.mixing.settings import Length
from mixes.models import Mix, MixTrack, Track

Direction = Literal["top", "up", "down", "bottom"]
Order = Literal["name", "track_number"]

natural_key: Callable[[str], Any] = natsort_keygen(alg=ns.IGNORECASE)


class NoSuchItem(LookupError):
    """The item is not in the arrangement."""


@dataclass(frozen=True, slots=True)
class Item:
    """One use of a track and the settings of the join into `join_into`; unset values are automatic."""

    id: UUID
    track: UUID
    join_style: str = ""
    join_s: float | None = None
    join_auto: bool = False
    play_to_end: bool = False
    join_into: UUID | None = None
    cue_in_s: float | None = None
    cue_out_s: float | None = None
    gain_db: float | None = None
    unlisted: bool = False
    pin: str = ""  # MixTrack.Pin

    def to_row(self) -> list[Any]:
        """Return plain values in the order of the fields, without the last ones that are not set."""
        values = (getattr(self, name) for name in ITEM_FIELDS)
        row = [str(value) if isinstance(value, UUID) else value for value in values]
        while row[-1] == UNSET[len(row) - 1]:
            row.pop()
        return row

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Read the output of `to_row`."""
        values = dict(zip(ITEM_FIELDS, row, strict=False))
        ids = {name: UUID(values[name]) for name in ("id", "track", "join_into") if values.get(name)}
        return cls(**{**values, **ids})


ITEM_FIELDS = tuple(one.name for one in fields(Item))
UNSET = tuple(one.default for one in fields(Item))
PLACES = {MixTrack.Pin.FIRST: 0, "": 1, MixTrack.Pin.LAST: 2}  # of pinned items in a sorted list
ITEM_COLUMNS = tuple("track_id" if name == "track" else name for name in ITEM_FIELDS)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Everything undo restores: names, settings and items. The fields are columns of `Mix`."""

    title: str
    artist: str
    description_template: str
    hashtags: str
    artwork_id: UUID | None
    style: str
    transition_s: float | None
    gap_s: float
    soften: bool
    trim: bool
    target_lufs: float | None
    album_dynamics: bool
    make_mp3: bool
    make_mp4: bool
    bitrate_kbps: int
    video_size: str
    title_cards: bool
    # Newer than some stored revisions, so they have defaults
    even_joins: bool = False
    skip_quiet_intros: bool = False
    shorten_silences: bool = False
    max_play_s: float | None = None
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    copy_mp3: bool = False
    look: dict[str, Any] = field(default_factory=dict)  # VideoLook.to_json()
    items: tuple[Item, ...] = ()
    # titles and artists that this state sets, by track; empty where an edit leaves them alone
    names: tuple[tuple[UUID, str, str], ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return the columns of `Mix` with their values."""
        return {name: getattr(self, name) for name in SETTINGS}

    def to_json(self) -> dict[str, Any]:
        """Return plain types; items as short rows, because fifty revisions of 500 tracks are stored."""
        artwork = str(self.artwork_id) if self.artwork_id else None
        rows = [item.to_row() for item in self.items]
        names = [[str(track), title, artist] for track, title, artist in self.names]
        return {**self.settings(), "artwork_id": artwork, "items": rows, "names": names}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the output of `to_json`."""
        artwork = UUID(data["artwork_id"]) if data["artwork_id"] else None
        items = tuple(Item.from_row(row) for row in data["items"])
        names = tuple((UUID(track), title, artist) for track, title, artist in data.get("names", ()))
        return cls(**{**data, "artwork_id": artwork, "items": items, "names": names})


SETTINGS = tuple(one.name for one in fields(Arrangement) if one.name not in ("items", "names"))


def arrangement_of(mix: Mix) -> Arrangement:
    """Return the current arrangement of a mix."""
    rows = MixTrack.objects.filter(mix=mix).values_list(*ITEM_COLUMNS)
    settings = {name: getattr(mix, name) for name in SETTINGS}
    return Arrangement(**settings, items=tuple(Item(*row) for row in rows.order_by("position")))


def move(arrangement: Arrangement, item: UUID, direction: Direction) -> Arrangement:
    """Move an item by one place, or to an end. Raises NoSuchItem."""
    items = list(arrangement.items)
    place = place_of(arrangement, item)
    moved = items.pop(place)
    target = {"top": 0, "up": max(0, place - 1), "down": place + 1, "bottom": len(items)}[direction]
    items.insert(target, moved)
    return replace(arrangement, items=tuple(items))


def reorder(arrangement: Arrangement, ids: Iterable[UUID]) -> Arrangement:
    """Reorder items as named; unnamed items follow in their current order."""
    by_id = {item.id: item for item in arrangement.items}
    named = [by_id.pop(pk) for pk in dict.fromkeys(ids) if pk in by_id]
    return replace(arrangement, items=(*named, *by_id.values()))


def remove(arrangement: Arrangement, item: UUID) -> Arrangement:
    """Remove an item. Raises NoSuchItem."""
    place = place_of(arrangement, item)
    return replace(arrangement, items=arrangement.items[:place] + arrangement.items[place + 1 :])


def keep(arrangement: Arrangement, ids: Iterable[UUID]) -> Arrangement:
    """Remove all items but these."""
    kept = set(ids)
    return replace(arrangement, items=tuple(item for item in arrangement.items if item.id in kept))


def append(arrangement: Arrangement, tracks: Iterable[UUID], before: UUID | None = None) -> Arrangement:
    """Add tracks before an item; before a pinned outro if it is None or no longer there."""
    places = [place for place, item in enumerate(arrangement.items) if item.id == before]
    return _insert_at(arrangement, tracks, places)


def insert(arrangement: Arrangement, tracks: Iterable[UUID], after: UUID | None) -> Arrangement:
    """Add tracks behind the item `after`; before a pinned outro if it is None or no longer there."""
    places = [place for place, item in enumerate(arrangement.items, 1) if item.id == after]
    return _insert_at(arrangement, tracks, places)


def _insert_at(arrangement: Arrangement, tracks: Iterable[UUID], places: Sequence[int]) -> Arrangement:
    """Add tracks at the first place, or before a pinned outro; the same track may occur twice."""
    items = arrangement.items
    place = places[0] if places else _end_of(items)
    added = tuple(Item(uuid4(), track) for track in tracks)
    return replace(arrangement, items=(*items[:place], *added, *items[place:]))


def _end_of(items: Sequence[Item]) -> int:
    """Return the place behind the last item that is not pinned to the end."""
    place = len(items)
    while place and items[place - 1].pin == MixTrack.Pin.LAST:
        place -= 1
    return place


def set_tracks(arrangement: Arrangement, tracks: Iterable[UUID]) -> Arrangement:
    """Set the tracks in order; the items of those that are there already are used again."""
    unused: dict[UUID, list[Item]] = {}
    for item in reversed(arrangement.items):
        unused.setdefault(item.track, []).append(item)
    items = tuple(unused[track].pop() if unused.get(track) else Item(uuid4(), track) for track in tracks)
    return replace(arrangement, items=items)


def copy_items(items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items with new ids, joined to each other as before."""
    ids = {item.id: uuid4() for item in items}
    return tuple(
        replace(item, id=ids[item.id], join_into=item.join_into and ids.get(item.join_into)) for item in items
    )


@dataclass(frozen=True, slots=True)
class JoinChange:
    """What is set for a join and, beside it, for the items before and after; by default all is automatic."""

    style: str = ""
    transition_s: Length | None = None
    play_to_end: bool = False
    before: Mapping[str, float | None] = field(default_factory=lambda: {"cue_out_s": None, "gain_db": None})
    after: Mapping[str, float | None] = field(default_factory=lambda: {"cue_in_s": None, "gain_db": None})


def set_join(arrangement: Arrangement, item: UUID, into: UUID, change: JoinChange) -> Arrangement:
    """Set the join of two items; with neither style nor length it follows the mix. Raises NoSuchItem."""
    transition_s = change.transition_s
    is_set = bool(change.style) or transition_s is not None
    arrangement = change_item(
        arrangement,
        item,
        join_style=change.style,
        join_s=None if transition_s is None or transition_s == "auto" else float(transition_s),
        join_auto=transition_s == "auto",
        play_to_end=change.play_to_end,
        join_into=into if is_set else None,
        **change.before,
    )
    return change_item(arrangement, into, **change.after)


def change_item(arrangement: Arrangement, item: UUID, **changes: Any) -> Arrangement:
    """Change fields of an item. Raises NoSuchItem."""
    place = place_of(arrangement, item)
    changed = replace(arrangement.items[place], **changes)
    return replace(arrangement, items=(*arrangement.items[:place], changed, *arrangement.items[place + 1 :]))


def sort_by(arrangement: Arrangement, order: Order, tracks: Mapping[UUID, Track]) -> Arrangement:
    """Sort stably by displayed name, or by album, disc and track number; pinned items stay at their end."""
    key = _name_key if order == "name" else _number_key
    items = sorted(arrangement.items, key=lambda item: (PLACES[item.pin], key(tracks[item.track])))
    return replace(arrangement, items=tuple(items))


def change_settings(arrangement: Arrangement, **changes: Any) -> Arrangement:
    """Change names and settings."""
    return replace(arrangement, **changes)


def place_of(arrangement: Arrangement, item: UUID) -> int:
    """Return the position of an item, from 0. Raises NoSuchItem."""
    for place, other in enumerate(arrangement.items):
        if other.id == item:
            return place
    raise NoSuchItem(item)


def _name_key(track: Track) -> Any:
    return natural_key(track.title or track.name), natural_key(track.artist)


def _number_key(track: Track) -> Any:
    has_none = track.track_number is None
    album = natural_key(track.album), natural_key(track.album_artist)
    return has_none, album, track.disc_number or 0, track.track_number or 0, _name_key(track)
