"""Suggested title, description and tags of a publication, made from its mix."""

from mixes.engine.tracklist.chapters import chapters_of
from mixes.engine.tracklist.description import render_description
from mixes.models import Artifact, MixJob
from mixes.pages.job_page import JobPage, job_page
from mixes.services.rendering.snapshots import timeline_of
from youtube_integration.google.types import VideoDetails
from youtube_integration.services.video_rules import fitting_tags, fitting_title


def draft_of(job: MixJob) -> VideoDetails:
    """Return the suggested details for the result of a job, finished or not."""
    return VideoDetails(fitting_title(job.title), describe(job), fitting_tags(suggest_tags(job)))


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
