"""When songs of one album run into each other: only where names, numbers and the sound itself say so."""

from dataclasses import replace

import pytest

from mixes.engine.mixing.albums import are_album_neighbours, group_recordings
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track

LIVE = Tags("One", "The Band", "Live at Home", track_number=1, disc_number=1)


def tracks(*, end_db=30.0, start_db=30.0, to_the_end=True, **second):
    a = make_track(60, tags=LIVE, to_the_end=to_the_end)
    b = make_track(60, tags=replace(LIVE, title="Two", **({"track_number": 2} | second)))
    return replace(a, end_above_floor_db=end_db), replace(b, start_above_floor_db=start_db)


def test_neighbours_whose_sound_runs_on_are_one_recording():
    pair = tracks()
    assert are_album_neighbours(*pair)
    assert group_recordings(pair, ["gapless"]) == [0, 0]
    assert group_recordings(pair, ["smooth"]) == [0, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"artist": "Another Band"},
        {"album": "Live at Home 2"},
        {"track_number": 3},
        {"track_number": None},
        {"disc_number": 2},
        {"disc_number": None},
        {"album_artist": "Another Band"},
        {"start_db": -5.0},
        {"start_db": 0.5},
        {"end_db": -20.0},
        {"end_db": 1.0},
        {"to_the_end": False},
    ],
    ids=str,
)
def test_neighbours_by_name_alone_are_none(change):
    assert not are_album_neighbours(*tracks(**change))


def test_guests_are_joined_by_the_artist_of_the_album():
    a, b = tracks(artist="The Band feat. Ann", album_artist="The Band")
    assert are_album_neighbours(a, b)
    various = [
        replace(t, tags=replace(t.tags, artist=n, album_artist="Various")) for t, n in ((a, "A"), (b, "B"))
    ]
    assert are_album_neighbours(*various)


def test_sound_that_was_never_measured_is_believed_as_before():
    assert are_album_neighbours(*tracks(start_db=None, end_db=None))
