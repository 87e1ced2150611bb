"""Joins made bad on purpose, with known answers."""

import numpy as np
import pytest

from benchmarks.join_points import (
    JoinPoints,
    Placement,
    Song,
    measure_features,
    measure_gains,
    measure_placement,
    score_join,
    to_db,
)

RATE = 9_600
BODY_S, JOIN_S = 60.0, 50.0  # length of a body, and where on the time line A's body ends
HOPS = 1000


def song(*parts_db, body_db=-14.0, bass_db=-20.0, before=()):
    """Return a song: parts (seconds, dB) before its body, the body, parts after it; bass relative to all."""
    steps = (*before, (BODY_S, body_db), *parts_db)
    power = np.concatenate([np.full(round(seconds * 10), 10 ** (level / 10)) for seconds, level in steps])
    bands = np.full(8, 1.0)
    bands[0] = 10 ** (bass_db / 10) * 7 / (1 - 10 ** (bass_db / 10))
    return Song(np.column_stack((power, power[:, None] * (bands / bands.sum()))))


def score(a, b, *, body_start_s=JOIN_S, cut_a_s=999.0, cut_b_s=0.0, mix_db=lambda times: 0.0):
    """Score a join where A's body ends at JOIN_S; the gains are 1 from `cut_b_s` on and until `cut_a_s`."""
    times = (np.arange(HOPS) + 0.5) / 10
    place = Placement(
        round(JOIN_S * 10) - a.body_end,
        round(body_start_s * 10) - b.body_start,
        (times < cut_a_s).astype(float),
        (times >= cut_b_s).astype(float),
    )
    gain = 10 ** (np.asarray(mix_db(times)) / 10) * np.ones(HOPS)
    laid = [place.lay(x.features, first) for x, first in ((a, place.first_a), (b, place.first_b))]
    mix = laid[0] * place.gain_a[:, None] + laid[1] * place.gain_b[:, None]
    return score_join(a, b, place, mix * gain[:, None])


def within(first_s, last_s, level_db):
    return lambda times: np.where((times >= first_s) & (times < last_s), level_db, 0.0)


def test_bodies_that_meet_have_no_points():
    assert score(song(), song()).points < 0.1


def test_a_ring_out_under_a_cold_start_has_no_points():
    found = score(song((2, -24)), song())
    assert found.points < 0.3
    assert found.lost == 0


def test_a_hole():
    found = score(song((4, -24)), song(), body_start_s=JOIN_S + 4)
    assert found.hole == pytest.approx(7 * 4, rel=0.15)
    assert found.dip_lu == pytest.approx(10, abs=0.5)
    assert (found.pile, found.lost, found.clash, found.silent) == (0, 0, 0, 0)


def test_a_hole_counts_20_lu_and_12_s_at_most():
    found = score(song(), song(before=[(30, -60)]), body_start_s=JOIN_S + 30)
    assert found.hole <= 20 * 13.1
    assert found.parts["hole"] == 6


def test_a_pile():
    both_db = 10 * np.log10(2)  # two songs together
    lifted = within(JOIN_S - 3, JOIN_S, 4 - both_db)
    found = score(song(), song(), body_start_s=JOIN_S - 3, mix_db=lifted)
    assert found.pile == pytest.approx(3 * 3, rel=0.15)
    assert found.parts["pile"] == pytest.approx(1.5, abs=0.3)


def test_a_clash():
    found = score(song(), song(), body_start_s=JOIN_S - 5)
    assert found.clash == pytest.approx(5, abs=0.5)
    assert found.parts["clash"] == pytest.approx(1, abs=0.15)
    assert found.bass == 0


def test_an_ordinary_crossfade_is_no_clash():
    assert score(song(), song(), body_start_s=JOIN_S - 2).parts["clash"] < 0.2


def test_two_basses():
    found = score(song(bass_db=-6), song(bass_db=-6), body_start_s=JOIN_S - 5)
    assert found.bass == pytest.approx(5, abs=0.5)


def test_a_cut_ending_is_lost():
    found = score(song(), song(), cut_a_s=JOIN_S - 3, body_start_s=JOIN_S - 3)
    assert found.lost == pytest.approx(3, abs=0.2)
    assert found.clash < 0.5


def test_a_cut_beginning_is_lost():
    found = score(song(), song(), cut_b_s=JOIN_S, body_start_s=JOIN_S - 3)
    assert found.lost == pytest.approx(3, abs=0.2)


def test_an_ending_under_a_loud_song_is_lost():
    found = score(song((6, -32)), song(), body_start_s=JOIN_S)
    assert found.lost == pytest.approx(6 * (30 - 18) / 20, abs=0.6)


def test_silence():
    found = score(song(), song(), body_start_s=JOIN_S + 2)
    assert found.silent == pytest.approx(2, abs=0.5)
    assert found.points > 5


def test_a_sudden_change():
    found = score(song(body_db=-14), song(body_db=-34))
    assert found.jump > 2


def test_each_part_has_a_limit():
    worst = JoinPoints(500, 500, 500, 500, 500, 500, 500, 0)
    assert worst.points == 7 * 6


def test_features_of_a_sine():
    times = np.arange(2 * 48_000) / 48_000
    sine = np.repeat(0.1 * np.sin(2 * np.pi * 997 * times)[:, None], 2, axis=1).astype(np.float32)
    features = measure_features(sine, 48_000)[5:-5]
    assert to_db(features[:, 0]) - 0.691 == pytest.approx(-20, abs=0.05)
    assert to_db(features[:, 1:].sum(axis=1)) == pytest.approx(-20, abs=0.05)


def noise(seed, seconds, level=0.1):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((round(seconds * RATE), 2))).astype(np.float32)


def test_gains_are_measured():
    a, b = noise(1, 10), noise(2, 10)
    times = np.arange(len(a)) / RATE
    gain_a, gain_b = np.clip((8 - times) / 6, 0, 1), np.where(times < 5, 0.0, 1.2)
    mix = (a * gain_a[:, None] + b * gain_b[:, None]).astype(np.float32)
    found_a, found_b = measure_gains(mix, a, b, RATE)
    hops = slice(4, -4)
    middle_s = (np.arange(100) + 0.5) / 10
    assert found_a[hops] == pytest.approx(np.clip((8 - middle_s) / 6, 0, 1)[hops] ** 2, abs=0.06)
    assert np.all(found_b[4:45] < 0.02)
    assert found_b[55:-4] == pytest.approx(1.44, abs=0.06)


def test_sound_and_power_curves_agree():
    a, b, overlap = noise(3, 40), noise(4, 40), 4 * RATE
    angle = np.linspace(0, np.pi / 2, overlap)[:, None]
    mix = np.concatenate(
        (
            a[:-overlap],
            a[-overlap:] * np.cos(angle) + b[:overlap] * np.sin(angle),
            b[overlap:],
        )
    ).astype(np.float32)
    first_b = len(a) - overlap
    on_line = [np.pad(x, ((first, len(mix) - first - len(x)), (0, 0))) for x, first in ((a, 0), (b, first_b))]
    measured = measure_placement(mix, (on_line[0], on_line[1]), RATE, 0, 360)
    songs = Song(measure_features(a, RATE)), Song(measure_features(b, RATE))
    seconds = (np.arange(len(measured.gain_a)) + 0.5) / 10
    share = np.clip((seconds - 36) / 4, 0, 1) * np.pi / 2
    predicted = Placement(0, 360, np.cos(share) ** 2 * (seconds < 40), np.sin(share) ** 2)
    from_curves = score_join(*songs, predicted)
    from_sound = score_join(*songs, measured, measure_features(mix, RATE))
    assert from_sound.points == pytest.approx(from_curves.points, abs=0.15)
    assert from_sound.clash == pytest.approx(from_curves.clash, abs=0.3)


def test_bass_has_gains_of_its_own():
    steps = np.repeat([1.0, 0.0], 15 * 10)
    times = (np.arange(30 * RATE) + 0.5) / RATE
    tones = [np.sin(2 * np.pi * hertz * times) for hertz in (60, 1000, 75, 1300)]
    a, b = (
        np.repeat(0.1 * (low + high)[:, None], 2, axis=1).astype(np.float32)
        for low, high in (tones[:2], tones[2:])
    )
    early = times < 15
    mix = 0.1 * (tones[0] * early + tones[1] + tones[2] * ~early + tones[3])
    found = measure_placement(np.repeat(mix[:, None], 2, axis=1).astype(np.float32), (a, b), RATE, 0, 0)
    assert found.gain_a[5:-5] == pytest.approx(1, abs=0.05)
    away_from_ends = np.r_[5:145, 155:295]
    assert found.bass_gain_a[away_from_ends] == pytest.approx(steps[away_from_ends], abs=0.1)
    assert found.bass_gain_b[away_from_ends] == pytest.approx(1 - steps[away_from_ends], abs=0.1)
