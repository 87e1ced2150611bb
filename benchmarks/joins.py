"""Joins on real music: ours from finished MP3 files, other rules on the power curves of the same songs.

Of the files, every second one in the order of their names is measured; the others are there to tune on. Mixes
of at most MIX_TRACKS tracks have a fixed random order. The rival rules get the same songs at the same gains.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import rivals, sound
from benchmarks.exact import decoded
from benchmarks.join_points import (
    HOP_S,
    Curve,
    Features,
    JoinPoints,
    Placement,
    Song,
    measure_features,
    measure_placement,
    score_join,
)
from benchmarks.music import Samples, read
from benchmarks.ours import Bench, Mix
from benchmarks.report import Row
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.hashing import hash_file
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.timeline import Timeline
from mixes.services.offline.analysis_store import AnalysisStore

MIXES, MIX_TRACKS, QUICK_TRACKS = 2, 20, 6
TO_TUNE_FROM = 24  # files: of fewer, all are measured
SIDE_S = 40.0  # of music around a join
RIVAL_S = 8.0  # of the other rules of one length
AUTOCUE_FADE_OUT_S, AUTOCUE_FADE_IN_S = 2.5, 0.1  # the defaults of autocue.cue_file
FORMER_OUTRO_SHARE = 0.8  # of the overlap: a song that faded itself so long was not faded again
RENDERED_PAIRS, QUICK_PAIRS = 8, 2  # by ffmpeg's acrossfade, to compare with their power curves
RATE_HZ = 44_100
PLANNED_TRACKS = 200
WORST = 5  # joins that are named
LAW_MEDIAN_DB, LAW_P95_DB = 0.3, 1.0
PLAN_JOIN_MS, PLAN_COLD_S, PLAN_EDIT_S = 15.0, 3.0, 0.3


@dataclass(frozen=True, slots=True)
class Choice:
    """How a rule joins two songs; seconds of their files."""

    end_s: float  # where A is heard last
    begin_s: float  # where B is heard first
    overlap_s: float
    fade_out_s: float
    fade_in_s: float
    is_linear: bool = False

    def gains(self, elapsed_s: NDArray[np.floating[Any]], length_s: float) -> Curve:
        """Return the power gain of a fade that has lasted for `elapsed_s`; 0 before it."""
        share = np.clip(elapsed_s / max(length_s, 1e-9), 0.0, 1.0)
        gain = share if self.is_linear else np.sin(share * np.pi / 2)
        return np.asarray(gain**2, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Source:
    """A track: its analysis by the engine, and its features without gain."""

    path: Path
    analysis: TrackAnalysis
    features: Features = field(repr=False)

    def song(self, gain_db: float) -> Song:
        return Song(self.features * 10 ** (gain_db / 10))


@dataclass(frozen=True, slots=True)
class Pair:
    """One join of a finished mix, and what the same two songs get by other rules."""

    before: str
    after: str
    reason: str
    overlap_s: float
    fade_out_s: float
    fade_in_s: float
    ride_db: float  # at its highest
    bass_swap_s: float | None
    ours: JoinPoints
    by_rule: dict[str, JoinPoints]

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value:.1f}" for name, value in self.ours.parts.items() if value >= 0.05)
        fades = f"{self.overlap_s:.1f} s, fades {self.fade_out_s:.1f} and {self.fade_in_s:.1f} s"
        return f"{self.ours.points:.1f} points ({parts}): {self.before} -> {self.after}, {fades}"


@dataclass
class Measured:
    """All joins, with the errors of their energy law and their clicks."""

    pairs: list[Pair] = field(default_factory=list)
    law_db: list[float] = field(default_factory=list)
    clicks: int = 0
    rendered: list[tuple[float, float]] = field(
        default_factory=list
    )  # acrossfade: points of sound, of curves


def former(a: TrackAnalysis, b: TrackAnalysis) -> Choice:
    """Return our former default: 8 s of equal power; long fades of a song by itself are kept."""
    overlap_s = min(RIVAL_S, _used_s(a) / 2, _used_s(b) / 2)
    outro_s = (a.cues.cue_out - a.cues.outro_start) / a.rate
    is_faded = a.cues.self_fading and outro_s >= FORMER_OUTRO_SHARE * overlap_s
    fade_out_s = 0.0 if is_faded else overlap_s
    return Choice(a.cues.cue_out / a.rate, b.cues.cue_in / b.rate, overlap_s, fade_out_s, overlap_s)


def autocue(a: TrackAnalysis, b: TrackAnalysis) -> Choice:
    """Return the join of autocue.cue_file: B starts where A falls under -8 LU, A fades over 2.5 s from there.

    Its cue-in, start of the next song (also after long and held endings) and cue-out are the engine's.
    """
    start_s, cue_out_s = a.cues.outro_start / a.rate, a.cues.cue_out / a.rate
    overlap_s = min(AUTOCUE_FADE_OUT_S, cue_out_s - start_s, _used_s(b) / 2)
    return Choice(start_s + overlap_s, b.cues.cue_in / b.rate, overlap_s, overlap_s, AUTOCUE_FADE_IN_S)


def acrossfade(a: TrackAnalysis, b: TrackAnalysis) -> Choice:
    """Return the join of ffmpeg's acrossfade with curve qsin: whole files, 8 s."""
    return Choice(a.duration_s, 0.0, RIVAL_S, RIVAL_S, RIVAL_S)


def pydub(a: TrackAnalysis, b: TrackAnalysis) -> Choice:
    """Return the join of pydub's append: whole files, 8 s, linear."""
    return replace(acrossfade(a, b), is_linear=True)


RULES: dict[str, Callable[[TrackAnalysis, TrackAnalysis], Choice]] = {
    "autocue": autocue,
    "former 8 s": former,
    "acrossfade": acrossfade,
    "pydub": pydub,
}
CURVES = "ours by power curves"


def _used_s(track: TrackAnalysis) -> float:
    return (track.cues.cue_out - track.cues.cue_in) / track.rate


def score_curves(a: Song, b: Song, choice: Choice) -> JoinPoints:
    """Score a join that nobody renders, from the powers of its songs."""
    start = round(choice.end_s / HOP_S) - round(SIDE_S / HOP_S)  # hop of A's file where the time line begins
    hops = round((choice.overlap_s + 2 * SIDE_S) / HOP_S)
    elapsed_s = (np.arange(hops) + 0.5 + start) * HOP_S - choice.end_s + choice.overlap_s  # of the overlap
    first_b = round((choice.end_s - choice.overlap_s - choice.begin_s) / HOP_S) - start
    gain_a = choice.gains(choice.overlap_s - elapsed_s, choice.fade_out_s)
    gain_b = choice.gains(elapsed_s, choice.fade_in_s)
    return score_join(a, b, Placement(-start, first_b, gain_a, gain_b))


@dataclass(frozen=True, slots=True)
class Sounding:
    """A source in a mix: whole file with its gain, and where it lies, in frames of the mix."""

    samples: Samples
    song: Song
    file_start: int
    start: int  # heard from here ...
    end: int  # ... to here


def score_sound(
    mix: Samples, rate: int, a: Sounding, b: Sounding, free_from: int, free_to: int
) -> JoinPoints:
    """Score a join of a decoded mix; no other source is heard from `free_from` to `free_to`."""
    step = round(HOP_S * rate)
    side = round(SIDE_S * rate)
    first = max(free_from, a.start, min(a.end, b.start) - side)
    first = -(-first // step) * step
    last = min(free_to, b.end, len(mix), max(a.end, b.start) + side)
    part = np.asarray(mix[first:last])
    sources = tuple(_cut(source, first, last) for source in (a, b))
    places = [round((source.file_start - first) / step) for source in (a, b)]
    place = measure_placement(part, (sources[0], sources[1]), rate, *places)
    return score_join(a.song, b.song, place, measure_features(part, rate)[: len(place.gain_a)])


def _cut(source: Sounding, first: int, last: int) -> Samples:
    """Return the file between two frames of the mix, silence where it has none."""
    low, high = first - source.file_start, last - source.file_start
    part = source.samples[max(0, low) : max(0, high)]
    before = min(max(0, -low), last - first)
    return np.pad(part, ((before, last - first - before - len(part)), (0, 0)))


def measure(bench: Bench) -> Measured:
    """Make the mixes and score every join; done once."""
    if "joins" not in bench.kept:
        found = Measured()
        sources: dict[Path, Source] = {}
        for number, tracks in enumerate(choose_orders(bench)):
            measure_mix(bench, bench.mix(f"joins-{number}", tracks, "--no-check"), sources, found)
            if number == 0:
                measure_acrossfade(bench, tracks, sources, found)
        bench.kept["joins"] = found
        bench.kept["join analyses"] = [source.analysis for source in sources.values()]
        worst_first = sorted(found.pairs, key=lambda pair: -pair.ours.points)
        page = json.dumps([asdict(pair) for pair in worst_first], ensure_ascii=False, indent=1)
        (bench.work / "joins.json").write_text(page, encoding="utf-8")
    measured: Measured = bench.kept["joins"]
    return measured


def choose_orders(bench: Bench) -> list[list[Path]]:
    """Return the tracks of each mix."""
    files = bench.music.files
    judged = list(files[1::2] if len(files) >= TO_TUNE_FROM else files)
    size = min(len(judged), QUICK_TRACKS if bench.quick else MIX_TRACKS)
    rng = np.random.default_rng(440)
    return [
        [judged[at] for at in rng.permutation(len(judged))[:size]] for _ in range(1 if bench.quick else MIXES)
    ]


def describe_music(bench: Bench) -> str:
    """Return which files were measured, in how many mixes."""
    orders = choose_orders(bench)
    judged = "every second one" if len(bench.music.files) >= TO_TUNE_FROM else "all"
    return f"{judged} of {len(bench.music.files)} files, {len(orders)} x {len(orders[0])} tracks in a mix"


def measure_mix(bench: Bench, mix: Mix, sources: dict[Path, Source], found: Measured) -> None:
    """Score all joins of a finished mix, and measure their energy law and clicks."""
    rate, timeline = mix.timeline.rate, mix.timeline
    heard = decoded(bench, mix.artifact("mp3"), "joins", rate)
    before = place_clip(bench, mix, 0, sources)
    for index in range(len(timeline.transitions)):
        after = place_clip(bench, mix, index + 1, sources)
        free_from = timeline.clips[index - 1].end if index else 0
        later = index + 2 < len(timeline.clips)
        free_to = timeline.clips[index + 2].start if later else timeline.frames
        ours = score_sound(heard, rate, before, after, free_from, free_to)
        found.pairs.append(compare_rules(mix, index, sources, ours))
        before = after
    size, margin = round(sound.WINDOW_S * rate), round(sound.MARGIN_S * rate)
    for join in sound.joins(bench, mix, heard, margin):
        found.law_db += sound.law_errors(join, size)
        found.clicks += sound.count_clicks(join)


def place_clip(bench: Bench, mix: Mix, index: int, sources: dict[Path, Source]) -> Sounding:
    """Decode a clip's file and return it at its position in the mix; its features are cached."""
    clip, path, rate = mix.timeline.clips[index], mix.paths[index], mix.timeline.rate
    samples = read(bench.ffmpeg, path, rate)
    if path not in sources:
        sources[path] = read_source(bench, path, samples, rate)
    gain = np.float32(10 ** (clip.gain_db / 20))
    file_start = clip.start - clip.cue_in
    return Sounding(samples * gain, sources[path].song(clip.gain_db), file_start, clip.start, clip.end)


def read_source(bench: Bench, path: Path, samples: Samples, rate: int) -> Source:
    analysis = AnalysisStore(bench.warm / "analyses").load(hash_file(path), path)
    assert analysis is not None  # the command has just analysed it
    return Source(path, analysis, measure_features(samples, rate).astype(np.float32))


def compare_rules(mix: Mix, index: int, sources: dict[Path, Source], ours: JoinPoints) -> Pair:
    """Return a join of ours, with the points that other rules get for the same songs at the same gains."""
    timeline = mix.timeline
    transition = timeline.transitions[index]
    before, after = (sources[path] for path in mix.paths[index : index + 2])
    songs = [
        source.song(clip.gain_db)
        for source, clip in zip((before, after), timeline.clips[index : index + 2], strict=True)
    ]
    choices = {name: rule(before.analysis, after.analysis) for name, rule in RULES.items()}
    choices[CURVES] = own_choice(timeline, index)
    return Pair(
        before.path.name,
        after.path.name,
        transition.reason,
        transition.overlap / timeline.rate,
        transition.fade_out_s,
        transition.fade_in_s,
        max((level_db for _, level_db in transition.ride), default=0.0),
        transition.bass_swap_s,
        ours,
        {name: score_curves(songs[0], songs[1], choice) for name, choice in choices.items()},
    )


def own_choice(timeline: Timeline, index: int) -> Choice:
    """Return what our plan says of a join."""
    a, b, transition = timeline.clips[index], timeline.clips[index + 1], timeline.transitions[index]
    rate = timeline.rate
    return Choice(
        (a.cue_in + a.length) / rate,
        b.cue_in / rate,
        transition.overlap / rate,
        transition.fade_out_s,
        transition.fade_in_s,
    )


def measure_acrossfade(
    bench: Bench, tracks: Sequence[Path], sources: dict[Path, Source], found: Measured
) -> None:
    """Render some pairs with ffmpeg's acrossfade, to compare sound with power curves."""
    count = QUICK_PAIRS if bench.quick else RENDERED_PAIRS
    for pair in islice(pairwise(tracks), count):
        out = bench.work / "acrossfade-pair.mp3"
        rivals.acrossfade(bench.ffmpeg, pair, out)
        mix = decoded(bench, out, "acrossfade-pair", RATE_HZ)
        files = [read(bench.ffmpeg, path, RATE_HZ) for path in pair]
        start = len(files[0]) - round(RIVAL_S * RATE_HZ)
        songs = [sources[path].song(0.0) for path in pair]
        a = Sounding(files[0], songs[0], 0, 0, len(files[0]))
        b = Sounding(files[1], songs[1], start, start, start + len(files[1]))
        choice = acrossfade(sources[pair[0]].analysis, sources[pair[1]].analysis)
        of_sound = score_sound(mix, RATE_HZ, a, b, 0, len(mix))
        found.rendered.append((of_sound.points, score_curves(songs[0], songs[1], choice).points))


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table: what is measured of every join, and what is asked of its distribution."""

    name: str
    unit: str
    value: Callable[[JoinPoints], float]
    goals: dict[str, float]  # "mean", "median", "95 %" or "over 2" to the most allowed; empty: for comparison
    shown: tuple[str, ...] = ("median", "95 %")

    def measure(self, joins: Sequence[JoinPoints]) -> dict[str, float]:
        values = np.array([self.value(join) for join in joins])
        return {name: STATISTICS[name](values) for name in self.shown}

    def row(self, ours: Sequence[JoinPoints], rules: dict[str, list[JoinPoints]]) -> Row:
        measured = self.measure(ours)
        others = "; ".join(f"{name} {self.text(self.measure(joins))}" for name, joins in rules.items())
        goal = ", ".join(f"<= {most:g}{GOAL_WORDS[name]}" for name, most in self.goals.items())
        reached = all(measured[name] <= most for name, most in self.goals.items()) if self.goals else None
        name = ", ".join(filter(None, (self.name, " / ".join(self.shown).replace("over 2", ""))))
        return Row(name, goal or "for comparison", f"{self.text(measured)} {self.unit}", others, reached)

    def text(self, measured: dict[str, float]) -> str:
        return " / ".join(f"{value:.{DECIMALS.get(name, 1)}f}" for name, value in measured.items())


STATISTICS: dict[str, Callable[[NDArray[np.float64]], float]] = {
    "mean": lambda values: float(values.mean()),
    "median": lambda values: float(np.median(values)),
    "95 %": lambda values: float(np.quantile(values, 0.95)),
    "over 2": lambda values: float(100 * np.mean(values > 2)),
}
DECIMALS = {"mean": 2, "over 2": 0}
GOAL_WORDS = {"mean": "", "over 2": " %", "median": " median", "95 %": " at 95 %"}
FIGURES = (
    Figure("points of a join", "points", lambda join: join.points, {"mean": 0.9}, ("mean",)),
    Figure("joins over 2 points", "%", lambda join: join.points, {"over 2": 12.0}, ("over 2",)),
    Figure("dip of the 3 s loudness", "LU", lambda join: join.dip_lu, {"median": 2.0, "95 %": 6.5}),
    Figure("music never heard", "s", lambda join: join.lost, {"95 %": 3.5}),
    Figure("two songs at once", "s", lambda join: join.clash, {"95 %": 3.5}),
    Figure("hole", "LU s", lambda join: join.hole, {}, ("95 %",)),
    Figure("pile-up", "LU s", lambda join: join.pile, {}, ("95 %",)),
)


def joins(bench: Bench) -> Iterator[Row]:
    """Score the joins of mixes with default settings, beside other rules."""
    found = measure(bench)
    ours = [pair.ours for pair in found.pairs]
    rules = {name: [pair.by_rule[name] for pair in found.pairs] for name in RULES}
    rows = [figure.row(ours, rules) for figure in FIGURES]
    worst = sorted(found.pairs, key=lambda pair: -pair.ours.points)[:WORST]
    yield replace(rows[0], note=f"{len(ours)} joins. The worst: {'; '.join(map(str, worst))}.")
    yield from rows[1:]
    yield law_row(found)
    yield Row("clicks at joins", "0", f"{found.clicks}", "", found.clicks == 0)
    yield from agreement_rows(found)


def law_row(found: Measured) -> Row:
    figure = "energy law: go² E_A + gi² E_B, median / 95 %"
    if not found.law_db:
        return Row(figure, "", "no join of style smooth overlaps")
    median_db, p95_db = np.median(found.law_db), np.quantile(found.law_db, 0.95)
    return Row(
        figure,
        f"<= {LAW_MEDIAN_DB:g} median, <= {LAW_P95_DB:g} at 95 %",
        f"{median_db:.2f} / {p95_db:.2f} dB",
        f"{len(found.law_db)} windows of 400 ms",
        bool(median_db <= LAW_MEDIAN_DB and p95_db <= LAW_P95_DB),
    )


def agreement_rows(found: Measured) -> Iterator[Row]:
    """Compare the points of finished files with those of power curves, which stand for rules not rendered."""
    pairs = [(pair.ours.points, pair.by_rule[CURVES].points) for pair in found.pairs]
    for name, both in (("ours", pairs), ("acrossfade", found.rendered)):
        of_sound, of_curves = np.array(both).T
        off = np.abs(of_sound - of_curves)
        yield Row(
            f"points of sound and of power curves, {name}",
            "for comparison",
            f"{of_sound.mean():.2f} and {of_curves.mean():.2f}",
            f"{len(both)} joins, apart by {np.median(off):.2f} median, {np.quantile(off, 0.95):.2f} at 95 %",
            note="power curves know nothing of level rides and one bass at a time." if name == "ours" else "",
        )


def planning(bench: Bench) -> Iterator[Row]:
    """Measure the CPU time of planning long mixes in this process."""
    measure(bench)
    known: list[TrackAnalysis] = bench.kept["join analyses"]
    # Contents of their own, so that no join is known from another
    tracks = [replace(known[n % len(known)], sha256=f"{n:064x}") for n in range(PLANNED_TRACKS)]
    cold_s = plan_cpu_s(tracks)
    again_s = plan_cpu_s(tracks)
    tracks.insert(0, tracks.pop())
    edited_s = plan_cpu_s(tracks)
    join_ms = (cold_s - again_s) / (PLANNED_TRACKS - 1) * 1000
    cpu = "CPU time"
    yield Row("planning a join", f"<= {PLAN_JOIN_MS:g} ms", f"{join_ms:.1f} ms", cpu, join_ms <= PLAN_JOIN_MS)
    figure = f"planning {PLANNED_TRACKS} tracks"
    yield Row(figure, f"<= {PLAN_COLD_S:g} s", f"{cold_s:.2f} s", cpu, cold_s <= PLAN_COLD_S)
    yield Row(
        f"{figure}, after one track was moved",
        f"<= {PLAN_EDIT_S:g} s",
        f"{edited_s:.2f} s",
        cpu,
        edited_s <= PLAN_EDIT_S,
    )


def plan_cpu_s(tracks: Sequence[TrackAnalysis]) -> float:
    began_s = time.process_time()
    plan_mix(tracks, MixSettings())
    return time.process_time() - began_s
