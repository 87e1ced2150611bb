"""The page of one mix, read in a constant number of queries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import TextField
from django.db.models.functions import MD5, Cast
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

from mixes.engine.mixing.joins import QUIET_TAILS
from mixes.engine.mixing.unheard import SHORTEN_SILENCES
from mixes.models import Mix, MixJob, MixTrack, Track
from mixes.pages.mix_state import digest_of, state_of
from mixes.pages.planned_tracks import PlannedTrack, count_in_words, planned_tracks, songs_copied
from mixes.pages.time_axis import axis_times
from mixes.services import wording
from mixes.services.editing.engine_settings import SELDOM_USED
from mixes.services.editing.history import history_of
from mixes.services.editing.plans import MixPlan, plan_of

INKS = ("odd", "even")
DRAWN_CHARACTERS = 16  # of a plan's key, in the address of its waveform
DRAWN = "drawn"  # annotation: the hash of the waveform that is stored for a track
WORKING = (Track.State.UPLOADING, Track.State.ANALYSING)


@dataclass(frozen=True)
class Row:
    """One track in its place, and the next planned track.

    Number, ink and start follow from the order. A page sets them for all rows at once: they are in no digest.
    """

    item: MixTrack
    number: int
    ink: str  # name of its waveform colour; empty while it is not in the plan
    planned: PlannedTrack | None
    into: Track | None

    @property
    def track(self) -> Track:
        return self.item.track

    # Each is used a dozen times per row: escaped once, for pages of 500 rows

    @property
    def pk(self) -> SafeString:
        return mark_safe(str(self.item.pk))

    @property
    def title(self) -> SafeString:
        return conditional_escape(self.track.title or self.track.name)

    @property
    def is_working(self) -> bool:
        """Return whether work on it is pending; a usable track outside the plan is to be analysed again."""
        return self.track.state in WORKING or (self.track.is_usable and self.planned is None)

    @property
    def upload_percent(self) -> int:
        upload = getattr(self.track, "upload", None)
        return upload.offset * 100 // max(1, upload.size) if upload else 0

    @property
    def drawn(self) -> str:
        """Return the hash of the track's waveform, which is part of its address."""
        return str(getattr(self.item, DRAWN) or "")

    @cached_property
    def digest(self) -> str:
        """Return a hash of everything its row shows."""
        track = self.track
        names = (track.title, track.artist, track.name, track.problem, track.notes)
        measured = (track.duration_s, track.integrated_lufs, wording.track_music(track))
        facts = (track.state, bool(track.file), *measured, track.deleted_at)
        return digest_of(
            self.item.pk, names, facts, self.drawn, self.upload_percent, bool(self.ink), self.item.unlisted
        )

    @cached_property
    def join_digest(self) -> str:
        """Return a hash of everything the row of the join after it shows; empty without a join."""
        if self.planned is None or self.into is None:
            return ""
        return digest_of(self.item.pk, self.title, self.planned.join, self.into.pk, self.into.label)

    @property
    def place(self) -> str:
        """Return its id, and its start once it is planned: "<id>=<start>"."""
        return f"{self.item.pk}={wording.clock(self.planned.start_s)}" if self.planned else str(self.item.pk)


@dataclass(frozen=True)
class MixPage:
    """The current state of a mix."""

    mix: Mix
    digest: str  # changes with the page
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
        """Return the number of songs that a mix made now would lack."""
        return sum(row.planned is None and not row.is_working for row in self.rows)

    @property
    def drawn(self) -> str:
        """Return the hash of what the waveform of the whole mix shows, which is part of its address."""
        return drawn_name(self.mix)

    @property
    def places(self) -> str:
        """Return the order of all rows and the start of each planned one."""
        return " ".join(row.place for row in self.rows)

    def differing(self, shown: frozenset[str]) -> list[Row]:
        """Return the rows of which a page that shows these digests lacks the song or the join."""
        return [row for row in self.rows if not {row.digest, row.join_digest or row.digest} <= shown]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return sentences the owner should read before making the mix."""
        refused = sum(row.track.state == Track.State.REFUSED for row in self.rows)
        binned = sum(row.track.deleted_at is not None for row in self.rows)
        return (*_left_out(refused, binned, self.working), *(self.plan.notes if self.plan else ()))

    @property
    def notes(self) -> list[list[tuple[str, dict[str, Any] | None]]]:
        """Return the same sentences in pieces; a song that is named leads to its row, or to its join."""
        rows = {f"“{row.track.title or row.track.name}”": row for row in reversed(self.rows) if row.planned}
        return [
            [
                (piece, self.link_to(row, is_about_joins=text.startswith(QUIET_TAILS)) if row else None)
                for piece, row in wording.pieces_of(text, rows)
            ]
            for text in self.warnings
        ]

    def link_to(self, row: Row, *, is_about_joins: bool) -> dict[str, Any]:
        """Return the attributes of a link to a row, or to the join after it."""
        if is_about_joins and row.into:
            return {"href": reverse("mixes:join", args=[self.mix.pk, row.pk]), "data-opens-join": row.pk}
        return {"href": f"#row-{row.pk}"}

    @property
    def offers_shortening(self) -> bool:
        """Return whether a note names the setting that shortens silences inside songs."""
        return any(SHORTEN_SILENCES in text for text in self.warnings)

    @property
    def songs_copied(self) -> list[tuple[str, str]]:
        """Return what would become of the MP3 frames of each song, in words."""
        return songs_copied(self.plan.timeline) if self.plan else []

    @property
    def copied_count(self) -> str:
        return count_in_words(self.plan.timeline) if self.plan else ""

    @property
    def first_join(self) -> Row | None:
        return next((row for row in self.rows if row.planned and row.planned.join), None)

    @property
    def axis_s(self) -> tuple[float, ...]:
        return axis_times(self.plan.duration_s if self.plan else 0.0)


def drawn_name(mix: Mix) -> str:
    """Return the name of a mix's waveform, which changes with its plan."""
    return mix.plan_key[:DRAWN_CHARACTERS]


def mix_page(mix: Mix) -> MixPage:
    """Return the page of a mix; its plan is computed only if something changed."""
    digest = state_of(mix)  # read first: what changes from here on makes the next digest another one
    places = MixTrack.objects.filter(mix=mix).select_related("track", "track__upload")
    drawn = {DRAWN: MD5(Cast("track__waveform", TextField()))}
    items = list(places.defer(*SELDOM_USED).annotate(**drawn).order_by("position"))
    plan = plan_of(mix, items)
    undo, redo = history_of(mix)
    planned = planned_tracks(mix, plan, items) if plan else []
    return MixPage(mix, digest, tuple(_rows(items, planned)), plan, undo, redo, latest_job(mix))


def latest_job(mix: Mix) -> MixJob | None:
    """Return the newest job of a mix, without its snapshot and results."""
    shown = ("state", "stage", "progress", "error_text", "created_at", "finished_at", "title")
    return MixJob.objects.filter(mix=mix).only(*shown).order_by("-created_at").first()


def _rows(items: Sequence[MixTrack], planned: Sequence[PlannedTrack]) -> Iterator[Row]:
    places = {one.item.pk: place for place, one in enumerate(planned)}
    into = [*(one.item.track for one in planned[1:]), None]
    for number, item in enumerate(items, 1):
        place = places.get(item.pk)
        if place is None:
            yield Row(item, number, "", None, None)
        else:
            yield Row(item, number, INKS[place % 2], planned[place], into[place])


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
                "%d song is in the bin and is left out.",
                "%d songs are in the bin and are left out.",
                binned,
            )
            % binned
        )
    if working:
        yield ngettext("%d song is not ready yet.", "%d songs are not ready yet.", working) % working
