"""Songs that are in a mix more than once."""

from dataclasses import replace

import numpy as np

from mixes.engine.mixing.repeats import repeat_notes
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Clip


def song(number, title):
    levels = np.round(np.random.default_rng(number).uniform(-30, -10, 50), 2).tolist()
    return replace(make_track(6, momentary=levels, tags=Tags(title)), sha256=f"{number:064}")


def test_a_song_that_is_there_once_gets_no_note():
    assert repeat_notes([]) == repeat_notes([song(1, "A"), song(2, "B"), song(3, "A")]) == ()


def test_a_song_that_is_there_twice_is_named_with_its_places():
    notes = repeat_notes([song(1, "A"), song(2, "B"), song(1, "A")])
    assert notes == ("Song 1 is in this mix twice (places 1 and 3): “A”.",)


def test_a_copy_with_other_tags_is_the_same_song():
    copy = replace(song(2, "B (live)"), sha256="f" * 64)
    notes = repeat_notes([song(1, "A"), song(2, "B"), copy, song(2, "B")])
    assert notes == ("Song 2 is in this mix three times (places 2, 3 and 4): “B”.",)


def test_files_of_one_steady_sound_are_told_apart_by_their_bytes():
    a, b = replace(make_track(6), sha256="a" * 64), replace(make_track(6), sha256="b" * 64)
    assert repeat_notes([a, b]) == ()
    assert len(repeat_notes([a, b, a])) == 1


def test_jingles_may_be_repeated():
    jingle, other = song(1, "Jingle"), song(2, "B")
    clips = [Clip("", "", 0, 1, 0, 0.0, unlisted=unlisted) for unlisted in (True, False, True, False)]
    assert repeat_notes([jingle, other, jingle, song(3, "C")], clips) == ()
    notes = repeat_notes([jingle, other, jingle, other], clips)
    assert notes == ("Song 2 is in this mix twice (places 2 and 4): “B”.",)
