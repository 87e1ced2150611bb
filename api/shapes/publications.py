"""Publications on YouTube."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Field
from pydantic import AwareDatetime

from api.shapes.common import Answer, Shape, Text, missing, one_of
from api.shapes.jobs import JobState
from youtube_integration.models import YouTubePublication

WATCH = "https://youtu.be/"
Privacy = Literal["private", "unlisted", "public"]


class PublicationOut(Answer):
    """One upload of a finished mix. `phase` says what it waits for; `video_id` comes from YouTube."""

    id: UUID
    job: UUID | None
    mix: UUID | None
    state: JobState
    phase: str
    percent: int
    title: str
    privacy: Annotated[str, one_of(*YouTubePublication.Privacy.values)]
    publish_at: datetime | None
    video_id: str | None
    url: str | None
    message: str
    error: str
    created_at: datetime


class PublicationNew(Shape):
    """Details of the video; what is missing is suggested by the mix. YouTube asks who it is made for."""

    made_for_kids: bool
    title: Annotated[Text, Field(min_length=1, max_length=200)] = missing()
    description: Annotated[Text, Field(max_length=20_000)] = missing()
    tags: Annotated[list[Text], Field(max_length=200)] = missing()
    privacy: Privacy = missing()
    publish_at: AwareDatetime | None = missing()
    altered_content: bool = missing()
    notify_subscribers: bool = missing()
    again: bool = Field(False, description="publish it once more, beside the video that is there")


def show_publication(row: YouTubePublication) -> PublicationOut:
    return PublicationOut(
        id=row.pk,
        job=row.job_id,
        mix=row.mix_id,
        state=row.state,
        phase=row.phase,
        percent=row.percent,
        title=row.title,
        privacy=row.privacy,
        publish_at=row.publish_at,
        video_id=row.video_id,
        url=WATCH + row.video_id if row.video_id else None,
        message=row.message,
        error=row.error_text,
        created_at=row.created_at,
    )
