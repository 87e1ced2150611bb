"""Five short songs in the five most common formats, each with another pitch."""

from pathlib import Path

import numpy as np

from mixes.engine.tests.signals import RATE, pink_noise, sine, write_audio

SECONDS = 24.0
SONGS = {
    "01 Amber Field - Early Light.mp3": ("-b:a", "192k"),
    "02 Amber Field - Slow Water.flac": (),
    "03 Amber Field - Tin Roof.m4a": ("-c:a", "aac", "-b:a", "192k"),
    "04 Amber Field - Long Shadows.wav": (),
    "05 Amber Field - Last Bus.ogg": ("-c:a", "libvorbis", "-q:a", "5"),
}
TITLES = [name.split(" - ")[1].rsplit(".", 1)[0] for name in SONGS]


def write_songs(folder: Path, seconds: float = SECONDS) -> list[Path]:
    """Write a swelling tone over soft noise for each; return the files in order."""
    return [
        write_audio(folder / name, make_song(220.0 * 2 ** (number / 5), seconds), RATE, *options)
        for number, (name, options) in enumerate(SONGS.items())
    ]


def make_song(pitch_hz: float, seconds: float):
    swell = np.linspace(0.4, 1.0, round(seconds * RATE))[:, None]
    return sine(pitch_hz, seconds, level_db=-9.0) * swell + pink_noise(seconds, level_db=-26.0)
