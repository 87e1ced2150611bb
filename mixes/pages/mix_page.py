"""All that the page of one mix shows, read in a constant number of queries."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

from mixes.models import Mix, MixJob, MixTrack, Track
from mixes.services.drawing.mix_waveform import WIDTH
from mixes.services.editing.history import history_of
from mixes.services.editing.plans import MixPlan, PlannedItem, is_usable, plan_of

INKS = ("odd", "even")
WORKING = (Track.State.UPLOADING, Track.State.LISTENING)
AXIS_MARKS = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One track in its place, and the next track it passes into where there is one."""

    item: MixTrack
    number: int
    ink: str  # which of the two inks its waveform has; none while it is not in the plan
    planned: PlannedItem | None
    into: Track | None

    @property
    def track(self) -> Track:
        return self.item.track

    # Both stand in a row a dozen times: escaped once, for a page of 500 rows

    @property
    def pk(self) -> SafeString:
        return mark_safe(str(self.item.pk))

    @property
    def title(self) -> SafeString:
        return conditional_escape(self.track.title or self.track.name)

    @property
    def is_working(self) -> bool:
        """Tell whether it is on its way; a ready one without a place in the plan is to be measured anew."""
        return self.track.state in WORKING or (is_usable(self.track) and self.planned is None)

    @property
    def upload_percent(self) -> int:
        upload = getattr(self.track, "upload", None)
        return upload.offset * 100 // max(1, upload.size) if upload else 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a join lies in the drawing of the whole mix."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class MixSheet:
    """A mix as it is now."""

    mix: Mix
    rows: tuple[Row, ...]
    plan: MixPlan | None
    undo: str | None
    redo: str | None
    job: MixJob | None

    @property
    def ready(self) -> int:
        return sum(row.planned is not None for row in self.rows)

    @property
    def working(self) -> int:
        return sum(row.is_working for row in self.rows)

    @property
    def left_out(self) -> int:
        """How many songs a mix that is made now will lack."""
        return sum(row.planned is None and not row.is_working for row in self.rows)

    @property
    def digest(self) -> str:
        """Return a word that changes whenever the page would look otherwise."""
        rows = [(r.item.pk, r.track.state, r.track.deleted_at, r.upload_percent // 10) for r in self.rows]
        names = [(r.track.title, r.track.artist, r.track.name) for r in self.rows]
        whole = repr((self.mix.version, self.mix.plan_key, rows, names))
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what its owner should know before the mix is made, in sentences."""
        refused = sum(row.track.state == Track.State.REFUSED for row in self.rows)
        binned = sum(row.track.deleted_at is not None for row in self.rows)
        return (*_left_out(refused, binned, self.working), *(self.plan.notes if self.plan else ()))

    @property
    def first_join(self) -> Row | None:
        return next((row for row in self.rows if row.planned and row.planned.join), None)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Return where the joins lie, in the drawing."""
        if self.plan is None:
            return ()
        timeline = self.plan.timeline
        scale = WIDTH / timeline.frames
        return tuple(
            Mark(round(after.start * scale, 1), round(max(3.0, join.overlap * scale), 1))
            for _, after, join in timeline.joins()
        )

    @property
    def axis_s(self) -> tuple[float, ...]:
        """Return times to write under the drawing, evenly over it."""
        duration_s = self.plan.duration_s if self.plan else 0.0
        return tuple(duration_s * step / AXIS_MARKS for step in range(AXIS_MARKS + 1))


def read_sheet(mix: Mix) -> MixSheet:
    """Read all that is shown of a mix; its plan is worked out only where something has changed."""
    items = list(
        MixTrack.objects.filter(mix=mix).select_related("track", "track__upload").order_by("position")
    )
    plan = plan_of(mix, items)
    undo, redo = history_of(mix)
    return MixSheet(mix, tuple(_rows(items, plan)), plan, undo, redo, latest_job(mix))


def latest_job(mix: Mix) -> MixJob | None:
    """Return the newest run of a mix, without its snapshot and results."""
    shown = ("state", "stage", "progress", "error_text", "created_at", "finished_at", "title")
    return MixJob.objects.filter(mix=mix).only(*shown).order_by("-created_at").first()


def _rows(items: Sequence[MixTrack], plan: MixPlan | None) -> Iterator[Row]:
    planned = {item.item: item for item in plan.items} if plan else {}
    tracks = {str(item.pk): item.track for item in items}
    after = dict(zip(planned, list(planned)[1:], strict=False))
    inks = {pk: INKS[place % 2] for place, pk in enumerate(planned)}
    for number, item in enumerate(items, 1):
        pk = str(item.pk)
        into = tracks.get(after.get(pk, ""))
        yield Row(item, number, inks.get(pk, ""), planned.get(pk), into)


def _left_out(refused: int, binned: int, working: int) -> Iterator[str]:
    if refused:
        yield (
            ngettext(
                "%d song cannot be used and is left out.",
                "%d songs cannot be used and are left out.",
                refused,
            )
            % refused
        )
    if binned:
        yield (
            ngettext(
                "%d song lies in the bin and is left out.",
                "%d songs lie in the bin and are left out.",
                binned,
            )
            % binned
        )
    if working:
        yield ngettext("%d song is not ready yet.", "%d songs are not ready yet.", working) % working
