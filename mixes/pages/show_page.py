"""The page of a show, and its card in the list of mixes."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Count

from accounts.models import User
from mixes.models import Artifact, Mix, Show
from mixes.pages.look_page import shape_of
from mixes.pages.sharing.podcast_feed import feed_url
from mixes.services.drawing.covers import Cover, cover_of
from mixes.services.rendering.snapshots import size_of
from mixes.services.shows.episodes import free_number
from mixes.services.shows.names import title_of
from mixes.services.shows.presets import preset_of

MOST_EPISODES = 24  # of the list on the page


@dataclass(frozen=True, slots=True)
class ShowCard:
    """A show in the list of mixes."""

    show: Show
    next_title: str
    episodes: int


@dataclass(frozen=True, slots=True)
class ShowPage:
    """A show beside its forms."""

    show: Show
    sample: Mix  # the next episode, not saved
    cover: Cover
    size: tuple[int, int]
    episodes: tuple[Mix, ...]  # newest first, at most MOST_EPISODES
    count: int
    feed_url: str
    in_feed: int  # episodes
    with_mp3: frozenset[UUID]  # ids of those on the page that have one

    @property
    def shape(self) -> str:
        return shape_of(self.size)


def show_cards(owner: User) -> list[ShowCard]:
    """Return `owner`'s shows by name."""
    shows = Show.objects.filter(owner=owner).defer("preset").annotate(count=Count("episodes"))
    return [
        ShowCard(show, title_of(show, show.next_number), show.count) for show in shows.order_by("name", "pk")
    ]


def show_page(show: Show) -> ShowPage:
    """Return the page of a show."""
    title = title_of(show, free_number(show))
    sample = Mix(owner=show.owner, show=show, **replace(preset_of(show), title=title).settings())
    episodes = Mix.objects.filter(show=show, deleted_at=None).defer("plan", "description_template")
    newest = tuple(episodes.order_by("-created_at")[:MOST_EPISODES])
    size = size_of(sample)
    return ShowPage(
        show,
        sample,
        cover_of(sample, size),
        size,
        newest,
        episodes.count(),
        feed_url=feed_url(show),
        in_feed=episodes.filter(in_feed_since__isnull=False).count(),
        with_mp3=frozenset(
            Artifact.objects.filter(job__mix__in=newest, kind=Artifact.Kind.MP3).values_list(
                "job__mix_id", flat=True
            )
        ),
    )
