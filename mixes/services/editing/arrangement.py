"""The arrangement of a mix as one frozen value, and its edits as pure functions.

A revision stores an `Arrangement`, and undo restores it. `edits.py` writes it to the database.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
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
    """A track's position and the settings of the join after it; unset values follow the mix."""

    id: UUID
    track: UUID
    join_style: str = ""
    join_s: float | None = None
    join_auto: bool = False
    play_to_end: bool = False


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
    items: tuple[Item, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return the columns of `Mix` with their values."""
        return {name: getattr(self, name) for name in SETTINGS}

    def to_json(self) -> dict[str, Any]:
        """Return plain types; items as short rows, because fifty revisions of 500 tracks are stored."""
        artwork = str(self.artwork_id) if self.artwork_id else None
        rows = [
            [str(i.id), str(i.track), i.join_style, i.join_s, i.join_auto, i.play_to_end] for i in self.items
        ]
        return {**self.settings(), "artwork_id": artwork, "items": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read the output of `to_json`."""
        artwork = UUID(data["artwork_id"]) if data["artwork_id"] else None
        items = tuple(Item(UUID(pk), UUID(track), *join) for pk, track, *join in data["items"])
        return cls(**{**data, "artwork_id": artwork, "items": items})


SETTINGS = tuple(field.name for field in fields(Arrangement) if field.name != "items")


def arrangement_of(mix: Mix) -> Arrangement:
    """Return the current arrangement of a mix."""
    rows = MixTrack.objects.filter(mix=mix).values_list(
        "id", "track_id", "join_style", "join_s", "join_auto", "play_to_end"
    )
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


def append(arrangement: Arrangement, tracks: Iterable[UUID]) -> Arrangement:
    """Append tracks, each as a new item: the same track may occur twice."""
    return replace(arrangement, items=(*arrangement.items, *(Item(uuid4(), track) for track in tracks)))


def set_join(
    arrangement: Arrangement,
    item: UUID,
    *,
    style: str = "",
    transition_s: Length | None = None,
    play_to_end: bool = False,
) -> Arrangement:
    """Set the join after an item; with neither style nor length it follows the mix. Raises NoSuchItem."""
    place = place_of(arrangement, item)
    is_auto = transition_s == "auto"
    joined = replace(
        arrangement.items[place],
        join_style=style,
        join_s=None if transition_s is None or transition_s == "auto" else float(transition_s),
        join_auto=is_auto,
        play_to_end=play_to_end,
    )
    items = (*arrangement.items[:place], joined, *arrangement.items[place + 1 :])
    return replace(arrangement, items=items)


def sort_by(arrangement: Arrangement, order: Order, tracks: Mapping[UUID, Track]) -> Arrangement:
    """Sort stably by displayed name, or by album, disc and track number."""
    key = _name_key if order == "name" else _number_key
    items = sorted(arrangement.items, key=lambda item: key(tracks[item.track]))
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
