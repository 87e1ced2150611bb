"""Synthesised drums and voices for pieces with a known beat: each function returns one sound.

In: a rate in Hz and a few numbers that make kits differ. Out: float32 samples of shape (frames,), with a peak
near 1.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mixes.engine.synth.instruments import Mono

VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480), (300, 870, 2240))
FORMANT_WIDTHS = (80.0, 110.0, 160.0)  # Hz


def _times(seconds: float, rate: int) -> NDArray[np.float64]:
    return np.arange(round(seconds * rate)) / rate


def _scaled(sound: NDArray[np.float64]) -> Mono:
    release = min(len(sound), 200)
    sound[-release:] *= np.linspace(1, 0, release)
    scaled: Mono = (sound / (np.abs(sound).max() + 1e-9)).astype(np.float32)
    return scaled


def noise(frames: int, low_hz: float, high_hz: float, rate: int, seed: int) -> NDArray[np.float64]:
    """Return noise between two frequencies with an RMS of 1, shape (frames,)."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    hertz = np.fft.rfftfreq(frames, 1 / rate)
    spectrum[(hertz < low_hz) | (hertz > high_hz)] = 0
    sound = np.fft.irfft(spectrum, frames)
    scaled: NDArray[np.float64] = sound / (sound.std() + 1e-9)
    return scaled


@lru_cache(maxsize=64)
def kick(rate: int, hertz: float = 50.0, decay_s: float = 0.12, click: float = 0.2) -> Mono:
    """Return a kick: a sine that falls to `hertz`, with a click in front."""
    t = _times(decay_s * 4, rate)
    tone = np.sin(2 * np.pi * (hertz * t + 3.0 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / decay_s)
    return _scaled(tone + click * noise(len(t), 1_000, 8_000, rate, 3) * np.exp(-t / 0.004))


@lru_cache(maxsize=64)
def snare(rate: int, hertz: float = 190.0, decay_s: float = 0.09, tone: float = 0.6) -> Mono:
    """Return a snare: noise over a short drum; a clap with little `tone`."""
    t = _times(decay_s * 5, rate)
    body = tone * np.sin(2 * np.pi * hertz * t) * np.exp(-t / 0.05)
    return _scaled(body + 0.6 * noise(len(t), 700, 9_000, rate, 4) * np.exp(-t / decay_s))


@lru_cache(maxsize=64)
def hat(rate: int, decay_s: float = 0.03, low_hz: float = 5_000.0) -> Mono:
    """Return a hi-hat, or a ride or cymbal where it decays slowly."""
    t = _times(min(1.5, decay_s * 6), rate)
    return _scaled(noise(len(t), low_hz, 15_000, rate, 5) * np.exp(-t / decay_s))


@lru_cache(maxsize=256)
def tone(
    midi: float, seconds: float, rate: int, bright: float = 1.5, decay_s: float = 0.4, attack_s: float = 0.004
) -> Mono:
    """Return a plucked note with eight partials; `bright` is how fast they fall."""
    t = _times(seconds, rate)
    turn = 2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * t
    sound = np.sum(
        [np.sin(k * turn) * np.exp(-t / decay_s * (1 + 0.2 * k)) / k**bright for k in range(1, 9)], axis=0
    )
    return _scaled(sound * np.minimum(1, t / attack_s))


@lru_cache(maxsize=256)
def held(midi: float, seconds: float, rate: int, attack_s: float = 0.4) -> Mono:
    """Return a held note of six partials with a slow attack and a slow end."""
    t = _times(seconds, rate)
    turn = 2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * t
    sound = np.sum([np.sin(k * turn + k) / k**1.7 for k in range(1, 7)], axis=0)
    return _scaled(sound * np.minimum(1, t / attack_s) * np.minimum(1, (seconds - t) / attack_s))


def speech(seconds: float, rate: int, seed: int) -> tuple[Mono, list[tuple[float, float]]]:
    """Return something like speech, and start and end in seconds of each of its phrases.

    Syllables of gliding vowels and short consonants, five a second, with pauses of a breath.
    """
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    voiced, hissed = np.zeros(frames), np.zeros(frames)
    pitch = np.zeros(frames)
    formants = np.full((3, frames), 500.0)
    phrases, at = [], 0.3
    base = float(rng.uniform(95, 210))
    while at < seconds - 1.5:
        start, syllables = at, int(rng.integers(4, 12))
        for number in range(syllables):
            length = float(rng.uniform(0.13, 0.26))
            first, last = round(at * rate), min(frames, round((at + length) * rate))
            x = np.linspace(0, 1, last - first)
            one, two = VOWELS[int(rng.integers(5))], VOWELS[int(rng.integers(5))]
            for k in range(3):
                formants[k, first:last] = one[k] + (two[k] - one[k]) * x
            pitch[first:last] = base * (1.15 - 0.3 * number / syllables + 0.06 * np.sin(np.pi * x))
            voiced[first:last] = np.sin(np.pi * x) ** 0.5 * rng.uniform(0.6, 1.0)
            if rng.random() < 0.6:
                hiss = round(0.06 * rate)
                hissed[max(0, first - hiss // 2) : first + hiss // 2] = rng.uniform(0.1, 0.4)
            at += length + 0.01
            if at > seconds - 0.5:
                break
        phrases.append((start, at))
        at += float(rng.uniform(0.5, 1.4))
    pitch = np.where(pitch > 0, pitch, base) * (1 + 0.01 * np.sin(2 * np.pi * 5.1 * np.arange(frames) / rate))
    sound = _spoken(pitch, formants, voiced, rate)
    sound += hissed * noise(frames, 3_000, 7_500, rate, seed) * 0.3 * sound.std()
    return _scaled(sound), phrases


def _spoken(
    pitch: NDArray[np.float64], formants: NDArray[np.float64], level: NDArray[np.float64], rate: int
) -> NDArray[np.float64]:
    """Return harmonics of `pitch`, each as loud as three resonances make it."""
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    sound = np.zeros(len(pitch))
    for k in range(1, 36):
        hertz = k * pitch
        gain = np.zeros(len(pitch))
        for formant, width, weight in zip(formants, FORMANT_WIDTHS, (1.0, 0.6, 0.3), strict=True):
            gain += weight / (1 + ((hertz - formant) / width) ** 2)
        sound += np.sin(k * phase) * gain / k**0.3 * (hertz < 5_000)
    return sound * level
