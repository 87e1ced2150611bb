"""Pieces of music of which everything is known: beats, bars, key, sections and voices.

In: a `Piece`, a few numbers. Out: its sound and a `Truth`. The analysis is set on one half of PIECES and
measured on the other. The same piece and rate give the same samples.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.engine.synth import drums
from mixes.engine.synth.instruments import Mono
from mixes.engine.synth.songs import SCALES, Mode
from mixes.engine.synth.styles import STYLES, Style

SECONDS = 80.0
SLOTS = 4  # sixteenth notes a beat
SECTIONS = ((4, "dhb"), (8, "kdhbc"), (8, "kdhbcm"), (4, "cm"), (8, "kdhbcm"), (4, "kdhb"))  # bars, layers
FALL_DB = 3.0  # range of the kit's gains
SPEECH_GAIN = 0.5


@dataclass(frozen=True, slots=True)
class Piece:
    """The numbers of one piece."""

    style: str
    seed: int
    semitones: int = 0  # raised by
    speed: float = 1.0  # played faster by
    late_frames: int = 0  # silence in front
    speech: bool = False  # a voice talks over it

    @property
    def name(self) -> str:
        words = [self.style, str(self.seed)]
        words += [f"raised {self.semitones}"] if self.semitones else []
        words += [f"x {self.speed:g}"] if self.speed != 1 else []
        words += ["late"] if self.late_frames else []
        words += ["with speech"] if self.speech else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a piece; times in seconds of its sound."""

    tempo: float | None  # None without a steady beat
    meter: int
    beats: tuple[float, ...]
    downbeats: tuple[float, ...]
    key: int | None  # as `music/measured` counts
    sections: tuple[float, ...]  # where layers come or go
    voices: tuple[tuple[float, float], ...]
    has_drums: bool


class _Band:
    """A mono buffer that sounds are added to, at times in seconds."""

    def __init__(self, seconds: float, rate: int) -> None:
        self.rate = rate
        self.sound: NDArray[np.float64] = np.zeros(round(seconds * rate))

    def play(self, at_s: float, sound: Mono, gain: float) -> None:
        first = round(at_s * self.rate)
        if 0 <= first < len(self.sound):
            part = sound[: len(self.sound) - first]
            self.sound[first : first + len(part)] += gain * part


def make_piece(
    piece: Piece, rate: int = 44_100, seconds: float = SECONDS
) -> tuple[NDArray[np.float32], Truth]:
    """Return the sound of a piece, shape (frames, 2), and what is known of it."""
    style = STYLES[piece.style]
    rng = np.random.default_rng([piece.seed, sum(map(ord, piece.style))])
    tempo = float(rng.uniform(*style.tempos)) * piece.speed
    tonic = int(rng.integers(12))
    mode: Mode = "minor" if rng.random() < style.minor else "major"
    band = _Band(seconds, rate)
    times = _beat_times(style, tempo, seconds, rng)
    layers = _layers(style, len(times))
    for bar in range((len(times) - 1) // style.meter):
        _play_bar(band, style, bar, times, layers[bar], (tonic + piece.semitones, mode), piece.seed)
    if style.noise:
        _play_noise(band, piece.seed)
    voices: list[tuple[float, float]] = []
    if style.speech or piece.speech:
        spoken, voices = drums.speech(seconds, rate, piece.seed)
        loud = band.sound.std() / (spoken[np.abs(spoken) > 0.01].std() + 1e-9) if piece.speech else 1.0
        band.play(0.0, spoken, float(loud) if piece.speech else SPEECH_GAIN)
    late_s = piece.late_frames / rate
    sound = np.concatenate((np.zeros(piece.late_frames), band.sound))
    sound = np.tanh(1.4 * sound / (np.percentile(np.abs(sound), 99.5) + 1e-9)) * float(rng.uniform(0.4, 0.9))
    beats = [late_s + time for time in times if time < seconds - 0.1]
    is_steady = style.wander < 0.02 and not (style.noise or style.speech or style.ambient)
    truth = Truth(
        tempo if is_steady else None,
        style.meter,
        tuple(beats) if is_steady else (),
        tuple(beats[:: style.meter]) if is_steady else (),
        (tonic + piece.semitones) % 12 + (12 if mode == "minor" else 0) if style.chords else None,
        tuple(beats[bar * style.meter] for bar in _section_bars(style) if bar * style.meter < len(beats)),
        tuple((start + late_s, end + late_s) for start, end in voices),
        bool(style.kick),
    )
    return np.stack((sound, sound), axis=1).astype(np.float32), truth


def _beat_times(style: Style, tempo: float, seconds: float, rng: np.random.Generator) -> list[float]:
    """Return the times of all beats: even, drifting slowly, or free."""
    beat_s, at, times = 60 / tempo, float(rng.uniform(0.05, 0.6)), []
    turn = float(rng.uniform(0, 6.3))
    while at < seconds:
        times.append(at)
        slow = style.drift * np.sin(turn + 2 * np.pi * len(times) / 70)
        at += beat_s * (1 + slow + style.wander * float(np.clip(rng.standard_normal(), -2, 2)))
    return times


def _section_bars(style: Style) -> list[int]:
    """Return the bars in which sections begin."""
    return np.cumsum([0, *(bars for bars, _ in SECTIONS)]).tolist()[:-1] if style.sections else []


def _layers(style: Style, beats: int) -> list[str]:
    """Return the letters of what plays in each bar: kick, drums, hats, bass, chords, melody."""
    bars = beats // style.meter + 1
    if not style.sections:
        return ["kdhbcm"] * bars
    planned = [layers for count, layers in SECTIONS for _ in range(count)]
    return (planned * (bars // len(planned) + 1))[:bars]


def _play_bar(
    band: _Band,
    style: Style,
    bar: int,
    times: list[float],
    layers: str,
    key: tuple[int, Mode],
    seed: int,
) -> None:
    rng = np.random.default_rng([seed, bar, 7])
    kit = np.random.default_rng([seed, 11])  # the same in every bar

    def at(slot: float) -> float:
        beat, part = divmod(slot, SLOTS)
        part /= SLOTS
        if style.swing and part:
            part = part * 2 * style.swing if part <= 0.5 else 1 - (1 - part) * 2 * (1 - style.swing)
        first = min(bar * style.meter + int(beat), len(times) - 2)
        human = style.human_s * float(np.clip(rng.standard_normal(), -2, 2))
        return times[first] + part * (times[first + 1] - times[first]) + human

    rate = band.rate
    kick = drums.kick(
        rate, float(kit.uniform(42, 62)), float(kit.uniform(0.08, 0.2)), float(kit.uniform(0.1, 0.5))
    )
    snare = drums.snare(
        rate, float(kit.uniform(160, 230)), float(kit.uniform(0.05, 0.14)), float(kit.uniform(0, 0.9))
    )
    hat = drums.hat(rate, float(kit.uniform(0.015, 0.06)) * style.ring)
    gains = 10 ** (kit.uniform(-FALL_DB, FALL_DB, 6) / 20)
    variant = seed // 2 % 2
    if "k" in layers:
        for slot in style.kick[min(variant, len(style.kick) - 1)] if style.kick else ():
            band.play(at(slot), kick, 0.9 * gains[0])
    if "d" in layers:
        for slot in style.snare[min(variant, len(style.snare) - 1)] if style.snare else ():
            band.play(at(slot), snare, 0.5 * gains[1])
        if style.snare and bar % 8 == 7:
            for slot in (13, 14, 15):
                band.play(at(slot % (style.meter * SLOTS)), snare, 0.25 * gains[1])
    if "h" in layers:
        for slot in style.hats:
            band.play(at(slot), hat, 0.16 * gains[2] * float(rng.uniform(0.6, 1.0)))
    _play_notes(band, style, bar, at, layers, key, seed, gains[3:])


def _play_notes(
    band: _Band,
    style: Style,
    bar: int,
    at: Callable[[float], float],
    layers: str,
    key: tuple[int, Mode],
    seed: int,
    gains: NDArray[np.float64],
) -> None:
    if not style.chords:
        return
    rng = np.random.default_rng([seed, bar % 4, 13])
    tonic, mode = key
    scale = SCALES[mode]
    turn = style.chords[seed // 2 % len(style.chords)]
    degree = turn[bar // style.bars_a_chord % len(turn)]

    def note(step: int, lowest: int) -> int:
        midi = tonic + 12 * (step // 7) + scale[step % 7]
        return lowest + (midi - lowest) % 12

    if "b" in layers:
        for slot, step in style.bass:
            midi = note(degree + step, 31)
            band.play(
                at(slot),
                drums.tone(midi, 0.6, band.rate, 1.6, style.bass_s, 0.012),
                style.bass_gain * gains[0],
            )
    if "c" in layers:
        for slot in style.stabs:
            for third in (0, 2, 4):
                midi = note(degree + third, 53)
                if style.pad_s:
                    band.play(at(slot), drums.held(midi, style.pad_s, band.rate), 0.12 * gains[1])
                else:
                    band.play(at(slot), drums.tone(midi, 0.7, band.rate, 1.3, 0.22), 0.16 * gains[1])
    if "m" in layers:
        for slot in range(0, style.meter * SLOTS, 2):
            if rng.random() < style.melody * (1.0 if slot % 4 == 0 else 0.6):
                step = degree + int(rng.choice((0, 2, 4, 7, 1, 9)))
                midi = note(step, 67)
                band.play(at(slot), drums.tone(midi, 0.6, band.rate, 1.2, 0.25), 0.22 * gains[2])


def _play_noise(band: _Band, seed: int) -> None:
    """Add rain: noise whose level wanders, with drops."""
    rng = np.random.default_rng(seed)
    frames = len(band.sound)
    swell = np.interp(np.arange(frames), np.linspace(0, frames, 30), rng.uniform(0.5, 1.0, 30))
    band.sound += 0.2 * swell * drums.noise(frames, 300, 14_000, band.rate, seed)
    for _ in range(int(frames / band.rate * 12)):
        at_s = float(rng.uniform(0, frames / band.rate))
        band.play(
            at_s, drums.hat(band.rate, 0.004, float(rng.integers(1, 5)) * 1_000), float(rng.exponential(0.3))
        )


STEADY = tuple(name for name, style in STYLES.items() if not style.is_free)
FREE = tuple(name for name, style in STYLES.items() if style.is_free)


def make_half(half: int) -> tuple[Piece, ...]:
    """Return the pieces of one half: 0 for setting parameters, 1 for figures."""
    pieces = []
    for number, style in enumerate(STYLES):
        for index in range(3):
            piece = Piece(style, 2 * (3 * number + index) + half)
            if index == 1:
                piece = replace(piece, semitones=2 + half, late_frames=10_007 + 1_112 * half)
            if index == 2:
                piece = replace(piece, speed=1.06)
            pieces.append(piece)
    return tuple(pieces)
