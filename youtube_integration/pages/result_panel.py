"""Page model of the publishing panel on a result's page."""

from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from mixes.models import MixJob
from youtube_integration.models import YouTubeCredential, YouTubePublication
from youtube_integration.pages.publication_page import PublicationPage
from youtube_integration.services.drafts import will_have_video
from youtube_integration.services.publications import connected_channel

MAX_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ResultPanel:
    """The publications of a mix, newest first, and whether there is a video to publish."""

    sheets: tuple[PublicationPage, ...]
    credential: YouTubeCredential | None
    is_set_up: bool
    has_video: bool

    @property
    def is_open(self) -> bool:
        return any(sheet.publication.is_open for sheet in self.sheets)

    @property
    def is_published(self) -> bool:
        return any(sheet.kind == "published" for sheet in self.sheets)


def result_panel(owner: User, job: MixJob, *, has_video: bool) -> ResultPanel:
    """Return the panel of a result, in a constant number of queries."""
    publications = YouTubePublication.objects.filter(owner=owner, mix=job.mix_id)
    return ResultPanel(
        sheets=tuple(map(PublicationPage, publications[:MAX_SHOWN])),
        credential=connected_channel(owner),
        is_set_up=settings.PUBLISHING,
        has_video=will_have_video(job) if job.is_open else has_video,
    )
