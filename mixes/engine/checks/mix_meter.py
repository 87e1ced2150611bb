"""Measure a finished file: one decode of it, compared with the timeline it was made from.

In: the file, its `Timeline`, the tracks' analyses. Out: `Measurements`, plain values. Nothing is held but a
few seconds of sound.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.checks.beats_meet import BeatListener, MatchedBeats
from mixes.engine.checks.clicks import ClickFinder, change_instants
from mixes.engine.checks.faults import (
    ClippingCounter,
    Gap,
    find_gaps,
    measure_lag,
)
from mixes.engine.checks.join_quality import JoinLoudness, measure_joins
from mixes.engine.checks.loudness_curve import CURVE_STEP_S, thin_curve
from mixes.engine.codecs.decode import open_track
from mixes.engine.mixing.mix_fades import envelope_gain
from mixes.engine.mixing.shortening import as_played
from mixes.engine.samples import Samples
from mixes.engine.timeline import Timeline

BLOCK_S = 2.0
MAX_SURPLUS_S = 60.0  # listened to beyond the plan, to tell how much too long a file is
SILENCE_LEVEL = 0.001  # -60 dBFS, before the mix is faded in
LEAST_LEVEL = 1 / 32768  # below it there is only the noise of encoders


@dataclass(frozen=True, slots=True)
class ClickPlace:
    """A click, and how far it stands out of the music around it."""

    at_s: float
    over_db: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured of one file. Loudness and peaks are None for silence."""

    rate: int
    planned_frames: int
    frames: int
    integrated_lufs: float | None
    range_lu: float
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    clipped_samples: int
    clipped_at_s: tuple[float, ...]  # the first ten
    gaps: tuple[Gap, ...]
    clicks: tuple[ClickPlace, ...]
    click_places: int  # instants listened at
    joins: tuple[JoinLoudness, ...]
    late_frames: int | None  # None: not compared, or too quiet to tell
    first_sound_s: float | None
    damaged_places: int  # decode errors; stored check sheets have the key by this name
    codec: str
    curve_lufs: tuple[
        float, ...
    ] = ()  # the quietest 3 s of each step; empty in sheets made before it was kept
    curve_step_s: float = CURVE_STEP_S
    beats: tuple[MatchedBeats, ...] = ()  # of the joins that match them; none in earlier sheets


def measure_file(
    ffmpeg: Path,
    path: Path,
    timeline: Timeline,
    tracks: Sequence[TrackAnalysis],
    *,
    opening: Samples | None = None,
    also: Callable[[Samples], None] = lambda block: None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop = never,
) -> Measurements:
    """Decode a file once and measure it; `also` hears its blocks too. Raises DecodeError, Cancelled."""
    meter = MixMeter(timeline, tracks, opening)
    block_frames, longest_s = round(BLOCK_S * timeline.rate), timeline.duration_s + MAX_SURPLUS_S
    # Twice the surplus: more than that is an error to the decoder, and here it is something to tell
    max_s = longest_s + MAX_SURPLUS_S
    with open_track(ffmpeg, path, timeline.rate, max_s=max_s, should_stop=should_stop) as decoder:
        while meter.frames < longest_s * timeline.rate and len(block := decoder.read(block_frames)):
            meter.push(block)
            also(block)
            if on_progress:
                on_progress(min(1.0, meter.frames / timeline.frames))
        decode_errors, codec = decoder.decode_errors, decoder.info.codec
    # The decoder has ended: for a video of hours it has as much memory as the rest of the measuring needs
    return meter.finish(decode_errors=decode_errors, codec=codec)


class MixMeter:
    """Hears a mix go by, block by block."""

    def __init__(
        self, timeline: Timeline, tracks: Sequence[TrackAnalysis], opening: Samples | None = None
    ) -> None:
        self.frames = 0
        self._timeline = timeline
        self._tracks = as_played(timeline, tracks)
        self._opening = opening
        self._instants = change_instants(timeline)
        self._meter = LoudnessMeter(timeline.rate)
        self._clipping = ClippingCounter()
        self._clicks = ClickFinder(self._instants, timeline.rate)
        self._beats = BeatListener(timeline, self._tracks)
        self._first_sound: int | None = None
        self._decoded_opening: Samples = np.zeros((0, 2), dtype=np.float32)  # as much of it as of the opening

    def push(self, block: Samples) -> None:
        """Take the next frames, shape (n, 2)."""
        if self._first_sound is None:
            places = np.arange(self.frames, self.frames + len(block), dtype=np.float64)
            level = np.maximum(SILENCE_LEVEL * envelope_gain(self._timeline.fades, places), LEAST_LEVEL)
            loud = np.flatnonzero(np.abs(block).max(axis=1) > level)
            self._first_sound = self.frames + int(loud[0]) if len(loud) else None
        if self._opening is not None and (missing := len(self._opening) - len(self._decoded_opening)):
            self._decoded_opening = np.concatenate((self._decoded_opening, block[:missing]))
        self._meter.push(block)
        self._clipping.push(block)
        self._clicks.push(block)
        self._beats.push(block)
        self.frames += len(block)

    def finish(self, *, decode_errors: int, codec: str) -> Measurements:
        """Return what was measured of all that was pushed."""
        self._clipping.finish()
        self._clicks.finish()
        meter, timeline, rate = self._meter, self._timeline, self._timeline.rate
        lag = None if self._opening is None else measure_lag(self._decoded_opening, self._opening, rate)
        curve_lufs, curve_step_s = thin_curve(meter.short_term_lufs)
        return Measurements(
            rate=rate,
            planned_frames=timeline.frames,
            frames=self.frames,
            integrated_lufs=_finite(meter.integrated_lufs),
            range_lu=round(meter.range_lu, 2),
            true_peak_dbtp=_finite(meter.true_peak_dbtp),
            sample_peak_dbfs=_finite(20 * float(np.log10(meter.sample_peak or 1e-30)), lowest=-200.0),
            clipped_samples=self._clipping.samples,
            clipped_at_s=tuple(_seconds(frame, rate) for frame in sorted(set(self._clipping.places))),
            gaps=find_gaps(meter.momentary_lufs, timeline),
            clicks=tuple(ClickPlace(_seconds(c.frame, rate), c.over_db) for c in self._clicks.clicks),
            click_places=len(self._instants),
            joins=measure_joins(meter.momentary_power, timeline, self._tracks),
            late_frames=lag,
            first_sound_s=None if self._first_sound is None else _seconds(self._first_sound, rate),
            damaged_places=decode_errors,
            codec=codec,
            curve_lufs=curve_lufs,
            curve_step_s=curve_step_s,
            beats=self._beats.finish(),
        )


def _finite(level_db: float, lowest: float = -np.inf) -> float | None:
    return round(level_db, 2) if level_db > lowest else None


def _seconds(frame: int, rate: int) -> float:
    return round(frame / rate, 4)
