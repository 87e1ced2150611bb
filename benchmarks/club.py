"""Joins beat on beat, of pieces whose beats are known: how far they are apart in what is rendered.

The pieces are made here. Nothing in the engine was set on them. True beats come from their scores, not from
the analysis, so a join that is half a beat off shows.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io.wavfile
from numpy.typing import NDArray

from benchmarks.ours import Bench
from benchmarks.report import Row
from mixes.engine.analysis.track import TrackAnalysis, analyse_track
from mixes.engine.checks.clicks import CONTEXT_S, ClickFinder, change_instants, find_click
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.rendering.render import render_blocks
from mixes.engine.samples import Samples
from mixes.engine.synth import drums
from mixes.engine.timeline import Clip, Timeline

RATE = 44_100
SECONDS = 80.0
GOAL_MS = 20.0
LONG_MIX = 200  # tracks
WINDOW_S, SEARCH_S = 0.045, 0.012  # around a beat: what is compared, and how far it may have moved
FRAMES_MOVED = 240  # by which a stretched beat may be moved
TEMPOS = (1.0, 1.013, 0.978, 1.012)  # of the pieces of one kind, relative to its usual tempo
CHORDS = (0, 5, 7, 3)

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Kind:
    """A kind of music: places in sixteenths of a bar."""

    tempo: float
    kicks: tuple[int, ...]
    snares: tuple[int, ...]
    hats: tuple[int, ...]
    bass: tuple[int, ...]
    steps: int = 16
    swing: float = 0.0  # share of a sixteenth by which odd ones are late


KINDS = {
    "house": Kind(124, (0, 4, 8, 12), (4, 12), (2, 6, 10, 14), (2, 6, 10, 14)),
    "techno": Kind(133, (0, 4, 8, 12), (), tuple(range(0, 16, 2)), (0, 2, 6, 8, 10, 14)),
    "hip hop": Kind(91, (0, 7, 10), (4, 12), tuple(range(0, 16, 2)), (0, 7, 10), swing=0.3),
    "drum and bass": Kind(172, (0, 10), (4, 12), tuple(range(0, 16, 2)), (0, 6, 10)),
    "rock": Kind(118, (0, 8, 10), (4, 12), tuple(range(0, 16, 2)), tuple(range(0, 16, 2))),
    "disco": Kind(116, (0, 4, 8, 12), (4, 12), tuple(range(16)), (0, 2, 4, 6, 8, 10, 12, 14)),
    "waltz": Kind(150, (0,), (4, 8), (0, 4, 8), (0,), steps=12),
    "trap": Kind(140, (0, 6, 11), (8,), tuple(range(16)), (0, 6, 11)),
}


@dataclass(frozen=True)
class Piece:
    """A made piece: its file, its true beats in seconds, and its analysis."""

    path: Path
    beats_s: Floats
    downbeats_s: Floats
    analysis: TrackAnalysis


@dataclass(frozen=True)
class Joined:
    """What was measured of two pieces in one mix."""

    is_club: bool
    beats_ms: tuple[float, ...] = ()
    downbeats_ms: tuple[float, ...] = ()
    frames_off: int = 0
    clicks: int = 0


def club(bench: Bench) -> Iterator[Row]:
    """Measure two neighbours of each kind after the other, and both orders of one pair."""
    names = list(KINDS)[:2] if bench.quick else list(KINDS)
    joined: list[Joined] = []
    analyses: list[TrackAnalysis] = []
    for number, name in enumerate(names):
        make = partial(make_piece, bench, name, seed=number)
        pieces = [make(tempo) for tempo in (TEMPOS[:2] if bench.quick else TEMPOS)]
        joined += [join(bench, before, after) for before, after in pairwise((*pieces, pieces[0]))]
        analyses += [piece.analysis for piece in pieces]
    yield from rows(joined)
    yield planning(analyses)


def planning(analyses: list[TrackAnalysis]) -> Row:
    """Compare planning a long mix with and without beats; no pair of neighbours is planned twice."""
    pairs = [
        pair
        for step in range(1, len(analyses))
        for pair in zip(analyses, (*analyses[step:], *analyses[:step]), strict=True)
    ]
    tracks = [track for pair in pairs[: LONG_MIX // 2] for track in pair]
    took_s = []
    # as other files for the second plan, which would find its joins in the cache of the first
    others = [replace(track, sha256=f"{track.sha256}-") for track in tracks]
    for style, order in (("club", tracks), ("smooth", others)):
        started_s = time.process_time()
        plan_mix(order, MixSettings(style=style))
        took_s.append(time.process_time() - started_s)
    ratio = took_s[0] / took_s[1]
    note = f"{took_s[0]:.1f} s with beats, {took_s[1]:.1f} s without, {len(tracks)} tracks, CPU time"
    return Row(
        "Planning a long mix, club against smooth",
        "<= 1.2 x",
        f"{ratio:.2f} x",
        reached=ratio <= 1.2,
        note=note,
    )


def rows(joined: list[Joined]) -> Iterator[Row]:
    matched = [one for one in joined if one.is_club]
    note = f"{len(matched)} of {len(joined)} pairs matched, {len(KINDS)} kinds of made music"
    worst = [float(np.percentile(one.beats_ms, 90)) for one in matched]
    all_ms = np.concatenate([one.beats_ms for one in matched]) if matched else np.array([np.nan])
    p90 = float(np.percentile(all_ms, 90))
    yield Row(
        "True beats of both songs in the overlap, p90",
        f"<= {GOAL_MS:.0f} ms",
        f"{p90:.1f} ms",
        reached=p90 <= GOAL_MS,
        note=note,
    )
    wrong = sum(value > GOAL_MS for value in worst)
    yield Row(
        "Matched joins whose own p90 is larger",
        "0",
        str(wrong),
        reached=wrong == 0,
        note=f"worst {max(worst, default=0):.1f} ms",
    )
    downs = np.concatenate([one.downbeats_ms for one in matched]) if matched else np.array([np.nan])
    apart = float(np.mean(downs <= GOAL_MS) * 100)
    yield Row("True downbeats that meet", ">= 95 %", f"{apart:.0f} %", reached=apart >= 95)
    off = sum(one.frames_off != 0 for one in joined)
    yield Row("Mixes of another length than planned", "0", str(off), reached=off == 0)
    clicks = sum(one.clicks for one in joined)
    yield Row("Clicks where sounds are joined", "0", str(clicks), reached=clicks == 0)


def make_piece(bench: Bench, name: str, factor: float, *, seed: int) -> Piece:
    """Make, write and analyse one piece; the drums begin and end it."""
    kind = KINDS[name]
    rng = np.random.default_rng(round(factor * 1000) + seed)
    step_s = 60 / (kind.tempo * factor) / 4
    first_s = float(rng.uniform(0.02, 0.4))
    steps = int((SECONDS - first_s - 1.0) / step_s) // kind.steps * kind.steps
    sound = np.zeros(round(SECONDS * RATE))
    key, hertz = int(rng.integers(0, 6)), float(rng.uniform(45, 60))
    kit = {
        "kicks": 0.8 * drums.kick(RATE, hertz),
        "snares": 0.45 * drums.snare(RATE, float(rng.uniform(170, 230))),
        "hats": 0.15 * drums.hat(RATE),
    }
    for step in range(steps):
        bar, place = divmod(step, kind.steps)
        at_s = first_s + (step + (kind.swing if place % 2 else 0.0)) * step_s
        for part, hit in kit.items():
            if place in getattr(kind, part):
                add(sound, at_s, hit)
        is_inside = 4 <= bar < steps // kind.steps - 4
        if is_inside and place in kind.bass:
            add(sound, at_s, 0.3 * drums.tone(36 + key + CHORDS[bar % 4], 0.5, RATE, 1.6, 0.3, 0.01))
        if is_inside and place == 0:
            for third in (0, 3, 7):
                add(sound, at_s, 0.1 * drums.tone(60 + key + CHORDS[bar % 4] + third, 1.5, RATE, 1.4, 0.6))
    path = bench.work / "club" / f"{name}-{factor}.wav"
    path.parent.mkdir(exist_ok=True)
    stereo = np.repeat((sound / np.abs(sound).max() * 0.7).astype(np.float32)[:, None], 2, axis=1)
    scipy.io.wavfile.write(path, RATE, stereo[: round((first_s + steps * step_s + 0.5) * RATE)])
    beats = first_s + np.arange(0, steps, 4) * step_s
    analysis = analyse_track(bench.ffmpeg, path)
    return Piece(path, beats, first_s + np.arange(0, steps, kind.steps) * step_s, analysis)


def add(sound: Floats, at_s: float, hit: NDArray[np.float32]) -> None:
    first = round(at_s * RATE)
    part = hit[: max(0, len(sound) - first)]
    sound[first : first + len(part)] += part


def join(bench: Bench, before: Piece, after: Piece) -> Joined:
    """Plan and render two pieces, and measure their beats where both sound."""
    timeline = plan_mix([before.analysis, after.analysis], MixSettings(style="club")).timeline
    paths = [before.path, after.path]
    # the beats at both ends too, where the check does not listen: clicks that a piece has itself do not count
    ends = timeline.clips[1].start, timeline.clips[0].end
    finder = ClickFinder({*change_instants(timeline), *ends}, timeline.rate)
    frames = 0
    for block in render_blocks(timeline, paths, ffmpeg=bench.ffmpeg):
        finder.push(block)
        frames += len(block)
    finder.finish()
    is_club = timeline.transitions[0].style == "club"
    clicks = sum(not is_in_piece(timeline, paths, click.frame) for click in finder.clicks)
    found = Joined(is_club, frames_off=frames - timeline.frames, clicks=clicks)
    if not is_club:
        return found
    moved = partial(beats_in_mix, timeline)
    head = rendered_head(bench, timeline, after.path)
    return replace(
        found,
        beats_ms=apart_ms(moved(before, 0, before.beats_s), moved(after, 1, after.beats_s, head)),
        downbeats_ms=apart_ms(moved(before, 0, before.downbeats_s), moved(after, 1, after.downbeats_s, head)),
    )


def is_in_piece(timeline: Timeline, paths: list[Path], frame: int) -> bool:
    """Tell whether one of both pieces clicks by itself at a place of the mix."""
    reach = round(CONTEXT_S * timeline.rate)
    for clip, path in zip(timeline.clips, paths, strict=True):
        into = float(frame - clip.start)
        place = round(clip.cue_in + into + float(clip.drift(np.array(into))))
        first = max(0, place - reach)
        sound = scipy.io.wavfile.read(path)[1][first : place + reach]
        moved = range(-FRAMES_MOVED, FRAMES_MOVED + 1, FRAMES_MOVED // 4)
        places = [place - first + frames for frames in moved if 0 < place - first + frames < len(sound)]
        if any(find_click(sound, at, timeline.rate) for at in places):
            return True
    return False


def rendered_head(bench: Bench, timeline: Timeline, path: Path) -> Samples:
    """Return the incoming piece as it is heard in the overlap, alone and without a fade."""
    clip = replace(timeline.clips[1], start=0, gain_db=0.0, ramp_in=0)
    alone = Timeline(timeline.rate, (clip,), ())
    blocks = np.concatenate(list(render_blocks(alone, [path], ffmpeg=bench.ffmpeg)))
    return blocks[: timeline.transitions[0].overlap]


def beats_in_mix(
    timeline: Timeline, piece: Piece, index: int, times_s: Floats, head: Samples | None = None
) -> Floats:
    """Return where true beats of a piece lie in the overlap of the mix, in seconds; found again in `head`."""
    clip, start, end = timeline.clips[index], timeline.clips[1].start, timeline.clips[0].end
    places = np.array([clip.place_of(time_s * timeline.rate - clip.cue_in) for time_s in times_s])
    if head is not None:
        source = scipy.io.wavfile.read(piece.path)[1]
        places = np.array(
            [
                place + moved_by(source, head, time_s, place, clip) if 0 <= place < len(head) else place
                for place, time_s in zip(places, times_s, strict=True)
            ]
        )
    at = places + clip.start
    return np.asarray(at[(at >= start - 100) & (at < end - 100)] / timeline.rate)


def moved_by(source: Samples, head: Samples, time_s: float, place: float, clip: Clip) -> int:
    """Return by how many frames the sound around a beat comes later in the stretched head than it should."""
    window, reach = round(WINDOW_S * RATE), round(SEARCH_S * RATE)
    first, at = round(time_s * RATE), round(place)
    wanted = source[max(0, first - 200) : first + window, 0].astype(np.float64)
    low = at - min(200, first) - reach
    around = head[max(0, low) : low + len(wanted) + 2 * reach, 0].astype(np.float64)
    if low < 0 or len(around) < len(wanted) + 2 * reach:
        return 0
    return int(np.argmax(np.correlate(around, wanted, "valid"))) - reach


def apart_ms(a: Floats, b: Floats) -> tuple[float, ...]:
    """Return how far each beat of B is from the nearest of A, in ms; of A from B's where B has fewer."""
    fewer, more = sorted((a, b), key=len)
    return tuple(1000 * float(np.abs(more - beat).min()) for beat in fewer)
