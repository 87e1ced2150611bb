"""A suggested order beside the user's own."""

from dataclasses import replace

from mixes.engine.ordering.fit import OrderSong
from mixes.engine.ordering.problem import Locks
from mixes.engine.ordering.songs import album_pairs
from mixes.engine.ordering.suggestion import suggestion_of
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track


def test_each_join_is_compared_with_the_one_into_the_same_song():
    songs = [OrderSong(tempo=tempo) for tempo in (100, 140, 101)]
    suggestion = suggestion_of(songs, Locks(first=True))
    assert suggestion.order == (0, 2, 1)
    assert [join.change for join in suggestion.joins] == ["better", "as good"]
    assert (suggestion.better, suggestion.worse) == (1, 0)
    assert suggestion.is_change


def test_an_order_that_stays_keeps_all_of_its_joins():
    suggestion = suggestion_of([OrderSong(tempo=tempo) for tempo in (100, 101, 102)])
    assert not suggestion.is_change
    assert [join.change for join in suggestion.joins] == ["kept", "kept"]
    assert [join.reason for join in suggestion.joins] == ["100 to 101 BPM", "101 to 102 BPM"]


def test_the_song_that_was_first_has_no_join_to_compare():
    suggestion = suggestion_of([OrderSong(tail=0.0, head=1.0), OrderSong(tail=1.0, head=1.0)])
    assert suggestion.order == (1, 0)
    assert [join.change for join in suggestion.joins] == ["new"]


def test_songs_of_an_album_that_run_into_each_other_are_a_pair():
    one = make_track(60, tags=Tags("One", "Ada", "Live", track_number=1), to_the_end=True)
    two = make_track(60, tags=Tags("Two", "Ada", "Live", track_number=2))
    one, two = replace(one, end_above_floor_db=30.0), replace(two, start_above_floor_db=30.0)
    assert album_pairs([two, one, two]) == {1}
