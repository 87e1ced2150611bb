"""YouTube as a publisher: the map from the shared protocol to this app."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy

from accounts.models import User
from mixes.jobs.runner import JobRun
from mixes.models import MixJob
from publishing.protocol import Check, Publisher
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubeCredential, YouTubePublication
from youtube_integration.problems import AFTER_RESTORE, MAY_BE_THERE
from youtube_integration.services import drafts
from youtube_integration.services.preflight import run_preflight
from youtube_integration.services.thumbnails import thumbnail_of


class YouTube(Publisher):
    """Publishes the MP4 of a mix on a channel. Google's libraries (40 MB) are imported only by workers."""

    name = YouTubePublication.PUBLISHER
    label = "YouTube"
    row = YouTubePublication
    credential = YouTubeCredential
    file_kind = "mp4"
    page = "youtube:publication"
    live_subject = gettext_lazy("“%s” is on YouTube")
    live_text = gettext_lazy("“%(title)s” is on YouTube:")
    without_file = gettext_lazy("This mix was made without a video. Make it again with an MP4.")
    made_without_file = gettext_lazy("The mix was made without a video, so there is nothing to publish.")
    file_deleted = gettext_lazy("Its video was deleted. Make the mix again, then publish that.")
    file_remade = gettext_lazy(
        "The mix was made again, and YouTube may have the earlier video. Publish it as a new one."
    )
    enough = gettext_lazy("Enough videos are being published already. Wait until one is done.")
    looking = gettext_lazy("Checking whether YouTube has this video already.")
    may_be_there = MAY_BE_THERE
    after_restore = AFTER_RESTORE
    nothing_sent: ClassVar[dict[str, Any]] = {
        "sealed_session": "",
        "session_opened_at": None,
        "offset": 0,
        "final_sent_at": None,
        "restarts": 0,
        "pace": [],
    }
    new_picture: ClassVar[dict[str, Any]] = {"thumbnail_state": YouTubePublication.Extra.WANTED}

    def preflight(self, owner: User, job: MixJob) -> tuple[Check, ...]:
        return run_preflight(owner, job)

    def draft(self, job: MixJob) -> VideoDetails:
        return drafts.draft_of(job)

    def columns_when_made(self, row: Any) -> dict[str, Any]:
        return {"description": drafts.describe(row.job)} if row.description_follows else {}

    def picture_of(self, job: MixJob) -> bytes:
        return thumbnail_of(job)

    def work(self, run: JobRun, row: Any) -> Any:
        from youtube_integration.jobs.work import PublicationWork

        return PublicationWork(run, row)

    def transfer(self, work: Any) -> str:
        from youtube_integration.jobs.upload import upload

        return upload(work)

    def watch(self, work: Any) -> dict[str, Any]:
        from youtube_integration.jobs.watch import finish

        return finish(work)

    def result_url(self, row: Any) -> str:
        return f"https://youtu.be/{row.video_id}" if row.video_id else ""


YOUTUBE = YouTube()
