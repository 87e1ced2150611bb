"""The plan of a mix, computed once per state and stored with it: its timeline, and its drawing.

Tracks that are not ready or are in the bin are left out of the plan. The drawing is stored because computing
it reads the analysis of every track; what pages derive from the timeline alone is in `pages/planned_tracks`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.repeats import repeat_notes
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.timeline import Timeline
from mixes.leases import OPEN
from mixes.models import AnalysisJob, Mix, MixTrack, Track
from mixes.services.analyses import Key, analyses_of, is_outdated, reanalyse, results_of
from mixes.services.drawing.mix_waveform import draw_mix
from mixes.services.editing.engine_settings import items_of, settings_of

PLAN_VERSION = 9  # raise it whenever the same mix would be planned, drawn or stored differently
MOST_PRECOMPUTED = 3  # mixes per track: the worker has other jobs


@dataclass(frozen=True, slots=True)
class MixPlan:
    """A planned mix; `item_ids` and `waves` (peaks and body as SVG paths) have one entry per clip."""

    timeline: Timeline
    item_ids: tuple[str, ...]
    notes: tuple[str, ...]
    waves: tuple[tuple[str, str], ...]
    bars: tuple[int, ...]
    automatic_gains_db: tuple[float, ...]

    @property
    def duration_s(self) -> float:
        return self.timeline.duration_s

    def used(self, items: Sequence[MixTrack]) -> list[MixTrack]:
        """Return the items that are in the plan, one per clip of its timeline."""
        by_pk = {str(item.pk): item for item in items}
        return [by_pk[pk] for pk in self.item_ids]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "timeline": self.timeline.to_dict()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read the output of `to_json`."""
        waves = tuple((peaks, body) for peaks, body in data["waves"])
        rest = {name: tuple(data[name]) for name in ("item_ids", "notes", "bars", "automatic_gains_db")}
        return cls(Timeline.from_dict(data["timeline"]), waves=waves, **rest)


def plan_of(mix: Mix, items: Sequence[MixTrack] | None = None) -> MixPlan | None:
    """Return the plan of a mix, computed only when its inputs have changed; None without usable tracks.

    `items` are the result of `items_of`, if the caller has it.
    """
    usable = [item for item in (items_of(mix) if items is None else items) if item.track.is_usable]
    results = results_of(item.track_id for item in usable)
    if outdated := [item.track for item in usable if is_outdated(results.get(item.track_id))]:
        reanalyse(outdated)
        usable = [item for item in usable if item.track_id in results]
    settings, joins, uses = settings_of(mix, usable)
    key = _key(settings, joins, uses, usable, results)
    if mix.plan_key == key:
        return MixPlan.from_json(mix.plan) if mix.plan else None
    plan = compute_plan(settings, joins, uses, usable)
    mix.plan, mix.plan_key = plan.to_json() if plan else None, key
    mix.duration_s, mix.bars = (plan.duration_s, plan.bars) if plan else (None, None)
    stored = {"plan": mix.plan, "plan_key": key, "duration_s": mix.duration_s, "bars": mix.bars}
    Mix.objects.filter(pk=mix.pk, version=mix.version).update(**stored)
    return plan


def precompute_plans(track: Track) -> None:
    """Plan the mixes that hold a track once all their tracks are analysed, so that their pages open fast."""
    mixes = Mix.objects.filter(deleted_at=None, pk__in=MixTrack.objects.filter(track=track).values("mix"))
    awaited = MixTrack.objects.filter(
        Q(track__state=Track.State.UPLOADING)
        | Q(track__in=AnalysisJob.objects.filter(state__in=OPEN).values("track")),
        mix=OuterRef("pk"),
    )
    for mix in mixes.filter(~Exists(awaited)).order_by("-updated_at")[:MOST_PRECOMPUTED]:
        plan_of(mix)


def compute_plan(
    settings: MixSettings,
    joins: Sequence[JoinSettings],
    uses: Sequence[Use],
    items: Sequence[MixTrack],
) -> MixPlan | None:
    """Plan and draw a mix of these items from their analyses; None without items."""
    if not items:
        return None
    known = analyses_of([item.track for item in items])
    tracks = [known[item.track_id] for item in items]
    plan = plan_mix(tracks, settings, joins, uses)
    drawing = draw_mix(plan.timeline, tracks)
    return MixPlan(
        timeline=plan.timeline,
        item_ids=tuple(str(item.pk) for item in items),
        notes=(*plan.notes, *repeat_notes(tracks)),
        waves=drawing.clips,
        bars=drawing.bars,
        automatic_gains_db=plan.automatic_gains_db,
    )


def _key(
    settings: MixSettings,
    joins: Sequence[JoinSettings],
    uses: Sequence[Use],
    items: Sequence[MixTrack],
    results: Mapping[UUID, Key],
) -> str:
    """Return a hash of everything the plan depends on."""
    rows = [(item.pk, results[item.track_id], *_names(item.track)) for item in items]
    whole = (
        PLAN_VERSION,
        asdict(settings),
        [asdict(join) for join in joins],
        [asdict(use) for use in uses],
        rows,
    )
    return hashlib.sha256(json.dumps(whole, default=str).encode()).hexdigest()


def _names(track: Track) -> tuple[Any, ...]:
    numbers = (track.disc_number, track.track_number)
    return track.pk, track.title, track.artist, track.album, track.album_artist, *numbers
