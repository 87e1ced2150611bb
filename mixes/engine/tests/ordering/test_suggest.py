"""A suggested order: as good as the best one where that can be found, locks kept, always the same."""

import random
from itertools import pairwise, permutations

import numpy as np
import pytest

from mixes.engine.ordering.arcs import ARCS, place_energies, song_energies
from mixes.engine.ordering.exact import MOST_EXACT, best_order
from mixes.engine.ordering.fit import OrderSong, join_fit
from mixes.engine.ordering.local_search import Work, _move_at, improve
from mixes.engine.ordering.move_gains import IMPOSSIBLE, GainTable
from mixes.engine.ordering.problem import Locks, Problem, build_problem
from mixes.engine.ordering.suggest import search, suggest_order
from mixes.engine.tests.ordering.libraries import make_songs

LOCKS = [
    Locks(),
    Locks(first=True),
    Locks(last=True),
    Locks(first=True, last=True, pairs=frozenset({1, 2})),
    Locks(pairs=frozenset({0})),
]


def keeps(order, locks):
    """Tell whether an order keeps what is locked of 0, 1, 2, ..."""
    followers = dict(pairwise(order))
    pairs = all(followers.get(place) == place + 1 for place in locks.pairs)
    first = not locks.first or order[0] == 0
    return pairs and first and (not locks.last or order[-1] == len(order) - 1)


def total(songs, order):
    return sum(round(10_000 * join_fit(songs[a], songs[b]).score) for a, b in pairwise(order))


@pytest.mark.parametrize("locks", LOCKS)
@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_a_few_songs_is_better(seed, locks):
    songs = make_songs(6, seed)
    order = suggest_order(songs, locks)
    assert keeps(order, locks)
    allowed = [other for other in permutations(range(6)) if keeps(other, locks)]
    assert total(songs, order) == max(total(songs, other) for other in allowed)


@pytest.mark.parametrize("arc", ARCS)
@pytest.mark.parametrize("locks", LOCKS)
def test_no_order_with_an_arc_is_better(locks, arc):
    problem = build_problem(make_songs(6, 5), locks, arc)
    runs = range(len(problem.runs))
    best = problem.score(best_order(problem))
    assert best == max(problem.score(np.array(order)) for order in permutations(runs))


@pytest.mark.parametrize("arc", [None, "wave"])
@pytest.mark.parametrize("seed", range(3))
def test_the_search_of_many_finds_the_best_of_a_few(seed, arc):
    problem = build_problem(make_songs(9, seed), Locks(), arc)
    found = problem.score(search(problem, most_work=4_000_000))
    assert found == problem.score(best_order(problem))


@pytest.mark.parametrize("has_places", [False, True])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_the_table_tells_what_each_move_gains(count, has_places):
    chance = np.random.default_rng(count)

    def scores(*shape):
        return chance.integers(-99, 99, shape)

    places = scores(count, count) if has_places else None
    runs = tuple((place,) for place in range(count))
    problem = Problem(runs, scores(count, count), scores(count), scores(count), places)
    order = chance.permutation(count)
    gains = GainTable(problem).gains(order)
    possible = np.flatnonzero(gains > IMPOSSIBLE)
    for index in possible.tolist():
        changed = _move_at(index, count).apply(order)
        assert sorted(changed) == list(range(count))
        assert problem.score(changed) - problem.score(order) == gains.flat[index]
    assert possible.size == {2: 3, 3: 11, 4: 26, 7: 113}[count]


@pytest.mark.parametrize("arc", [None, "rising"])
@pytest.mark.parametrize("seed", range(4))
def test_many_songs_keep_their_locks_and_fit_better(seed, arc):
    songs = make_songs(40, seed)
    pairs = frozenset(random.Random(seed).sample(range(39), 9))
    locks = Locks(first=seed % 2 == 0, last=seed > 1, pairs=pairs)
    order = suggest_order(songs, locks, arc)
    assert sorted(order) == list(range(40))
    assert keeps(order, locks)
    assert order == suggest_order(songs, locks, arc)
    if arc is None:
        assert total(songs, order) > total(songs, range(40))


def test_a_search_that_ran_out_of_work_still_returns_an_order():
    problem = build_problem(make_songs(20, 1), Locks(), None)
    start = np.arange(20)
    once = improve(problem, start, Work(most=1))
    assert sorted(once) == list(range(20))
    assert problem.score(once) > problem.score(start)
    assert improve(problem, start, Work(most=0)) is start


def test_an_artist_is_kept_apart():
    songs = [OrderSong("Ada"), OrderSong("Ada"), OrderSong("Bo"), OrderSong("Bo"), OrderSong("Cy")]
    artists = [songs[place].artist for place in suggest_order(songs)]
    assert all(a != b for a, b in pairwise(artists))


@pytest.mark.parametrize("count", [0, 1, 5, MOST_EXACT + 1])
def test_songs_that_nothing_is_known_of_stay_as_they_are(count):
    assert suggest_order([OrderSong()] * count) == tuple(range(count))


def test_songs_that_are_all_locked_stay_as_they_are():
    assert suggest_order(make_songs(4, 0), Locks(pairs=frozenset(range(3)))) == (0, 1, 2, 3)


@pytest.mark.parametrize("count", [10, 30])
def test_an_arc_rises_falls_or_goes_in_waves(count):
    songs = [OrderSong(loudness_lufs=-20.0 + (7 * place % count)) for place in range(count)]
    energies = song_energies(songs)
    rising = energies[list(suggest_order(songs, arc="rising"))]
    assert rising.tolist() == sorted(energies)
    assert energies[list(suggest_order(songs, arc="falling"))].tolist() == sorted(energies, reverse=True)
    wave = energies[list(suggest_order(songs, arc="wave"))]
    assert np.abs(wave - place_energies("wave", count)).mean() < 0.1


def test_a_song_of_unknown_energy_is_in_the_middle():
    songs = [OrderSong(loudness_lufs=-10, tempo=120), OrderSong(), OrderSong(loudness_lufs=-14, tempo=100)]
    assert song_energies(songs).tolist() == [1.0, 0.5, 0.0]
