"""Tempo, beats and bars of a track, and how far they may be trusted.

In: onset curves and pitch classes. Out: a `Rhythm`, or None for a track with too few beats. The trust is the
lowest of six parts, and 0 where the two halves of the track, asked alone, disagree.
"""

from dataclasses import astuple, dataclass, replace

import numpy as np

from mixes.engine.music.beats import Beats, find_beats
from mixes.engine.music.curves import Values, flatten, rise
from mixes.engine.music.measured import Rhythm, TrustParts
from mixes.engine.music.onsets import FPS, Onsets
from mixes.engine.music.phase import Phase, find_phase
from mixes.engine.music.pitches import PITCHES_PER_S, Pitches
from mixes.engine.music.tempo import Period, find_period

SURE_LEAD = 0.65  # of a grid over the one half a beat later
FAST = (150.0, 188.0)  # beats a minute that are tried where half of them was found
SLOW_DOUBT = 0.2  # less lead for that half: between its beats there may be beats
HALF_BAR_TRUST = 0.4  # under what bars are built on
LOW_COUNTS = 0.6  # low onsets beside all
HALF_OVERLAP_S = 8.0  # of the two halves
SAME_TEMPO = 0.01  # halves differ by this share at most
UNSURE_LEAD = 0.3  # a half that is less sure where its beat is does not contradict the whole
SAME_BEAT = 0.12  # and by this share of a beat
HITS_COUNT, USUAL_RIVAL = 0.4, 0.9  # of the share of onsets that a rival's beats hit
EARLY_FRAMES = 0.0  # onsets are found this much before they begin


@dataclass(frozen=True, slots=True)
class Grid:
    """What one look at a track, or at a half of it, finds."""

    period: Period
    beats: Beats
    phase: Phase

    @property
    def clearness(self) -> float:
        """Return how far the tempo is ahead of its rivals: in what repeats, and in the onsets it hits."""
        return self.period.clearness + HITS_COUNT * (USUAL_RIVAL - self.beats.rival_share)

    @property
    def bar_trust(self) -> float:
        """Return the trust in the bars: little where they may be halves, fast and without a backbeat."""
        bars = self.phase.bars
        may_be_halves = (
            60 * FPS / self.beats.period > FAST[0] and bars.meter == 4 and not self.phase.has_backbeat
        )
        return min(bars.trust, HALF_BAR_TRUST) if may_be_halves else bars.trust

    @property
    def parts(self) -> TrustParts:
        return TrustParts(
            jitter=rise(self.beats.jitter_s, 0.022, 0.006),
            wander=rise(self.beats.wander, 0.05, 0.01),
            contrast=rise(self.beats.contrast, 0.15, 0.5),
            strength=rise(self.period.strength, 0.08, 0.3),
            clearness=rise(self.clearness, 0.0, 0.22),
            on_beat=rise(self.phase.lead, 0.5, 1.0),
        )


def find_rhythm(onsets: Onsets, pitches: Pitches, rate: int, frames: int) -> Rhythm | None:
    """Return the rhythm of a file of `frames` frames at `rate` Hz; None with too few beats."""
    grid = find_grid(onsets, pitches)
    if grid is None:
        return None
    trust = min(astuple(grid.parts)) if halves_agree(grid, onsets, pitches) else 0.0
    places = np.rint((grid.phase.places + EARLY_FRAMES) * (rate / FPS)).astype(np.int64)
    inside = (places >= 0) & (places < frames)
    dropped = int(inside.argmax())
    meter = grid.phase.bars.meter
    return Rhythm(
        tempo=round(60 * FPS / grid.beats.period, 2),
        meter=meter,
        beats=tuple(places[inside].tolist()),
        first_downbeat=(grid.phase.bars.first_downbeat - dropped) % meter,
        is_even=grid.beats.is_even,
        trust=round(trust, 2),
        bar_trust=round(grid.bar_trust, 2),
        parts=TrustParts(*(round(part, 2) for part in astuple(grid.parts))),
    )


def find_grid(onsets: Onsets, pitches: Pitches) -> Grid | None:
    """Return the beats and bars of the curves; None in silence and with too few beats."""
    if not onsets.full.any():
        return None
    full = flatten(onsets.full)
    onset = full + LOW_COUNTS * flatten(onsets.low)
    period = find_period([onset, *map(flatten, onsets.thirds)])
    beats = find_beats(onset, period.frames)
    if beats is None:
        return None
    grid = Grid(period, beats, find_phase(beats, onsets, pitches))
    is_slow = FAST[0] <= 2 * 60 * FPS / beats.period <= FAST[1]
    return _doubled(grid, onsets, pitches) if is_slow else grid


def _doubled(grid: Grid, onsets: Onsets, pitches: Pitches) -> Grid:
    """Return the grid at the double tempo where kick and snare alternate there, such as in drum and bass."""
    places = grid.beats.places
    fast = np.sort(np.concatenate((places, places[:-1] + np.diff(places) / 2)))
    beats = replace(grid.beats, places=fast)
    phase = find_phase(beats, onsets, pitches)
    is_clear = phase.lead > min(grid.phase.lead, SURE_LEAD)
    if phase.has_backbeat and is_clear:
        return Grid(grid.period, beats, phase)
    return replace(grid, phase=replace(grid.phase, lead=grid.phase.lead - SLOW_DOUBT))


def halves_agree(whole: Grid, onsets: Onsets, pitches: Pitches) -> bool:
    """Tell whether both halves, each asked alone, have the tempo and the beats of the whole."""
    length, more = len(onsets.full), int(HALF_OVERLAP_S * FPS / 2)
    for start, end in ((0, length // 2 + more), (length // 2 - more, length)):
        start = start // FPS * FPS  # a whole second: pitches are counted in tenths
        first, last = start * PITCHES_PER_S // FPS, -(-end * PITCHES_PER_S // FPS)
        part = Pitches(pitches.chords[first:last], pitches.bass[first:last], pitches.tuning)
        half = find_grid(onsets.cut(start, end), part)
        if half is None or _is_same(whole, half.phase.places + start):
            continue
        if half.phase.lead >= UNSURE_LEAD or not _is_same(whole, half.beats.places + start, any_shift=True):
            return False
    return True


def _is_same(whole: Grid, half: Values, *, any_shift: bool = False) -> bool:
    """Tell whether beats lie on those of the whole, at the same tempo, at its double or its half.

    With `any_shift` only the tempo is compared.
    """
    inside = (whole.phase.places > half[0] - 1) & (whole.phase.places < half[-1] + 1)
    beats = whole.phase.places[inside]
    if len(beats) < 2:
        return False
    ratio = np.median(np.diff(half)) / whole.beats.period
    octaves = np.rint(np.log2(ratio))
    if abs(octaves) > 1 or abs(ratio / 2.0**octaves - 1) > SAME_TEMPO:
        return False
    if any_shift:
        return True
    sparse, dense = (half, beats) if ratio > 1 else (beats, half)
    after = np.clip(np.searchsorted(dense, sparse), 1, len(dense) - 1)
    away = np.minimum(np.abs(sparse - dense[after - 1]), np.abs(dense[after] - sparse))
    return float(np.median(away)) <= SAME_BEAT * float(np.median(np.diff(dense)))
