"""Page model of one publication: its progress in words, and the actions open to its owner."""

from dataclasses import dataclass
from functools import cached_property

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from mixes.leases import PROGRESS_FULL, State
from mixes.services.wording import remaining_words
from publishing.files import picture_path
from youtube_integration.models import YouTubePublication
from youtube_integration.problems import BY_REASON
from youtube_integration.services import publications

Phase = YouTubePublication.Phase
PACE_STALE_S = 120  # an older speed measurement is no longer shown
HEADLINES: dict[str, Promise] = {
    "waiting_for_mix": gettext_lazy("Waits for the mix"),
    "queued": gettext_lazy("About to begin"),
    "uploading": gettext_lazy("Uploading"),
    "stopping": gettext_lazy("Stopping"),
    "waiting": gettext_lazy("Waits for YouTube"),
    "needs_reconnect": gettext_lazy("Connect your channel again"),
    "needs_review": gettext_lazy("Please look on your channel"),
    "processing": gettext_lazy("YouTube is working on it"),
    "published": pgettext_lazy("state of a video", "On YouTube"),
    "failed": pgettext_lazy("state of a video", "Not published"),
    "cancelled": pgettext_lazy("state of a video", "Cancelled"),
}
POLL_EVERY_S = {
    "queued": 1,
    "uploading": 2,
    "stopping": 1,
    "processing": 2,
    "waiting": 10,
    "waiting_for_mix": 5,
}
CHIPS = {"published": "ok", "failed": "wrong", "needs_reconnect": "wrong", "needs_review": "wrong"}


@dataclass(frozen=True, slots=True)
class Station:
    """A step in the progress bar of a video: `past`, `here`, `trouble` or `ahead`."""

    icon: str
    name: str
    state: str


@dataclass(frozen=True)
class PublicationPage:
    """A publication, as its page shows it."""

    publication: YouTubePublication

    @cached_property
    def kind(self) -> str:
        """Return the state in one word, for the template."""
        row = self.publication
        if row.state == State.DONE:
            return "published"
        if not row.is_open:
            return str(row.state)
        if row.cancel_requested:
            return "stopping"
        if row.phase == Phase.UPLOADING and row.state == State.QUEUED and not row.offset:
            return "queued"
        return "processing" if row.phase == Phase.PUBLISHED else str(row.phase)

    @property
    def headline(self) -> str:
        return str(HEADLINES[self.kind])

    @property
    def chip(self) -> str:
        return CHIPS.get(self.kind, "working" if self.polls_every_s else "note")

    @property
    def polls_every_s(self) -> int:
        """Return the polling interval of the page; 0 while only a person can change the state."""
        return POLL_EVERY_S.get(self.kind, 0)

    @property
    def sent_bytes(self) -> int:
        """Return how many bytes are sent: those confirmed and those of the current chunk."""
        row = self.publication
        is_moving = row.state == State.RUNNING and self.kind == "uploading"
        return max(row.offset, row.size * row.progress // PROGRESS_FULL if is_moving else 0)

    @property
    def percent(self) -> int:
        return self.sent_bytes * 100 // self.publication.size if self.publication.size else 0

    @property
    def bytes_per_s(self) -> float:
        """Return the upload speed over the last chunks; 0 when it is unknown."""
        pace = self.publication.pace
        if len(pace) < 2 or timezone.now().timestamp() - pace[-1][0] > PACE_STALE_S:
            return 0.0
        (begun_s, first), (ended_s, last) = pace[0], pace[-1]
        return max(0.0, (last - first) / (ended_s - begun_s)) if ended_s > begun_s else 0.0

    @property
    def remaining(self) -> str:
        """Return the remaining upload time in words."""
        if not self.bytes_per_s:
            return ""
        return remaining_words((self.publication.size - self.sent_bytes) / self.bytes_per_s)

    @property
    def parts_done(self) -> int:
        return int(self.publication.processing.get("parts_done", 0))

    @property
    def parts_total(self) -> int:
        return int(self.publication.processing.get("parts_total", 0))

    @property
    def stations(self) -> tuple[Station, ...]:
        """Return the steps of a publication, with the state of each."""
        names = (
            ("tape", _("Mix")),
            ("upload", _("Upload")),
            ("settings", _("YouTube's work")),
            ("publish", _("On YouTube")),
        )
        here = self._station
        states = ["past"] * here + [self._state_here] + ["ahead"] * (len(names) - here - 1)
        return tuple(Station(icon, name, state) for (icon, name), state in zip(names, states, strict=True))

    @property
    def _station(self) -> int:
        if self.kind == "published":
            return 3
        if self.publication.video_id:
            return 2
        return 0 if self.publication.phase == Phase.WAITING_FOR_MIX else 1

    @property
    def _state_here(self) -> str:
        if self.kind == "published":
            return "past"
        return "here" if self.polls_every_s else "trouble"

    @property
    def video_url(self) -> str:
        return f"https://youtu.be/{self.publication.video_id}" if self.publication.video_id else ""

    @property
    def studio_url(self) -> str:
        video_id = self.publication.video_id
        return f"https://studio.youtube.com/video/{video_id}/edit" if video_id else ""

    @property
    def channel_url(self) -> str:
        return f"https://studio.youtube.com/channel/{self.publication.channel_id}/videos"

    @property
    def sentence(self) -> str:
        """Return the error for the owner, or else the worker's last message."""
        return self.publication.error_text or self.publication.message

    @property
    def may_be_there(self) -> bool:
        """Return whether YouTube may have the video; otherwise the review is about a changed file."""
        return self.publication.final_sent_at is not None

    @property
    def has_picture(self) -> bool:
        return bool(self.publication.job_id) or picture_path(self.publication) is not None

    @property
    def refused_field(self) -> str:
        """Return the form field that YouTube refused, or ""."""
        problem = BY_REASON.get(self.publication.google_reason)
        return problem.field if problem else ""

    @property
    def can_cancel(self) -> bool:
        return publications.can_cancel(self.publication) and not self.publication.cancel_requested

    @property
    def can_edit(self) -> bool:
        return publications.can_edit(self.publication)

    @property
    def can_resume(self) -> bool:
        return publications.can_resume(self.publication)

    @property
    def can_give_up(self) -> bool:
        """Return whether it waits for its owner and can only be ended."""
        return self.kind == "needs_review" or (self.kind == "needs_reconnect" and not self.can_cancel)
