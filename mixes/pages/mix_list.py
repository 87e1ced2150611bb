"""The list of a user's mixes, read in a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import User
from mixes.leases import State
from mixes.models import Mix, MixJob, MixTrack
from mixes.services.drawing.covers import Cover, cover_of

PAGE = 24
SMALL = (480, 270)  # pixels of a picture in the list
LONG = ("plan", "description_template")  # large columns a list does not need


@dataclass(frozen=True, slots=True)
class MixCard:
    """A mix as the list shows it."""

    mix: Mix
    tracks: int
    job: MixJob | None
    cover: Cover | None  # None where the mix has its own picture


def find_mixes(owner: User, query: str, page: str | int) -> Page[MixCard]:
    """Return one page of `owner`'s mixes whose title or artist has all words of `query`; newest first."""
    mixes = Mix.objects.filter(owner=owner, deleted_at=None)
    for word in query.split():
        mixes = mixes.filter(Q(title__icontains=word) | Q(artist__icontains=word))
    found: Page[Any] = Paginator(_with_facts(mixes), PAGE).get_page(page)
    cards = _cards(list(found.object_list))
    return Page(cards, found.number, found.paginator)


def job_words(job: MixJob | None) -> str:
    """Return the state of the latest job of a mix in words."""
    if job is None:
        return _("Not made yet")
    words = {
        State.QUEUED: _("Waiting to be made"),
        State.RUNNING: _("Being made, %d %%") % job.percent,
        State.DONE: _("Made"),
        State.FAILED: _("Could not be made"),
        State.CANCELLED: _("Stopped"),
    }
    return words[State(job.state)]


def _with_facts(mixes: QuerySet[Mix]) -> QuerySet[Mix]:
    """Add counts from other tables for one page of rows; a join would count all mixes."""
    latest = MixJob.objects.filter(mix=OuterRef("pk")).order_by("-created_at").values("pk")[:1]
    items = MixTrack.objects.filter(mix=OuterRef("pk")).order_by().values("mix").annotate(n=Count("pk"))
    facts = {"tracks": Coalesce(Subquery(items.values("n")), 0), "latest_job": Subquery(latest)}
    return mixes.select_related("artwork").defer(*LONG).annotate(**facts).order_by("-updated_at", "pk")


def _cards(mixes: Sequence[Any]) -> list[MixCard]:
    shown = MixJob.objects.only("state", "progress", "mix", "created_at")
    jobs = shown.in_bulk([mix.latest_job for mix in mixes if mix.latest_job])
    return [
        MixCard(
            mix,
            tracks=mix.tracks,
            job=jobs.get(mix.latest_job),
            cover=None if mix.artwork else cover_of(mix, SMALL, with_words=False),
        )
        for mix in mixes
    ]
