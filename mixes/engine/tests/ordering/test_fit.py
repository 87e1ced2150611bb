"""How well one song follows another, in numbers and in words."""

import pytest

from mixes.engine.ordering.fit import OrderSong, fifths, join_fit, key_fit, tempo_fit
from mixes.engine.ordering.reasons import NOTHING_KNOWN, join_reason

C, G, D, E, F_SHARP, A_MINOR, E_MINOR = 0, 7, 2, 4, 6, 21, 16


@pytest.mark.parametrize(
    ("before", "after", "fit"),
    [
        (124, 124, 1.0),
        (100, 108, 0.0),
        (100, 104, 0.5),
        (100, 116, -0.5),
        (90, 128, -1.0),
        (64, 128, 0.85),
        (128, 64, 0.85),
        (None, 128, 0.0),
        (128, None, 0.0),
    ],
)
def test_tempos_fit_within_a_few_percent_or_doubled(before, after, fit):
    assert tempo_fit(before, after) == pytest.approx(fit)


@pytest.mark.parametrize(
    ("before", "after", "fit"),
    [
        (C, C, 1.0),
        (C, G, 0.85),
        (C, A_MINOR, 0.85),
        (C, D, 0.2),
        (C, E_MINOR, 0.2),
        (C, E, -0.6),
        (C, F_SHARP, -0.6),
        (None, C, 0.0),
    ],
)
def test_keys_fit_by_their_distance_on_the_circle(before, after, fit):
    assert key_fit(OrderSong(key=before), OrderSong(key=after)) == pytest.approx(fit)


def test_the_circle_goes_in_fifths_and_relative_keys_share_a_place():
    assert [fifths(key) for key in (C, G, D)] == [0, 1, 2]
    assert fifths(A_MINOR) == fifths(C)
    assert fifths(E_MINOR) == fifths(G)


def test_an_uncertain_or_detuned_key_says_little():
    sure = OrderSong(key=C, tuning_cents=0.0)
    assert key_fit(sure, OrderSong(key=C, key_trust=0.4)) == pytest.approx(0.4)
    assert key_fit(sure, OrderSong(key=C, tuning_cents=31.0)) == 0.0
    assert key_fit(OrderSong(key=C, tuning_cents=-45.0), OrderSong(key=C, tuning_cents=45.0)) == 1.0


def test_a_join_weighs_all_parts_and_counts_an_artist_twice_in_a_row():
    song = OrderSong("Ada", tempo=124, key=C, head=0.8, tail=0.8)
    assert join_fit(song, song).score == pytest.approx(0.0)
    assert join_fit(song, OrderSong("Bo", tempo=124, key=C, head=0.8)).score == pytest.approx(1.0)
    assert join_fit(song, OrderSong("ADA")).score == pytest.approx(-1.0)
    assert join_fit(OrderSong(tail=1.0), OrderSong(head=0.0)).score == pytest.approx(-0.25)
    assert join_fit(OrderSong(), OrderSong()).score == 0.0


def test_reasons_are_words():
    house = OrderSong("Ada", tempo=124.2, key=A_MINOR, head=0.8, tail=0.8)
    assert (
        join_reason(house, OrderSong("Bo", tempo=126, key=E_MINOR, head=0.75))
        == "124 to 126 BPM, 8A to 9A, as loud as before"
    )
    assert (
        join_reason(house, OrderSong(tempo=90, key=E, head=0.3))
        == "tempos do not fit (124, 90), keys do not fit (8A, 12B), much quieter than before"
    )
    assert join_reason(house, OrderSong(tempo=62)) == "124 to 62 BPM, half the tempo"
    assert join_reason(OrderSong(tempo=62), OrderSong(tempo=124)) == "62 to 124 BPM, double the tempo"
    assert join_reason(house, OrderSong("ada", tempo=124)) == "both 124 BPM, the same artist twice in a row"
    assert join_reason(OrderSong(tail=0.5), OrderSong(head=0.7)) == "louder than before"
    assert join_reason(OrderSong(), OrderSong()) == NOTHING_KNOWN
