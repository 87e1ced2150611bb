"""Edits as pure functions: no song is lost and none is added."""

from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.models import Mix
from mixes.services.editing.arrangement import (
    SETTINGS,
    Arrangement,
    Item,
    JoinChange,
    NoSuchItem,
    append,
    change_item,
    change_settings,
    copy_items,
    move,
    remove,
    reorder,
    set_join,
    sort_by,
)

DIRECTIONS = ("top", "up", "down", "bottom")


def arrange(count):
    mix = Mix(title="Evenings")
    settings = {name: getattr(mix, name) for name in SETTINGS}
    return Arrangement(
        **settings, items=tuple(Item(UUID(int=k + 1), UUID(int=100 + k)) for k in range(count))
    )


def places(arrangement):
    return [item.id.int for item in arrangement.items]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("top", [3, 1, 2, 4]), ("up", [1, 3, 2, 4]), ("down", [1, 2, 4, 3]), ("bottom", [1, 2, 4, 3])],
)
def test_an_item_moves_by_one_place_or_to_an_end(direction, expected):
    assert places(move(arrange(4), UUID(int=3), direction)) == expected


@pytest.mark.parametrize(("item", "direction"), [(1, "up"), (1, "top"), (4, "down"), (4, "bottom")])
def test_a_move_beyond_an_end_changes_nothing(item, direction):
    assert move(arrange(4), UUID(int=item), direction) == arrange(4)


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 9), st.sampled_from(DIRECTIONS))))
def test_moves_keep_every_item_exactly_once(count, moves):
    arrangement = arrange(count)
    for item, direction in moves:
        arrangement = move(arrangement, UUID(int=item % count + 1), direction)
    assert sorted(places(arrangement)) == list(range(1, count + 1))


@given(st.integers(0, 8), st.lists(st.integers(-2, 12)))
def test_a_new_order_keeps_every_item_exactly_once(count, ids):
    reordered = reorder(arrange(count), [UUID(int=pk % 2**16) for pk in ids])
    assert sorted(places(reordered)) == list(range(1, count + 1))


@given(st.permutations(range(1, 7)))
def test_a_whole_order_is_taken_as_it_is(order):
    assert places(reorder(arrange(6), [UUID(int=pk) for pk in order])) == order


@given(st.integers(1, 8), st.data())
def test_removing_leaves_all_others_in_their_order(count, data):
    item = data.draw(st.integers(1, count))
    assert places(remove(arrange(count), UUID(int=item))) == [k for k in range(1, count + 1) if k != item]


def test_a_missing_item_raises_no_such_item():
    for edit in (lambda: move(arrange(2), UUID(int=9), "up"), lambda: remove(arrange(2), UUID(int=9))):
        with pytest.raises(NoSuchItem):
            edit()


def test_the_same_track_may_stand_twice():
    track = uuid4()
    first, second = append(arrange(0), [track, track]).items
    assert first.track == second.track == track
    assert first.id != second.id


def test_a_join_is_set_and_goes_with_its_item():
    arrangement = set_join(arrange(3), UUID(int=1), UUID(int=2), JoinChange("radio", 6.0))
    moved = move(arrangement, UUID(int=1), "bottom")
    assert (moved.items[-1].join_style, moved.items[-1].join_s) == ("radio", 6.0)
    last = set_join(moved, UUID(int=1), UUID(int=2), JoinChange()).items[-1]
    assert (last.join_style, last.join_s, last.join_auto) == ("", None, False)


def test_an_automatic_length_is_stored_without_a_number():
    item = set_join(arrange(2), UUID(int=1), UUID(int=2), JoinChange("", "auto")).items[0]
    assert (item.join_auto, item.join_s) == (True, None)


def test_a_use_of_a_song_is_changed_by_itself():
    changed = change_item(arrange(2), UUID(int=1), cue_out_s=61.5, gain_db=0.0).items
    assert (changed[0].cue_out_s, changed[0].gain_db, changed[1]) == (61.5, 0.0, arrange(2).items[1])


def test_copies_are_joined_to_each_other_as_their_originals():
    items = set_join(arrange(3), UUID(int=1), UUID(int=2), JoinChange("cut")).items
    copies = copy_items(items)
    assert copies[0].join_into == copies[1].id
    assert {item.id for item in items}.isdisjoint(item.id for item in copies)
    assert [item.track for item in copies] == [item.track for item in items]


def test_rows_stored_before_uses_could_be_set_are_read():
    stored = change_item(arrange(2), UUID(int=1), join_style="cut", join_s=1.5)
    data = stored.to_json()
    data["items"] = [[*row, *(["", None, False, False][len(row) - 2 :])][:6] for row in data["items"]]
    assert Arrangement.from_json(data) == stored


def tracks_of(*facts):
    unknown = {"name": "x.mp3", "artist": "", "album_artist": "", "disc_number": None}
    names = ("title", "track_number", "album", "album_artist", "disc_number")
    return {
        UUID(int=100 + k): SimpleNamespace(**{**unknown, **dict(zip(names, row, strict=False))})
        for k, row in enumerate(facts)
    }


def test_names_are_sorted_in_natural_order():
    tracks = tracks_of(("Song 10", None, ""), ("song 2", None, ""), ("Alpha", None, ""))
    assert places(sort_by(arrange(3), "name", tracks)) == [3, 2, 1]


def test_track_numbers_are_sorted_by_album_then_disc_then_number():
    b, a = "Album B", "Album A"
    rows = ((1, b, "", 2), (1, a, "", 2), (2, a, "", 1), (1, a, "", 1), (2, b, "", None), (1, a, "Z", 1))
    tracks = tracks_of(*(("x", *row) for row in rows))
    assert places(sort_by(arrange(6), "track_number", tracks)) == [4, 3, 2, 6, 5, 1]


def test_track_numbers_are_sorted_album_by_album_and_those_without_come_last():
    tracks = tracks_of(("A", None, ""), ("B", 2, "One"), ("C", 10, "One"), ("D", 1, "Two"), ("E", 1, "One"))
    assert places(sort_by(arrange(5), "track_number", tracks)) == [5, 2, 3, 4, 1]


def test_an_arrangement_survives_a_json_round_trip():
    arrangement = set_join(arrange(3), UUID(int=2), UUID(int=3), JoinChange("cut", 1.5))
    arrangement = change_item(arrangement, UUID(int=1), cue_in_s=0.0, gain_db=0.0, unlisted=True)
    arrangement = change_settings(
        arrangement, title="Nights", max_play_s=150.0, target_lufs=None, artwork_id=uuid4()
    )
    assert Arrangement.from_json(arrangement.to_json()) == arrangement
    assert replace(arrangement, title="Days") != arrangement
