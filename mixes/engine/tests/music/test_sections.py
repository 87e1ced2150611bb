"""Tests of sections on bars of known content."""

from dataclasses import replace

import numpy as np

from mixes.engine.music.measured import Rhythm, TrustParts
from mixes.engine.music.onsets import BANDS, FPS, Onsets
from mixes.engine.music.pitches import PITCHES_PER_S, Pitches
from mixes.engine.music.sections import find_sections

RATE, BARS = 1_000, 40
RHYTHM = Rhythm(
    tempo=120.0,
    meter=4,
    beats=tuple(range(0, (BARS * 4 + 1) * 500, 500)),
    first_downbeat=0,
    is_even=True,
    trust=0.9,
    bar_trust=0.9,
    parts=TrustParts(1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
)


def sound(kick_bars, starts):
    """Return curves of 40 bars of 2 s: a kick in some of them, another sound and chord from each start on."""
    rng = np.random.default_rng(2)
    bands = 0.2 * rng.random((BARS * 2 * FPS + 1, BANDS))
    chords = 0.05 * rng.random((BARS * 2 * PITCHES_PER_S + 1, 12))
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], BARS], strict=True)):
        bands[start * 2 * FPS : end * 2 * FPS, 8 + 3 * number : 11 + 3 * number] += 3
        chords[start * 2 * PITCHES_PER_S : end * 2 * PITCHES_PER_S, 2 * number : 2 * number + 2] += 1
    for bar in kick_bars:
        bands[bar * 2 * FPS : (bar + 1) * 2 * FPS, :3] += 4
    curve = np.zeros(len(bands), np.float32)
    onsets = Onsets(curve, curve, curve, (curve, curve, curve), bands.astype(np.float16))
    return onsets, Pitches(chords.astype(np.float32), chords.astype(np.float32), 0.0)


def test_changes_phrases_and_kicks_are_those_of_the_track():
    found = find_sections(RHYTHM, *sound(range(8, 32), [0, 8, 16, 24, 32]), RATE)
    assert found.changes == (8, 16, 24, 32)
    assert found.phrases == (0, 8, 16, 24, 32)
    assert [bar for bar in range(BARS) if found.has_kick(bar)] == list(range(8, 32))


def test_phrases_begin_where_the_changes_are():
    found = find_sections(RHYTHM, *sound(range(40), [0, 5, 13, 21, 29]), RATE)
    assert found.phrases == (5, 13, 21, 29, 37)


def test_changes_that_do_not_agree_claim_no_phrases():
    assert find_sections(RHYTHM, *sound(range(40), [0, 7, 17, 26]), RATE).phrases == ()


def test_without_trusted_bars_there_are_no_sections():
    curves = sound(range(40), [0, 8])
    for unknown in (None, replace(RHYTHM, bar_trust=0.4), replace(RHYTHM, beats=RHYTHM.beats[:60])):
        assert find_sections(unknown, *curves, RATE) is None
