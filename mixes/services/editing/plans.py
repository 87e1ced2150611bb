"""What a mix will be, worked out once per state and kept: the timeline to render, and all that is shown.

The one place where rows become the engine's settings. Tracks that are not ready yet, or lie in the bin, are
left out of the plan, which names them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.plan import Plan, plan_mix
from mixes.engine.mixing.settings import JoinSettings, MixSettings
from mixes.engine.timeline import Timeline, Transition
from mixes.engine.tracklist.chapters import chapters_of
from mixes.engine.tracklist.youtube import youtube_lines
from mixes.leases import OPEN
from mixes.models import AnalysisJob, Mix, MixTrack, Track
from mixes.services.drawing.mix_waveform import draw_mix
from mixes.services.library.analyses import Key, analyses_of, listen_anew, results_of

PLAN_VERSION = 1  # raised whenever the same mix would be planned or drawn otherwise
SHORTER_S = 0.05  # than asked for: then a join says that it was shortened
MOST_WARMED = 3  # mixes of one track: a worker has other things to do


@dataclass(frozen=True, slots=True)
class PlannedJoin:
    """How a track passes into the next one, for the chip between them."""

    style: str
    length_s: float  # of silence where the style is `gap`
    reason: str  # sentences
    by_hand: bool
    hint: str  # a word for why: see `_hint`


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """A track's place in the plan, and the join after it; the last one has none."""

    item: str
    start_s: float
    length_s: float
    gain_db: float
    join: PlannedJoin | None


@dataclass(frozen=True, slots=True)
class MixPlan:
    """A planned mix: two SVG paths per clip in `waves` (mix_waves.py), a line per chapter in `chapters`."""

    timeline: Timeline
    items: tuple[PlannedItem, ...]
    notes: tuple[str, ...]
    waves: tuple[tuple[str, str], ...]
    bars: tuple[int, ...]
    chapters: tuple[str, ...]
    chapter_notes: tuple[str, ...]
    has_chapters: bool

    @property
    def duration_s(self) -> float:
        return self.timeline.duration_s

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        items = tuple(
            PlannedItem(**{**item, "join": item["join"] and PlannedJoin(**item["join"])})
            for item in data["items"]
        )
        waves = tuple((peaks, body) for peaks, body in data["waves"])
        rest = {name: tuple(data[name]) for name in ("notes", "bars", "chapters", "chapter_notes")}
        timeline = Timeline.from_dict(data["timeline"])
        return cls(timeline, items, waves=waves, has_chapters=data["has_chapters"], **rest)


def mix_settings(mix: Mix) -> MixSettings:
    """Return the engine's settings of a mix."""
    return MixSettings(
        style=mix.style,
        transition_s="auto" if mix.transition_s is None else mix.transition_s,
        gap_s=mix.gap_s,
        soften=mix.soften,
        trim=mix.trim,
        target_lufs=mix.target_lufs,
        album_dynamics=mix.album_dynamics,
    )


def join_settings(item: MixTrack) -> JoinSettings:
    """Return the engine's settings of the join after an item."""
    return JoinSettings(item.join_style or None, "auto" if item.join_auto else item.join_s)


def items_of(mix: Mix) -> list[MixTrack]:
    """Return a mix's items in order, each with its track."""
    return list(MixTrack.objects.filter(mix=mix).select_related("track").order_by("position"))


def is_usable(track: Track) -> bool:
    """Tell whether a track can be part of a plan."""
    return track.state == Track.State.READY and track.deleted_at is None


def usable_items(items: Sequence[MixTrack]) -> list[MixTrack]:
    """Return the items a mix is made of now: those whose tracks are ready and not in the bin."""
    return [item for item in items if is_usable(item.track)]


def planned_items(plan: MixPlan, items: Sequence[MixTrack]) -> list[MixTrack]:
    """Return the items of a plan, one per clip of its timeline."""
    by_pk = {str(item.pk): item for item in items}
    return [by_pk[planned.item] for planned in plan.items]


def plan_of(mix: Mix, items: Sequence[MixTrack] | None = None) -> MixPlan | None:
    """Return the plan of a mix, worked out only when something about it has changed; None without tracks.

    `items` are those of `items_of`, where they are known.
    """
    usable = usable_items(items_of(mix) if items is None else items)
    results = results_of(item.track_id for item in usable)
    if stale := [item.track for item in usable if item.track_id not in results]:
        listen_anew(stale)
        usable = [item for item in usable if item.track_id in results]
    key = _key(mix, usable, results)
    if mix.plan_key == key:
        return MixPlan.from_json(mix.plan) if mix.plan else None
    plan = work_out(mix, usable)
    mix.plan, mix.plan_key = plan.to_json() if plan else None, key
    mix.duration_s, mix.bars = (plan.duration_s, plan.bars) if plan else (None, None)
    kept = {"plan": mix.plan, "plan_key": key, "duration_s": mix.duration_s, "bars": mix.bars}
    Mix.objects.filter(pk=mix.pk, version=mix.version).update(**kept)
    return plan


def warm(track: Track) -> None:
    """Plan the mixes a track stands in once nothing more is awaited for them: their pages find it ready."""
    mixes = Mix.objects.filter(deleted_at=None, pk__in=MixTrack.objects.filter(track=track).values("mix"))
    awaited = MixTrack.objects.filter(
        Q(track__state=Track.State.UPLOADING)
        | Q(track__in=AnalysisJob.objects.filter(state__in=OPEN).values("track")),
        mix=OuterRef("pk"),
    )
    for mix in mixes.filter(~Exists(awaited)).order_by("-updated_at")[:MOST_WARMED]:
        plan_of(mix)


def work_out(mix: Mix, usable: Sequence[MixTrack]) -> MixPlan | None:
    """Plan a mix of these items from their analyses; None without any."""
    if not usable:
        return None
    known = analyses_of([item.track for item in usable])
    tracks = [known[item.track_id] for item in usable]
    joins = [join_settings(item) for item in usable[:-1]]
    return _described(plan_mix(tracks, mix_settings(mix), joins), tracks, usable, mix)


def _described(plan: Plan, tracks: Sequence[TrackAnalysis], items: Sequence[MixTrack], mix: Mix) -> MixPlan:
    timeline, rate = plan.timeline, plan.timeline.rate
    joins = [
        _planned_join(transition, rate, item, mix)
        for item, transition in zip(items, timeline.transitions, strict=False)
    ]
    planned = tuple(
        PlannedItem(str(item.pk), clip.start / rate, clip.length / rate, clip.gain_db, join)
        for item, clip, join in zip(items, timeline.clips, [*joins, None], strict=True)
    )
    drawing = draw_mix(timeline, tracks)
    lines = youtube_lines(chapters_of(timeline), timeline.duration_s)
    return MixPlan(
        timeline=timeline,
        items=planned,
        notes=plan.notes,
        waves=drawing.clips,
        bars=drawing.bars,
        chapters=lines.lines,
        chapter_notes=lines.notes,
        has_chapters=lines.youtube_chapters,
    )


def _planned_join(transition: Transition, rate: int, item: MixTrack, mix: Mix) -> PlannedJoin:
    by_hand = bool(item.join_style) or item.join_s is not None or item.join_auto
    length_s = abs(transition.overlap) / rate
    return PlannedJoin(
        transition.style, length_s, transition.reason, by_hand, _hint(transition, length_s, item, mix)
    )


def _hint(transition: Transition, length_s: float, item: MixTrack, mix: Mix) -> str:
    """Return what is worth a word on a chip: the first that holds."""
    if transition.style in ("gapless", "gap", "cut"):
        return transition.style
    wished = item.join_s if item.join_s is not None else mix.transition_s
    is_auto = item.join_auto or wished is None
    if not is_auto and wished is not None and length_s < wished - SHORTER_S:
        return "shortened"
    if not transition.fade_out:
        return "own_fade"
    return "fitted" if is_auto else ""


def _key(mix: Mix, usable: Sequence[MixTrack], results: Mapping[UUID, Key]) -> str:
    """Return a digest of all that the plan depends on."""
    rows = [
        (
            item.pk,
            item.join_style,
            item.join_s,
            item.join_auto,
            results[item.track_id],
            *_names(item.track),
        )
        for item in usable
    ]
    whole = (PLAN_VERSION, asdict(mix_settings(mix)), rows)
    return hashlib.sha256(json.dumps(whole, default=str).encode()).hexdigest()


def _names(track: Track) -> tuple[Any, ...]:
    return track.pk, track.title, track.artist, track.album, track.track_number
