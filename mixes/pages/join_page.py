"""The panel of one join: both waveforms, the overlap, the gain curves, and the reason for the style."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.curves import Fades, db_to_gain
from mixes.engine.mixing.shortening import shorten
from mixes.engine.mixing.transitions import STYLES
from mixes.engine.timeline import Clip, Timeline
from mixes.models import MixTrack
from mixes.pages.join_plan import join_plan
from mixes.pages.mix_page import MixPage
from mixes.pages.planned_tracks import PlannedJoin, planned_tracks
from mixes.services.analyses import analyses_of
from mixes.services.drawing.mix_waveform import draw_mirrored, shape_of
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.join_values import JoinValues, join_values
from mixes.services.editing.plans import plan_of

WIDTH, LANE = 800, 100  # height of a lane, one per song
AROUND_S = 6.0  # seconds shown before and after the overlap, at least
AROUND_SHARE = 0.6  # the same, as a fraction of the overlap
COLUMNS = 200
CURVE_POINTS = 48


@dataclass(frozen=True, slots=True)
class JoinPicture:
    """Two lanes, one below the other, LANE high each: SVG paths and the extent of the overlap."""

    outgoing: tuple[str, str]  # peaks, body
    incoming: tuple[str, str]
    overlap_x: float
    overlap_width: float
    falling: str
    rising: str
    before_s: float  # seconds shown before the overlap
    shown_s: float


@dataclass(frozen=True)
class JoinPage:
    """The page of the join after `item`."""

    item: MixTrack
    into: MixTrack
    earlier: MixTrack | None  # the join before this one follows it
    later: MixTrack | None
    number: int  # number of the item in the mix, from 1
    ink: str  # of the first song: "odd" or "even", as in its row
    join: PlannedJoin
    values: JoinValues
    timeline: Timeline
    place: int  # of the join in the timeline
    tracks: Sequence[TrackAnalysis]

    # Computed only when the panel is shown: an edit asks for the values first

    @cached_property
    def picture(self) -> JoinPicture:
        return draw_join(self.timeline, self.place, self.tracks)

    @cached_property
    def plan(self) -> dict[str, Any]:
        """Return the plan for the script that edits the join in its picture."""
        return join_plan(self.timeline, self.place, (self.item, self.into), self.values, self.tracks)


def join_page(item: MixTrack, page: MixPage | None = None) -> JoinPage | None:
    """Return the page of the join after an item; None when a track is not ready or no track follows.

    `page` is that of the whole mix, if the caller has it.
    """
    items = [row.item for row in page.rows] if page else items_of(item.mix)
    plan = page.plan if page else plan_of(item.mix, items)
    planned = planned_tracks(item.mix, plan, items) if plan else []
    place = next((k for k, other in enumerate(planned) if other.item == item), len(planned))
    if plan is None or place >= len(planned) - 1:
        return None
    join = planned[place].join
    assert join is not None
    before, into = planned[place].item, planned[place + 1].item
    known = analyses_of([before.track, into.track])
    tracks = [known[before.track_id], known[into.track_id]]
    values = join_values(item.mix, plan, [one.item for one in planned], place, tracks)
    return JoinPage(
        before,
        into,
        earlier=planned[place - 1].item if place else None,
        later=into if planned[place + 1].join else None,
        number=before.position + 1,
        ink="even" if place % 2 else "odd",
        join=join,
        values=values,
        timeline=plan.timeline,
        place=place,
        tracks=tracks,
    )


def draw_join(timeline: Timeline, index: int, tracks: Sequence[TrackAnalysis]) -> JoinPicture:
    """Draw transition `index` between its two tracks."""
    outgoing, incoming = timeline.clips[index : index + 2]
    tracks = [
        shorten(t, clip.skips, timeline.rate) for t, clip in zip(tracks, (outgoing, incoming), strict=True)
    ]
    transition, rate = timeline.transitions[index], timeline.rate
    length_s = abs(transition.overlap) / rate
    around_s = max(AROUND_S, AROUND_SHARE * length_s)
    first = min(incoming.start, outgoing.end) - round(around_s * rate)
    shown = round((length_s + 2 * around_s) * rate)
    scale = WIDTH / shown
    position = np.linspace(0.0, 1.0, CURVE_POINTS)
    falling, rising = STYLES[transition.style].gains(position, Fades.of(transition, rate))
    if transition.overlap <= 0:  # a cut: one ends at once, the other begins at once
        falling = rising = np.zeros(CURVE_POINTS)
    left, right = around_s * rate * scale, (around_s + length_s) * rate * scale
    xs = np.linspace(left, right, CURVE_POINTS)
    return JoinPicture(
        outgoing=_lane(outgoing, tracks[0], timeline, first, shown),
        incoming=_lane(incoming, tracks[1], timeline, first, shown),
        overlap_x=round(left, 1),
        overlap_width=round(max(2.0, right - left), 1),
        falling=_curve([0.0, *xs], [1.0, *falling]),
        rising=_curve([*xs, float(WIDTH)], [*rising, 1.0]),
        before_s=around_s,
        shown_s=shown / rate,
    )


def _lane(clip: Clip, track: TrackAnalysis, timeline: Timeline, first: int, shown: int) -> tuple[str, str]:
    """Return the waveform of the part of a clip inside the window, at its gain and without its fade."""
    begin, end = max(clip.start, first), min(clip.end, first + shown)
    if end <= begin:
        return "", ""
    frames = begin + (np.arange(COLUMNS) + 0.5) * (end - begin) / COLUMNS
    places = frames - clip.start + clip.cue_in + clip.drift(frames - clip.start)
    share = places / (track.frames * timeline.rate / track.rate)
    shape, gain, scale = shape_of(track), db_to_gain(clip.gain_db), WIDTH / shown
    left, right = (begin - first) * scale, (end - first) * scale
    paths = []
    for heights in (shape.peaks, shape.body):
        places = np.clip((share * len(heights)).astype(int), 0, len(heights) - 1)
        paths.append(draw_mirrored(heights[places] * gain, left, right))
    return paths[0], paths[1]


def _curve(xs: Sequence[float], gains: Sequence[float]) -> str:
    """Return a gain curve as an SVG path; full gain is the top of its lane."""
    points = [f"{x:.0f} {LANE - 4 - gain * (LANE - 8):.0f}" for x, gain in zip(xs, gains, strict=True)]
    return f"M{'L'.join(points)}"
