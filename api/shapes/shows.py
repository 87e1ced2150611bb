"""Shows, and episodes made of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Field

from api.shapes.common import Answer, Shape
from api.shapes.jobs import JobNew, JobOut
from api.shapes.mixes import MOST_TRACKS
from api.shapes.publications import PublicationNew
from mixes.models import Show


class ShowOut(Answer):
    """What every episode of a show begins with."""

    id: UUID
    name: str
    title_pattern: str
    next_number: int
    intro: UUID | None = Field(description="the track that begins each episode")
    outro: UUID | None = Field(description="the track that ends each episode")
    created_at: datetime


class EpisodeNew(Shape):
    """The songs of an episode, between the show's intro and outro."""

    tracks: Annotated[list[UUID], Field(min_length=1, max_length=MOST_TRACKS)]


class EpisodeMake(EpisodeNew, JobNew):
    """An episode that is made at once, and published when `publish` has its details."""

    publish: PublicationNew | None = None


class EpisodeJob(JobOut):
    """The job of a new episode; `missing` says what the show had and the episode lacks."""

    missing: list[str]
    publication: UUID | None


def show_show(show: Show) -> ShowOut:
    names = ("name", "title_pattern", "next_number", "created_at")
    return ShowOut(
        id=show.pk,
        intro=show.intro_id,
        outro=show.outro_id,
        **{name: getattr(show, name) for name in names},
    )
