"""Checks before publishing, each with a sentence and a link to the fix."""

from collections.abc import Iterator
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from mixes.leases import State
from mixes.models import MixJob
from mixes.services.wording import clock
from publishing import actions
from publishing.protocol import Check, is_clear
from youtube_integration.models import YouTubeCredential, YouTubePublication
from youtube_integration.services import quotas
from youtube_integration.services.channels import TESTING_LIFE
from youtube_integration.services.drafts import duration_s, video_of, will_have_video
from youtube_integration.services.publications import connected_channel, open_publication

__all__ = ["Check", "is_clear", "run_preflight"]

PLAIN_CHANNEL_S = 15 * 60  # YouTube's limit for channels without a verified phone number
MAX_LENGTH_S = 12 * 3600 - 30  # YouTube's limit is 12 hours; it has refused files of exactly 12:00:00
VERIFY_URL = "https://www.youtube.com/verify"
ENDS_SOON = timedelta(days=2)  # warn this long before a grant may end


def run_preflight(owner: User, job: MixJob) -> tuple[Check, ...]:
    """Return the results of all checks for publishing the video of a job."""
    credential = connected_channel(owner)
    checks = [check_channel(credential), check_video(job), check_length(credential, duration_s(job))]
    if credential:
        checks += [*check_quota(owner), *check_grant(credential), *check_open(owner, job)]
        checks += check_earlier(credential, job)
    return tuple(checks)


def check_channel(credential: YouTubeCredential | None) -> Check:
    page = reverse("youtube:channel")
    if credential is None:
        return Check("wrong", _("No YouTube channel is connected."), page, _("Connect your channel"))
    if credential.state != YouTubeCredential.State.ACTIVE:
        text = _("YouTube does not let Mixtape in any more.")
        return Check("wrong", text, page, _("Connect it again"))
    text = _("It goes to your channel “%s”.") % credential.channel_title
    return Check("ok", text, page, _("Channel"))


def check_video(job: MixJob) -> Check:
    if video := None if job.is_open else video_of(job):
        return Check("ok", _("The video is there: %s.") % video.name)
    if job.is_open and will_have_video(job):
        return Check("ok", _("The video is being made; the upload begins when it is done."))
    if job.is_open:
        text = _("This mix is being made without a video.")
    elif job.state == State.DONE:
        text = _("This mix was made without a video.")
    else:
        text = _("This mix was not made, so there is no video.")
    return Check("wrong", text)


def check_length(credential: YouTubeCredential | None, length_s: float) -> Check:
    length = clock(length_s)
    if length_s > MAX_LENGTH_S:
        return Check("wrong", _("It lasts %s, and YouTube accepts at most 11:59:30.") % length)
    if length_s <= PLAIN_CHANNEL_S:
        return Check("ok", _("Its length, %s, is right for every channel.") % length)
    allowed = credential.long_uploads if credential else ""
    if allowed == "allowed":
        return Check("ok", _("Its length is %s, and your channel may take long videos.") % length)
    if allowed == "disallowed":
        text = _(
            "It lasts %s, and YouTube allows your channel 15 minutes. Its help pages say why that may be."
        )
        return Check("wrong", text % length)
    if allowed:
        text = _("It lasts %s. Your channel takes 15 minutes until its phone number is verified.") % length
        return Check("wrong", text, VERIFY_URL, _("Verify it on YouTube"))
    text = _("It lasts %s: over 15 minutes YouTube wants a channel with a verified phone number.") % length
    return Check("note", text, VERIFY_URL, _("Look on YouTube"))


def check_quota(owner: User) -> Iterator[Check]:
    left, share = quotas.starts_left(), quotas.share_left(owner)
    at = date_format(timezone.localtime(quotas.next_midnight()), "H:i")
    if not left:
        text = _("Today's uploads of this site are used up: yours starts automatically at %s.")
        yield Check("note", text % at)
    elif not share:
        yield Check("note", _("Your uploads of today are used up: this one starts automatically at %s.") % at)
    elif share < left:
        text = ngettext("%d upload is left to you today.", "%d uploads are left to you today.", share)
        yield Check("ok", text % share)
    else:
        text = ngettext(
            "%d upload is left today for all users together.",
            "%d uploads are left today for all users together.",
            left,
        )
        yield Check("ok", text % left)


def check_grant(credential: YouTubeCredential) -> Iterator[Check]:
    """Warn when the grant may end soon: after a week if the Google project is in testing."""
    ends_at = credential.granted_at + TESTING_LIFE
    now = timezone.now()
    is_active = credential.state == YouTubeCredential.State.ACTIVE
    if is_active and ends_at - ENDS_SOON < now < ends_at:
        text = _("If this site is in Google's test mode, its permission ends on %s. Connect again by then.")
        at = date_format(timezone.localtime(ends_at), "j F, H:i")
        yield Check("note", text % at, reverse("youtube:channel"), _("Channel"))


def check_open(owner: User, job: MixJob) -> Iterator[Check]:
    if found := open_publication(owner, job):
        link = reverse("youtube:publication", args=[found.pk])
        yield Check("wrong", _("This mix is being published already."), link, _("See how far it is"))


def check_earlier(credential: YouTubeCredential, job: MixJob) -> Iterator[Check]:
    if found := earlier_publication(credential, job):
        link = reverse("youtube:publication", args=[found.pk])
        text = (
            _("This mix is on your channel already, as “%s”.")
            if found.video_id
            else _("This mix may be on your channel already, as “%s”: look there first.")
        ) % found.title
        yield Check("note", text, link, _("Show"), is_repetition=True)


def earlier_publication(credential: YouTubeCredential, job: MixJob) -> YouTubePublication | None:
    """Return the last publication of this mix on this channel that made, or may have made, a video.

    A video counts whatever became of the publication: YouTube may still show one that it rejected.
    """
    same = YouTubePublication.objects.filter(channel_id=credential.channel_id)
    found: YouTubePublication | None = actions.earlier_publication(same, job)
    return found
