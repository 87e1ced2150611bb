"""The plan of a mix, computed once per state and stored with it.

Tracks that are not ready or are in the bin are left out of the plan. Its drawing is made when a page asks for
it; what pages derive from the timeline alone is in `pages/planned_tracks`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from mixes.engine.analysis.track import READABLE_VERSIONS
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.repeats import repeat_notes
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.timeline import Timeline
from mixes.leases import OPEN
from mixes.models import AnalysisJob, Mix, MixTrack, Track
from mixes.services.analyses import Key, analyses_of, is_outdated, reanalyse, results_of
from mixes.services.drawing.mix_waveform import Drawing, draw_mix
from mixes.services.editing.engine_settings import items_of, settings_of

PLAN_VERSION = 18  # raise it whenever the same mix would be planned, drawn or stored differently
STORED = ("item_ids", "notes", "automatic_gains_db")  # with the timeline
MOST_PRECOMPUTED = 3  # mixes per track: the worker has other jobs


@dataclass(frozen=True, slots=True)
class MixPlan:
    """A planned mix; `item_ids` has one entry per clip."""

    timeline: Timeline
    item_ids: tuple[str, ...]
    notes: tuple[str, ...]
    automatic_gains_db: tuple[float, ...]

    @property
    def duration_s(self) -> float:
        return self.timeline.duration_s

    def used(self, items: Sequence[MixTrack]) -> list[MixTrack]:
        """Return the items that are in the plan, one per clip of its timeline."""
        by_pk = {str(item.pk): item for item in items}
        return [by_pk[pk] for pk in self.item_ids]

    def to_json(self) -> dict[str, Any]:
        return {"timeline": self.timeline.to_dict(), **{name: getattr(self, name) for name in STORED}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read the output of `to_json`."""
        rest = {name: tuple(data[name]) for name in STORED}
        return cls(Timeline.from_dict(data["timeline"]), **rest)


def plan_of(mix: Mix, items: Sequence[MixTrack] | None = None) -> MixPlan | None:
    """Return the plan of a mix, computed only when its inputs have changed; None without usable tracks.

    `items` are the result of `items_of`, if the caller has it.
    """
    usable = [item for item in (items_of(mix) if items is None else items) if item.track.is_usable]
    results = results_of(MixTrack.objects.filter(mix=mix).values("track"))
    if outdated := [item.track for item in usable if is_outdated(results.get(item.track_id))]:
        reanalyse(outdated)
        usable = [item for item in usable if item.track_id in results]
    settings, joins, uses = settings_of(mix, usable)
    key = _key(settings, joins, uses, usable, results)
    if mix.plan_key == key:
        return MixPlan.from_json(mix.plan) if mix.plan else None
    plan = compute_plan(settings, joins, uses, usable, results)
    mix.plan, mix.plan_key = plan.to_json() if plan else None, key
    mix.duration_s = plan.duration_s if plan else None
    stored = {"plan": mix.plan, "plan_key": key, "duration_s": mix.duration_s}
    Mix.objects.filter(pk=mix.pk, version=mix.version).update(**stored)
    return plan


def join_target(item: MixTrack) -> UUID | None:
    """Return the id of the item that follows a planned item in the plan; None without one."""
    measured = AnalysisJob.objects.filter(
        track=OuterRef("track"), version__in=READABLE_VERSIONS, measured_at__isnull=False
    )
    usable = {"track__state": Track.State.READY, "track__deleted_at": None}
    planned = MixTrack.objects.filter(Exists(measured), mix=item.mix_id, **usable)
    found = planned.filter(position__gte=item.position).order_by("position").values_list("pk", flat=True)[:2]
    return found[1] if len(found) == 2 and found[0] == item.pk else None


def drawing_of(mix: Mix, plan: MixPlan, items: Sequence[MixTrack]) -> Drawing:
    """Draw a mix by its plan, and store the bars of its cover. `items` are all items of the mix."""
    tracks = [item.track for item in plan.used(items)]
    known = analyses_of(tracks)
    drawing = draw_mix(plan.timeline, [known[track.pk] for track in tracks])
    if mix.bars != list(drawing.bars):
        mix.bars = list(drawing.bars)
        Mix.objects.filter(pk=mix.pk, plan_key=mix.plan_key).update(bars=mix.bars)
    return drawing


def precompute_plans(track: Track) -> None:
    """Plan the mixes that hold a track once all their tracks are analysed, so that their pages open fast."""
    mixes = Mix.objects.filter(deleted_at=None, pk__in=MixTrack.objects.filter(track=track).values("mix"))
    awaited = MixTrack.objects.filter(
        Q(track__state=Track.State.UPLOADING)
        | Q(track__in=AnalysisJob.objects.filter(state__in=OPEN).values("track")),
        mix=OuterRef("pk"),
    )
    for mix in mixes.filter(~Exists(awaited)).order_by("-updated_at")[:MOST_PRECOMPUTED]:
        items = items_of(mix)
        if plan := plan_of(mix, items):
            drawing_of(mix, plan, items)


def compute_plan(
    settings: MixSettings,
    joins: Sequence[JoinSettings],
    uses: Sequence[Use],
    items: Sequence[MixTrack],
    results: Mapping[UUID, Key],
) -> MixPlan | None:
    """Plan a mix of these items from the analyses that `results` name; None without items."""
    if not items:
        return None
    known = analyses_of([item.track for item in items], results)
    tracks = [known[item.track_id] for item in items]
    plan = plan_mix(tracks, settings, joins, uses)
    return MixPlan(
        timeline=plan.timeline,
        item_ids=tuple(str(item.pk) for item in items),
        notes=(*plan.notes, *repeat_notes(tracks, plan.timeline.clips)),
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
    return hashlib.sha256(repr((PLAN_VERSION, settings, joins, uses, rows)).encode()).hexdigest()


def _names(track: Track) -> tuple[Any, ...]:
    numbers = (track.disc_number, track.track_number)
    music = (track.own_tempo, track.own_key, track.own_bar_shift)
    return track.pk, track.title, track.artist, track.album, track.album_artist, *numbers, *music
