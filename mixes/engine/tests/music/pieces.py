"""Sounds with a known beat, chord or voice, and their measurements, for tests of the music room."""

import numpy as np

from mixes.engine.music.meter import MusicMeter
from mixes.engine.synth import drums

RATE = 22_050
BLOCK = 5_000


def measure(sound, rate=RATE):
    """Return the music of mono sound, shape (n,), pushed in blocks."""
    meter = MusicMeter(rate)
    stereo = np.repeat(sound.astype(np.float32)[:, None], 2, axis=1)
    for start in range(0, len(stereo), BLOCK):
        meter.push(stereo[start : start + BLOCK])
    return meter.measure()


def place(seconds, hits, rate=RATE):
    """Return silence with sounds at times in seconds: `hits` are pairs of time and sound."""
    sound = np.zeros(round(seconds * rate))
    for at_s, hit in hits:
        first = round(at_s * rate)
        part = hit[: max(0, len(sound) - first)]
        sound[first : first + len(part)] += part
    return sound


def beat_times(seconds, tempo, first_s=0.3):
    return np.arange(first_s, seconds - 0.2, 60 / tempo)


def drum_track(seconds, tempo, *, meter=4, first_s=0.3, swing=0.5):
    """Return kick and snare in turn, hats on eighths and a chord a bar; and the times of the beats."""
    beats = beat_times(seconds, tempo, first_s)
    kick, snare, hat = 0.9 * drums.kick(RATE), 0.5 * drums.snare(RATE), 0.15 * drums.hat(RATE)
    hits = []
    for number, at_s in enumerate(beats):
        place_in_bar = number % meter
        hits.append((at_s, kick if place_in_bar in (0, 2) and (meter == 4 or place_in_bar == 0) else snare))
        hits += [(at_s, hat), (at_s + swing * 60 / tempo, hat)]
        if place_in_bar == 0:
            degree = (0, 5, 7, 3)[number // meter % 4]
            bass = drums.tone(36 + degree, 1.2, RATE, 1.6, 0.3, 0.01)
            hits.append((at_s, 0.3 * bass))
            hits += [
                (at_s, 0.15 * drums.tone(60 + degree + third, 1.2, RATE, 1.4, 0.4)) for third in (0, 3, 7)
            ]
    return place(seconds, hits), beats
