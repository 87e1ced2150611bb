"""The check sheet: a finished file, decoded once and measured against its plan, in words and as data.

In: the file, the `Timeline` it was made from, the tracks' analyses. Out: a `CheckSheet` of plain values, with
one sentence for a user on each thing measured. Nothing here changes a file, and nothing is held but a few
seconds of sound.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.cancellation import ShouldStop, never
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
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss

BLOCK_S = 2.0
MAX_SURPLUS_S = 60.0  # listened to beyond the plan, to tell how much too long a file is
AAC_FRAME = 1024  # an MP4's sound may end up to one of these beside the plan
LOUDNESS_TOLERANCE_LU = 0.3
HIGHEST_TRUE_PEAK_DBTP = -0.9  # what the limiter's ceiling leaves after an encoder's overshoot
LOUD_CLICK_DB = 12.0  # music alone passes for a click at 1 of 10,000 places, and 1 in 12 of these is so loud
SILENCE_LEVEL = 0.001  # -60 dBFS, before the mix is faded in
LEAST_LEVEL = 1 / 32768  # below it there is only the noise of encoders
LONGEST_SILENT_START_S = 0.5
PLACES_SHOWN = 5
JOINS_SHOWN = 3


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"  # worth knowing, not a fault of the file
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    sentence: str


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


@dataclass(frozen=True, slots=True)
class CheckSheet:
    """What was measured, and what it means."""

    file_name: str
    target_lufs: float | None
    measured: Measurements
    items: tuple[CheckItem, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all items'."""
        verdicts = {item.verdict for item in self.items}
        return next((v for v in (Verdict.WRONG, Verdict.NOTE) if v in verdicts), Verdict.OK)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, fit for JSON, the measurements beside the rest."""
        data = asdict(self)
        return {"verdict": self.verdict.value, **data.pop("measured"), **data}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CheckSheet":
        """Read what `to_dict` gave, straight or from JSON; earlier sheets lack what was added since."""
        measured = {field.name: data[field.name] for field in fields(Measurements) if field.name in data}
        measured["clipped_at_s"] = tuple(data["clipped_at_s"])
        measured["curve_lufs"] = tuple(data.get("curve_lufs", ()))
        for name, kind in (("gaps", Gap), ("clicks", ClickPlace)):
            measured[name] = tuple(kind(**entry) for entry in data[name])
        measured["joins"] = tuple(JoinLoudness.from_dict(entry) for entry in data["joins"])
        items = (
            CheckItem(entry["name"], Verdict(entry["verdict"]), entry["sentence"]) for entry in data["items"]
        )
        return cls(data["file_name"], data["target_lufs"], Measurements(**measured), tuple(items))


def check_file(
    ffmpeg: Path,
    path: Path,
    timeline: Timeline,
    tracks: Sequence[TrackAnalysis],
    *,
    target_lufs: float | None,
    notes: Sequence[str] = (),
    remarks: Sequence[str] = (),
    opening: Samples | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop = never,
) -> CheckSheet:
    """Decode and measure a finished file made of `tracks`.

    `notes` are the planner's: why the target cannot be reached. `remarks` are passed on as they are.
    `opening` is the beginning of what was rendered, a second or so: with it the start is checked to the
    sample. Raises DecodeError when the file cannot be decoded, Cancelled.
    """
    measured = measure_file(
        ffmpeg, path, timeline, tracks, opening=opening, on_progress=on_progress, should_stop=should_stop
    )
    items = (
        *judge(measured, target_lufs, explained=bool(notes)),
        *(CheckItem("plan", Verdict.NOTE, note) for note in notes),
        *(CheckItem("remark", Verdict.NOTE, remark) for remark in remarks),
    )
    return CheckSheet(path.name, target_lufs, measured, items)


def measure_file(
    ffmpeg: Path,
    path: Path,
    timeline: Timeline,
    tracks: Sequence[TrackAnalysis],
    *,
    opening: Samples | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop = never,
) -> Measurements:
    """Decode a file once and measure it; raises DecodeError, Cancelled."""
    meter = MixMeter(timeline, tracks, opening)
    block_frames, longest_s = round(BLOCK_S * timeline.rate), timeline.duration_s + MAX_SURPLUS_S
    # Twice the surplus: more than that is an error to the decoder, and here it is something to tell
    max_s = longest_s + MAX_SURPLUS_S
    with open_track(ffmpeg, path, timeline.rate, max_s=max_s, should_stop=should_stop) as decoder:
        while meter.frames < longest_s * timeline.rate and len(block := decoder.read(block_frames)):
            meter.push(block)
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
        )


def _finite(level_db: float, lowest: float = -np.inf) -> float | None:
    return round(level_db, 2) if level_db > lowest else None


def _seconds(frame: int, rate: int) -> float:
    return round(frame / rate, 4)


def judge(measured: Measurements, target_lufs: float | None, *, explained: bool) -> Iterator[CheckItem]:
    """Yield a sentence on each thing measured; `explained`: the plan says why it misses the target."""
    yield _judge_length(measured)
    yield _judge_start(measured)
    yield _judge_loudness(measured, target_lufs, explained=explained)
    yield CheckItem("range", Verdict.OK, f"Loudness range {measured.range_lu:.1f} LU.")
    yield _judge_true_peak(measured)
    yield _judge_clipping(measured)
    yield _judge_gaps(measured)
    yield _judge_clicks(measured)
    yield _judge_joins(measured)
    if measured.damaged_places:
        text = f"The file has {_counted(measured.damaged_places, 'damaged place')}."
        yield CheckItem("damage", Verdict.WRONG, text)


def _judge_length(measured: Measurements) -> CheckItem:
    length = format_position(measured.frames / measured.rate)
    surplus = measured.frames - measured.planned_frames
    if surplus == 0:
        return CheckItem("length", Verdict.OK, f"Length {length}, exactly as planned.")
    difference = f"{_counted(abs(surplus), 'sample')} ({abs(surplus) / measured.rate:.3f} s)"
    text = f"Length {length}, {difference} {'longer' if surplus > 0 else 'shorter'} than planned."
    within_a_frame = measured.codec == "aac" and abs(surplus) <= AAC_FRAME
    return CheckItem("length", Verdict.OK if within_a_frame else Verdict.WRONG, text)


def _judge_start(measured: Measurements) -> CheckItem:
    late = measured.late_frames
    if late:
        by_ms = abs(late) / measured.rate * 1000
        text = f"The sound starts {by_ms:.1f} ms too {'late' if late > 0 else 'early'}."
        return CheckItem("start", Verdict.WRONG, text)
    if late == 0:
        return CheckItem("start", Verdict.OK, "The first sample is the plan's first.")
    if measured.first_sound_s is None:
        return CheckItem("start", Verdict.WRONG, "There is no sound in the file.")
    is_silent = measured.first_sound_s > LONGEST_SILENT_START_S
    text = f"The first sound comes after {measured.first_sound_s:.2f} s."
    return CheckItem("start", Verdict.NOTE if is_silent else Verdict.OK, text)


def _judge_loudness(measured: Measurements, target_lufs: float | None, *, explained: bool) -> CheckItem:
    loudness = measured.integrated_lufs
    if loudness is None:
        text = "The mix is too quiet or too short for its loudness to be measured."
        return CheckItem("loudness", Verdict.NOTE, text)
    if target_lufs is None:
        return CheckItem("loudness", Verdict.OK, f"Loudness {loudness:.1f} LUFS, left as it was.")
    text = f"Loudness {loudness:.1f} LUFS, target {target_lufs:.1f}."
    if abs(loudness - target_lufs) <= LOUDNESS_TOLERANCE_LU:
        return CheckItem("loudness", Verdict.OK, text)
    return CheckItem("loudness", Verdict.NOTE if explained else Verdict.WRONG, text)


def _judge_true_peak(measured: Measurements) -> CheckItem:
    peak = measured.true_peak_dbtp
    if peak is None:
        return CheckItem("true_peak", Verdict.OK, "There is no peak to measure.")
    text = f"True peak {peak:.1f} dBTP"
    if peak <= HIGHEST_TRUE_PEAK_DBTP:
        return CheckItem("true_peak", Verdict.OK, f"{text}, within {HIGHEST_TRUE_PEAK_DBTP:g}.")
    verdict = Verdict.NOTE if peak <= 0 else Verdict.WRONG
    return CheckItem("true_peak", verdict, f"{text}, above the {HIGHEST_TRUE_PEAK_DBTP:g} aimed at.")


def _judge_clipping(measured: Measurements) -> CheckItem:
    if not measured.clipped_samples:
        return CheckItem("clipping", Verdict.OK, "Nothing is clipped.")
    where = format_positions(measured.clipped_at_s)
    text = f"{_counted(measured.clipped_samples, 'sample')} in flat tops at full scale, at {where}."
    return CheckItem("clipping", Verdict.WRONG, text)


def _judge_gaps(measured: Measurements) -> CheckItem:
    if not measured.gaps:
        return CheckItem("gaps", Verdict.OK, "No silence that was not planned.")
    at_joins = [gap for gap in measured.gaps if gap.at_join]
    reported = at_joins or list(measured.gaps)
    where = "at a join" if at_joins else "inside the songs"
    texts = [f"{gap.length_s:.1f} s at {format_position(gap.start_s)}" for gap in reported[:PLACES_SHOWN]]
    text = f"{_counted(len(reported), 'silence')} {where}: {_listed(texts, len(reported))}."
    return CheckItem("gaps", Verdict.WRONG if at_joins else Verdict.NOTE, text)


def _judge_clicks(measured: Measurements) -> CheckItem:
    if not measured.clicks:
        looked = _counted(measured.click_places, "place")
        return CheckItem("clicks", Verdict.OK, f"No click in {looked} where sounds are joined.")
    loud = [click for click in measured.clicks if click.over_db >= LOUD_CLICK_DB]
    reported = loud or measured.clicks
    what = _counted(len(reported), "click" if loud else "faint click")
    text = f"{what} where sounds are joined, at {format_positions([click.at_s for click in reported])}."
    return CheckItem("clicks", Verdict.WRONG if loud else Verdict.NOTE, text)


def _judge_joins(measured: Measurements) -> CheckItem:
    judged = [join for join in measured.joins if join.points is not None]
    if not judged:
        return CheckItem("joins", Verdict.OK, "There is no join to judge.")
    faulted = sorted((join for join in judged if join.is_faulted), key=lambda join: -(join.points or 0.0))
    if faulted:
        texts = [join.say() for join in faulted[:JOINS_SHOWN]]
        more = len(faulted) - len(texts)
        rest = [f"{_counted(more, 'more join')} may be noticed as much."] if more else []
        return CheckItem("joins", Verdict.NOTE, " ".join([*texts, *rest]))
    noticed = [join for join in judged if join.is_noticed]
    smooth = "The join is smooth." if len(judged) == 1 else f"All {len(judged)} joins are smooth."
    if not noticed:
        return CheckItem("joins", Verdict.OK, smooth)
    worst = max(noticed, key=lambda join: (join.points or 0.0, join.dip_lu or 0.0))
    others = len(judged) - len(noticed)
    rest = [f"{others} of {_counted(len(judged), 'join')} are smooth."] if others else []
    return CheckItem("joins", Verdict.OK, " ".join([f"You may notice one: {worst.say()}", *rest]))


def format_position(seconds: float) -> str:
    """Return a position as M:SS.s, or H:MM:SS.s from an hour on."""
    tenths = int(seconds * 10 + 1e-6)
    format_time = format_h_mm_ss if tenths >= 36_000 else format_m_ss
    return f"{format_time(tenths // 10)}.{tenths % 10}"


def format_positions(seconds: Sequence[float]) -> str:
    """Return the first positions as one phrase."""
    return _listed([format_position(s) for s in seconds[:PLACES_SHOWN]], len(seconds))


def _listed(shown: Sequence[str], count: int) -> str:
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
