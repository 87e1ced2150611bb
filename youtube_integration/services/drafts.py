"""What a publication is called before its owner has changed a word: made of the mix itself."""

from mixes.engine.tracklist.chapters import chapters_of
from mixes.engine.tracklist.description import render_description
from mixes.models import Artifact, MixJob
from mixes.pages.job_page import JobPage, job_page
from mixes.services.rendering.snapshots import timeline_of
from youtube_integration.google.types import VideoDetails
from youtube_integration.services.video_rules import fitting_tags, fitting_title


def draft_of(job: MixJob) -> VideoDetails:
    """Return title, description and tags for the result of a run, be it there or on its way."""
    return VideoDetails(fitting_title(job.title), describe(job), fitting_tags(suggest_tags(job)))


def describe(job: MixJob) -> str:
    """Return the description that the run wrote, or the one it is going to write."""
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
    """Return the mix's own names, its hashtags, then its artists, those with the most songs first."""
    artists = [chapter.artist for chapter in chapters_of(timeline_of(job.snapshot)) if chapter.artist]
    by_songs = sorted(dict.fromkeys(artists), key=lambda artist: -artists.count(artist))
    return [job.title, job.snapshot["artist"], *job.snapshot["hashtags"], *by_songs]


def duration_s(job: MixJob) -> float:
    """Return how long the video is, or is going to be."""
    return timeline_of(job.snapshot).duration_s


def video_of(job: MixJob) -> Artifact | None:
    """Return the MP4 that a run made."""
    return Artifact.objects.filter(job=job, kind=Artifact.Kind.MP4).first()


def will_have_video(job: MixJob) -> bool:
    """Tell whether a run makes an MP4."""
    return Artifact.Kind.MP4 in job.snapshot["formats"]
