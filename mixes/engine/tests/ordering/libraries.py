"""Songs of every kind for tests of orders, the same for the same seed."""

import random

from mixes.engine.ordering.fit import OrderSong


def make_songs(count, seed):
    """Return songs with tempos, keys, loudnesses and artists; some of each are not known."""
    chance = random.Random(seed)
    return [make_song(chance, artists=max(3, count // 3)) for _ in range(count)]


def make_song(chance, artists):
    tempo = chance.gauss(124, 6) if chance.random() < 0.6 else chance.uniform(70, 175)
    return OrderSong(
        artist=f"Artist {chance.randrange(artists)}" if chance.random() < 0.9 else "",
        tempo=tempo if chance.random() < 0.85 else None,
        key=chance.randrange(24) if chance.random() < 0.9 else None,
        key_trust=chance.random(),
        tuning_cents=chance.uniform(-50, 50),
        head=round(chance.random(), 2),
        tail=round(chance.random(), 2),
        loudness_lufs=chance.uniform(-20, -6),
    )
