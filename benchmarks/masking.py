"""Noise-to-mask ratio of encoders: how far their noise is below what the ear hears beside the music.

In: sound before and after an encoder, aligned. Out: `Masked`. A short form of the FFT ear model of
ITU-R BS.1387 (PEAQ): quarter-Bark bands, outer and middle ear, spreading at one level of sound, masking
offset, forward masking. Lower is better; single frames above the mask are heard first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import measure
from benchmarks.exact import lag
from benchmarks.music import Samples, read
from benchmarks.ours import Bench
from benchmarks.report import Row
from mixes.engine.codecs import mp3

FRAME, HOP = 2048, 1024
RATE = 44_100
LOWEST_HZ, HIGHEST_HZ = 80.0, 18_000.0
BANDS_PER_BARK = 4
FULL_SCALE_DB = 92.0  # sound pressure of a full-scale sine
USUAL_LEVEL_DB = 60.0  # of a band, for the slope of spreading towards higher bands
LOWER_SLOPE_DB = 27.0  # per Bark, towards lower bands
MIN_DECAY_S, DECAY_100HZ_S = 0.008, 0.03  # of forward masking
OVER_DB = 1.5  # a band above the mask by more: the frame counts as heard
SILENT_DB = -70.0  # frames below this under full scale are not judged
PIECE_S = 12.0
PIECES = 16
SETTINGS = {  # of LAME at 320 kbit/s; with others beside them for comparison
    "320 kbit/s, default": ("-b:a", "320k"),
    "320 kbit/s, quality 5": ("-b:a", "320k", "-compression_level", "5"),
    "320 kbit/s, quality 7": ("-b:a", "320k", "-compression_level", "7"),
    "256 kbit/s, default": ("-b:a", "256k"),
    "256 kbit/s, quality 7": ("-b:a", "256k", "-compression_level", "7"),
    "192 kbit/s, default": ("-b:a", "192k"),
    "192 kbit/s, quality 7": ("-b:a", "192k", "-compression_level", "7"),
}

Power = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Masked:
    """One encoder's noise over all pieces."""

    nmr_db: float  # mean over frames of the mean over bands
    heard: float  # share of frames with a band OVER_DB above the mask
    snr_db: float
    cpu_s: float


def encoders(bench: Bench) -> Iterator[Row]:
    """Compare LAME's qualities: noise to mask, and CPU time."""
    pieces = [*real_pieces(bench), *critical_pieces()]
    default = judge(bench, pieces, SETTINGS["320 kbit/s, default"])
    for name, options in SETTINGS.items():
        found = judge(bench, pieces, options)
        yield Row(
            f"LAME {name}",
            "for comparison",
            f"{found.nmr_db:.1f} dB, {100 * found.heard:.2f} % of frames over, {found.snr_db:.1f} dB SNR",
            f"{found.cpu_s / default.cpu_s:.2f} of the CPU time of 320 kbit/s by default",
            note=f"{len(pieces)} pieces of {PIECE_S:g} s; lower is better."
            if name == next(iter(SETTINGS))
            else "",
        )


def real_pieces(bench: Bench) -> list[Samples]:
    """Return a piece from the middle of evenly chosen files."""
    files = bench.music.files[:: max(1, len(bench.music.files) // PIECES)][:PIECES]
    pieces = [read(bench.ffmpeg, path, RATE, from_s=45.0, seconds=PIECE_S) for path in files]
    return [piece for piece in pieces if len(piece) >= RATE * PIECE_S * 0.9]


def critical_pieces() -> list[Samples]:
    """Return sounds that encoders fail at: dry strokes, a chime, a plucked harpsichord, applause."""
    rng = np.random.default_rng(440)
    times = np.arange(round(RATE * PIECE_S)) / RATE
    strokes = np.zeros_like(times)
    for at in np.arange(0.3, PIECE_S - 0.2, 0.23):
        strokes += (times >= at) * rng.normal(size=len(times)) * np.exp(-np.maximum(times - at, 0) / 0.006)
    chime, harpsichord = np.zeros_like(times), np.zeros_like(times)
    for number, at in enumerate(np.arange(0.2, PIECE_S - 1, 0.5)):
        gone = np.maximum(times - at, 0)
        tone = 1_568 * 2 ** ((number * 5 % 12) / 12)
        for part, level in ((1.0, 1.0), (2.76, 0.5), (5.4, 0.25)):
            chime += (times >= at) * level * np.sin(2 * np.pi * tone * part * gone) * np.exp(-gone / 0.5)
        low = 196 * 2 ** ((number * 7 % 24) / 12)
        for part in range(1, 40):
            harpsichord += (
                (times >= at) * np.sin(2 * np.pi * low * part * gone) * np.exp(-gone * part / 3) / part**0.7
            )
    claps = np.zeros_like(times)
    for at in rng.uniform(0, PIECE_S - 0.1, 900):
        first = round(at * RATE)
        claps[first : first + 700] += (
            rng.normal(size=700) * np.exp(-np.arange(700) / 120) * rng.uniform(0.2, 1)
        )
    mono = [strokes, chime, harpsichord, claps]
    return [
        np.repeat(0.5 * sound[:, None] / np.abs(sound).max(), 2, axis=1).astype(np.float32) for sound in mono
    ]


def judge(bench: Bench, pieces: list[Samples], options: tuple[str, ...]) -> Masked:
    """Encode all pieces with these options and return what the ear would hear of the noise."""
    ratios, heard, signal, noise, cpu_s = [], [], 0.0, 0.0, 0.0
    raw, out = bench.work / "piece.f32", bench.work / "piece.mp3"
    for piece in pieces:
        sound, run = encoded(bench, piece, options, raw, out)
        cpu_s += run
        frames = min(len(sound), len(piece))
        ratio = noise_to_mask(piece[:frames], sound[:frames])
        ratios.append(10 * np.log10(ratio.mean(axis=1)))
        heard.append((ratio > 10 ** (OVER_DB / 10)).any(axis=1))
        signal += float(np.sum(piece[:frames].astype(np.float64) ** 2))
        noise += float(np.sum((piece[:frames].astype(np.float64) - sound[:frames]) ** 2))
    return Masked(
        float(np.concatenate(ratios).mean()),
        float(np.concatenate(heard).mean()),
        float(10 * np.log10(signal / noise)),
        cpu_s,
    )


def encoded(
    bench: Bench, piece: Samples, options: tuple[str, ...], raw: Path, out: Path
) -> tuple[Samples, float]:
    """Return the sound after the encoder, aligned with the piece, and the CPU time of encoding."""
    raw.write_bytes(piece.tobytes())
    source = ("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", raw)
    argv = (bench.ffmpeg, "-nostdin", "-v", "error", "-y", *source, "-threads", "1", "-c:a", "libmp3lame")
    run = measure.run([*argv, *options, "-reservoir", "0", out])
    sound = read(bench.ffmpeg, out, RATE)
    assert lag(sound, piece) == 0
    return sound * np.float32(1 / mp3.BITRATES[int(options[1][:-1])][2]), run.cpu_s


def noise_to_mask(original: Samples, sound: Samples) -> Power:
    """Return the power of noise over that of the mask, shape (frames, bands), of the louder channel."""
    both = [_channel_ratio(original[:, side], sound[:, side]) for side in (0, 1)]
    return np.maximum(*both)


def _channel_ratio(original: Samples, sound: Samples) -> Power:
    ear = _ear()
    before, after = _spectra(original), _spectra(sound)
    noise = ((np.abs(before) - np.abs(after)) ** 2 * ear.weights) @ ear.bands
    excitation = (np.abs(before) ** 2 * ear.weights) @ ear.bands + ear.inner_noise
    spread = (excitation**0.4 @ ear.spreading / ear.spreading.sum(axis=0)) ** 2.5
    for frame in range(1, len(spread)):
        spread[frame] = np.maximum(spread[frame], spread[frame - 1] * ear.decay)
    level_db = 10 * np.log10(np.maximum((np.abs(before) ** 2).mean(axis=1), 1e-30))
    judged = level_db > level_db.max() + SILENT_DB
    return (noise / (spread * ear.offset))[judged]


def _spectra(channel: Samples) -> NDArray[np.complex128]:
    """Return spectra of Hann windows, on the scale of sound pressure."""
    starts = np.arange(0, len(channel) - FRAME, HOP)
    window = np.hanning(FRAME)
    scale = 10 ** (FULL_SCALE_DB / 20) / (window.sum() / 2)
    frames = np.stack([channel[at : at + FRAME] for at in starts])
    return np.fft.rfft(frames * window, axis=1) * scale


@dataclass(frozen=True, slots=True)
class _Ear:
    weights: Power  # of each bin's power: outer and middle ear
    bands: Power  # shape (bins, bands)
    inner_noise: Power
    spreading: Power  # shape (bands, bands), of powers to the 0.4
    decay: Power  # of the mask from frame to frame
    offset: Power  # mask over excitation


@cache
def _ear() -> _Ear:
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE)
    khz = np.maximum(hertz, 20.0) / 1000
    weight_db = -0.6 * 3.64 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 1e-3 * khz**3.6
    lowest, highest = 7 * np.arcsinh(LOWEST_HZ / 650), 7 * np.arcsinh(HIGHEST_HZ / 650)
    edges = np.arange(lowest, highest + 1 / BANDS_PER_BARK, 1 / BANDS_PER_BARK)
    edges_hz = 650 * np.sinh(edges / 7)
    middles_hz = 650 * np.sinh((edges[:-1] + edges[1:]) / 14)
    # Each bin is as wide as FRAME allows; bands share it by overlap
    half = RATE / FRAME / 2
    low = np.maximum(hertz[:, None] - half, edges_hz[None, :-1])
    high = np.minimum(hertz[:, None] + half, edges_hz[None, 1:])
    bands = np.clip(high - low, 0.0, None) / (2 * half)
    inner_noise = 10 ** (0.4 * 0.364 * (middles_hz / 1000) ** -0.8)
    apart = edges[None, :-1] - edges[:-1, None]  # Bark from the sounding band to the masked one
    upper_db = 24 + 230 / middles_hz - 0.2 * USUAL_LEVEL_DB
    slopes_db = np.where(apart < 0, LOWER_SLOPE_DB * apart, -upper_db[:, None] * apart)
    spreading = 10 ** (slopes_db / 10)
    spreading = (spreading / spreading.sum(axis=1, keepdims=True)) ** 0.4
    tau = MIN_DECAY_S + 100 / middles_hz * (DECAY_100HZ_S - MIN_DECAY_S)
    bark = np.arange(len(middles_hz)) / BANDS_PER_BARK
    offset_db = np.where(bark <= 12, 3.0, 0.25 * bark)
    return _Ear(
        10 ** (weight_db / 10),
        bands,
        inner_noise,
        spreading,
        np.exp(-HOP / RATE / tau),
        10 ** (-offset_db / 10),
    )
