"""Sentences on what is left out around songs, and on silences inside them."""

from dataclasses import replace

from mixes.engine.mixing.settings import MixSettings, Use
from mixes.engine.mixing.unheard import silence_notes, unheard_notes
from mixes.engine.tests.tracks import make_track

PLAIN = make_track(60)


def test_nothing_is_said_of_songs_that_are_played_whole():
    assert unheard_notes([PLAIN, PLAIN], MixSettings(), [Use(), Use()]) == ()
    assert silence_notes([PLAIN], shortened=False) == ()


def test_noise_left_out_is_named_with_its_length_and_song():
    noisy = replace(PLAIN, lead_noise_s=2.0, tail_noise_s=3.4)
    (note,) = unheard_notes([noisy], MixSettings(), [Use()])
    assert "2.0 s before “Song”" in note and "3.4 s after “Song”" in note
    assert unheard_notes([noisy], MixSettings(trim=False), [Use()]) == ()


def test_a_hidden_track_behind_silence_is_announced():
    hidden = replace(PLAIN, silences=((240.0, 180.0), (500.0, 3.5)))
    (note,) = silence_notes([hidden], shortened=False)
    assert (
        "180 s of silence" in note and "4:00" in note and "Shorten long silences" in note and "--" not in note
    )
    (note,) = silence_notes([hidden], shortened=True)
    assert "180 s of silence" in note and "shortened to 2 s, as set" in note
