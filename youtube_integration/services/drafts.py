"""Suggested title, description and tags of a publication, made from its mix."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from mixes.engine.tracklist.chapters import chapters_of
from mixes.engine.tracklist.description import render_description
from mixes.models import Artifact, MixJob, Show
from mixes.pages.job_page import JobPage, job_page
from mixes.services.rendering.snapshots import timeline_of
from youtube_integration.google.types import VideoDetails
from youtube_integration.services.video_rules import fitting_tags, fitting_title, read_tags

SOON = timedelta(hours=1)  # an upload may take as long


def draft_of(job: MixJob) -> VideoDetails:
    """Return the suggested details for the result of a job, finished or not; an episode's show sets some."""
    show = job.mix.show
    own_tags = read_tags(show.tags) if show else ()
    tags = fitting_tags([*own_tags, *suggest_tags(job)])
    draft = VideoDetails(fitting_title(job.title), describe(job), tags)
    if show is None:
        return draft
    return replace(draft, privacy=show.privacy, playlist=show.playlist, publish_at=next_hour(show))


def next_hour(show: Show) -> datetime | None:
    """Return when a private video of a show becomes public: at its hour, in the site's time zone."""
    if show.publish_hour is None or show.privacy != Show.Privacy.PRIVATE:
        return None
    zone = timezone.get_default_timezone()
    now = timezone.now()
    today = timezone.localdate(timezone=zone)
    days = (today, today + timedelta(days=1), today + timedelta(days=2))
    times = (datetime.combine(day, show.publish_hour, tzinfo=zone) for day in days)
    return next(time for time in times if time > now + SOON)


def describe(job: MixJob) -> str:
    """Return the description that the job wrote, or the one it will write."""
    page = job_page(job)
    return page.description or foresee_description(page)


def foresee_description(page: JobPage) -> str:
    snapshot = page.job.snapshot
    return render_description(
        snapshot["description_template"],
        chapters_of(page.timeline),
        page.timeline.duration_s,
        title=snapshot["title"],
        date=snapshot["date"],
        hashtags=snapshot["hashtags"],
    ).text


def suggest_tags(job: MixJob) -> list[str]:
    """Return tags: the mix's names, its hashtags, then its artists by number of songs."""
    artists = [chapter.artist for chapter in chapters_of(timeline_of(job.snapshot)) if chapter.artist]
    by_songs = sorted(dict.fromkeys(artists), key=lambda artist: -artists.count(artist))
    return [job.title, job.snapshot["artist"], *job.snapshot["hashtags"], *by_songs]


def duration_s(job: MixJob) -> float:
    """Return the actual or planned duration of the video in seconds."""
    return timeline_of(job.snapshot).duration_s


def video_of(job: MixJob) -> Artifact | None:
    """Return the MP4 of a job, or None."""
    return Artifact.objects.filter(job=job, kind=Artifact.Kind.MP4).first()


def will_have_video(job: MixJob) -> bool:
    """Return whether a job makes an MP4."""
    return Artifact.Kind.MP4 in job.snapshot["formats"]
