"""Tracks with known beats, bars and voices, for tests of joins beat on beat."""

from dataclasses import replace

import numpy as np

from mixes.engine.music.measured import Rhythm, Sections, TrustParts, Voices
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track

SURE = TrustParts(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def make_rhythm(
    tempo,
    seconds,
    *,
    rate=44_100,
    first_s=0.0,
    meter=4,
    first_downbeat=0,
    trust=0.9,
    bar_trust=0.9,
    bend_s=0.0,
):
    """Return a rhythm with its first beat at `first_s`, and its middle beat `bend_s` off the line."""
    count = int((seconds - first_s) * tempo / 60) + 1
    times = first_s + np.arange(count) * 60 / tempo
    times += bend_s * np.sin(np.arange(count) * np.pi / max(1, count - 1))
    beats = tuple(np.round(times * rate).astype(int).tolist())
    return Rhythm(tempo, meter, beats, first_downbeat, bend_s == 0.0, trust, bar_trust, SURE)


def make_voices(seconds, *runs):
    """Return voices that are sure in these (start, end) seconds and nowhere else."""
    likelihood = np.zeros(round(seconds * 10), np.uint8)
    for start_s, end_s in runs:
        likelihood[round(start_s * 10) : round(end_s * 10)] = 250
    return Voices(likelihood.tobytes())


def make_song(
    title, tempo, *, seconds=120.0, voices=(), phrases=None, rhythm=None, rate=44_100, cues=None, **beats
):
    """Return a track of a tempo; without phrases its sections are not known. No voice is `voices=()`."""
    track = make_track(seconds, rate=rate, tags=Tags(title), **(cues or {}))
    sections = None
    if phrases is not None:
        sections = Sections(tuple(phrases), (), (1.0,) * int(seconds * tempo / 240 + 1))
    return replace(
        track,
        rhythm=rhythm or make_rhythm(tempo, seconds, rate=rate, **beats),
        voices=None if voices is None else make_voices(seconds, *voices),
        sections=sections,
    )
