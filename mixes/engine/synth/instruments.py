"""Synthesised instruments for the generated songs: each function returns one note.

In: a MIDI note and a rate in Hz. Out: float32 samples of shape (frames,), with a peak near 1.0.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Mono = NDArray[np.float32]  # shape (frames,)
Stereo = NDArray[np.float32]  # shape (frames, 2)

ATTACK_S = 0.005  # of a struck note: shorter attacks click
RELEASE_S = 1.2  # of a pad, after its bar
ROOM_S = 1.3  # length of the impulse response
ROOM_GAIN = 0.0028  # at 44.1 kHz: about 12 dB below the instruments
WAVETABLE_POINTS = 16_384  # points a period: reading the nearest point has an error of -80 dB


def _times(seconds: float, rate: int) -> NDArray[np.float64]:
    return np.arange(round(seconds * rate)) / rate


def _hertz(midi: float) -> float:
    return float(440.0 * 2 ** ((midi - 69) / 12))


@lru_cache(maxsize=32)
def pad(midi: int, cents: int, bar_frames: int, rate: int) -> Mono:
    """Return a held note with a slow attack, detuned by `cents`; it lasts RELEASE_S longer than its bar."""
    frequency = _hertz(midi + cents / 100)
    frames = bar_frames + round(RELEASE_S * rate)
    phase = np.arange(frames) * (frequency * WAVETABLE_POINTS / rate)
    tone = _soft_wave()[phase.astype(np.int64) % WAVETABLE_POINTS]
    seconds = np.arange(frames) / rate
    envelope = np.minimum(1.0, seconds / 0.35) * np.clip((frames / rate - seconds) / RELEASE_S, 0.0, 1.0)
    return (tone * np.sin(np.pi / 2 * envelope)).astype(np.float32)


@lru_cache(maxsize=1)
def _soft_wave() -> NDArray[np.float64]:
    """Return one period of six quickly falling harmonics: a warm sound, nothing above 5 kHz that aliases."""
    phase = 2 * np.pi * np.arange(WAVETABLE_POINTS) / WAVETABLE_POINTS
    wave: NDArray[np.float64] = np.sum([np.sin(k * phase) / k**1.7 for k in range(1, 7)], axis=0)
    return wave


@lru_cache(maxsize=64)
def bell(midi: int, rate: int, *, decay_s: float = 0.55) -> Mono:
    """Return an electric piano note: a sine, phase-modulated by another sine with a faster decay."""
    t = _times(3.4 * decay_s, rate)
    turn = 2 * np.pi * _hertz(midi) * t
    tone = np.sin(turn + 1.4 * np.exp(-t / 0.25) * np.sin(2 * turn)) * np.exp(-t / decay_s)
    return _with_edges(tone, rate)


@lru_cache(maxsize=64)
def pluck(midi: int, rate: int) -> Mono:
    """Return a short, soft plucked string."""
    t = _times(0.9, rate)
    turn = 2 * np.pi * _hertz(midi) * t
    return _with_edges((np.sin(turn) + 0.3 * np.sin(3 * turn) * np.exp(-t / 0.05)) * np.exp(-t / 0.22), rate)


@lru_cache(maxsize=64)
def bass_note(midi: int, rate: int) -> Mono:
    """Return a plucked bass, with a second harmonic that small loudspeakers can play."""
    t = _times(1.0, rate)
    turn = 2 * np.pi * _hertz(midi) * t
    return _with_edges((np.sin(turn) + 0.35 * np.sin(2 * turn)) * np.exp(-t / 0.4), rate)


@lru_cache(maxsize=4)
def kick(rate: int) -> Mono:
    """Return a kick drum: a sine that falls from 120 to 48 Hz."""
    t = _times(0.35, rate)
    cycles = 48 * t + (120 - 48) * 0.03 * (1 - np.exp(-t / 0.03))
    return _with_edges(np.sin(2 * np.pi * cycles) * np.exp(-t / 0.12), rate)


@lru_cache(maxsize=4)
def brush(rate: int) -> Mono:
    """Return a brushed snare drum."""
    t = _times(0.25, rate)
    noise = _noise(len(t), 1_200, 7_000, rate, seed=1)
    return _with_edges(noise * np.exp(-t / 0.06), rate, attack_s=0.008)


@lru_cache(maxsize=4)
def hat(rate: int) -> Mono:
    """Return a closed hi-hat."""
    t = _times(0.08, rate)
    return _with_edges(_noise(len(t), 6_000, 14_000, rate, seed=2) * np.exp(-t / 0.02), rate)


def _noise(frames: int, low_hz: float, high_hz: float, rate: int, *, seed: int) -> NDArray[np.float64]:
    """Return band-limited noise with an RMS of 1, shape (frames,)."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    frequency = np.fft.rfftfreq(frames, 1 / rate)
    spectrum[(frequency < low_hz) | (frequency > high_hz)] = 0
    noise: NDArray[np.float64] = np.fft.irfft(spectrum, frames)
    return noise / max(1e-9, float(np.sqrt(np.mean(noise**2))))


def _with_edges(sound: NDArray[np.float64], rate: int, *, attack_s: float = ATTACK_S) -> Mono:
    """Return the sound with a short fade at both ends, so that it does not click."""
    attack, release = round(attack_s * rate), round(0.03 * rate)
    sound[:attack] *= np.linspace(0, 1, attack)
    sound[-release:] *= np.linspace(1, 0, release)
    return sound.astype(np.float32)


def reverb(seed: int, rate: int) -> Stereo:
    """Return the impulse response of a room, shape (frames, 2): decaying noise without lows and highs."""
    t = _times(ROOM_S, rate)
    sides = [_noise(len(t), 250, 6_000, rate, seed=seed + side) for side in (1, 2)]
    decay = np.exp(-t / (ROOM_S / 5)) * np.minimum(1.0, t / 0.015)
    gain = ROOM_GAIN * 44_100 / rate  # a convolution sums more samples at a higher rate
    response: Stereo = (gain * decay[:, None] * np.stack(sides, axis=1)).astype(np.float32)
    return response
