"""The sounds that play a mix before it is made: previews of its joins, and between them its songs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.urls import reverse

from mixes.engine.rendering.preview import heard_span
from mixes.engine.timeline import Timeline
from mixes.models import Mix, MixTrack
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.plans import plan_of

LEAST_S = 0.2  # of a song between two joins: less is jumped over


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the mix and the sound that it is heard from."""

    item: str  # id of the song, or of the one before the join
    is_join: bool
    title: str
    start_s: float  # in the mix
    end_s: float
    offset_s: float  # where it begins in its sound
    gain_db: float  # the sound of a join has its gain already
    request: str  # address that makes the sound on request


def rehearsal(mix: Mix) -> dict[str, Any]:
    """Return the pieces of a mix in order as plain types, with the length of the whole."""
    items = items_of(mix)
    plan = plan_of(mix, items)
    if plan is None:
        return {"version": mix.version, "duration_s": 0.0, "pieces": []}
    pieces = [asdict(piece) for piece in _pieces(mix, plan.timeline, plan.used(items))]
    return {"version": mix.version, "duration_s": plan.duration_s, "pieces": pieces}


def _pieces(mix: Mix, timeline: Timeline, items: Sequence[MixTrack]) -> Iterator[Piece]:
    """Yield the pieces in order, without overlaps."""
    place = 0
    for index in range(len(items)):
        is_last = index == len(timeline.transitions)
        first, end = (timeline.frames, timeline.frames) if is_last else heard_span(timeline, index)
        if first - place > LEAST_S * timeline.rate:
            yield _song(timeline, index, items[index], place, first)
            place = first
        if not is_last:
            yield _join(mix, timeline, items[index : index + 2], place, first, end)
            place = end


def _song(timeline: Timeline, index: int, item: MixTrack, start: int, end: int) -> Piece:
    clip, rate = timeline.clips[index], timeline.rate
    skipped = sum(frames for seam, frames in clip.seams() if seam <= start - clip.start)
    drift = clip.head_source - clip.head_frames  # a join is heard from its own sound, with what it stretches
    return Piece(
        item=str(item.pk),
        is_join=False,
        title=item.track.title or item.track.name,
        start_s=start / rate,
        end_s=end / rate,
        offset_s=(clip.file_cue_in + skipped + start - clip.start + drift) / rate,
        gain_db=clip.gain_db,
        request=reverse("mixes:track_preview", args=[item.track_id]),
    )


def _join(mix: Mix, timeline: Timeline, pair: Sequence[MixTrack], place: int, first: int, end: int) -> Piece:
    rate = timeline.rate
    return Piece(
        item=str(pair[0].pk),
        is_join=True,
        title=" → ".join(item.track.title or item.track.name for item in pair),
        start_s=max(place, first) / rate,
        end_s=end / rate,
        offset_s=max(0, place - first) / rate,
        gain_db=0.0,
        request=reverse("mixes:join_preview", args=[mix.pk, pair[0].pk]),
    )
