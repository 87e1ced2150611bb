"""Page model of a user's YouTube channel."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from mixes.leases import OPEN
from youtube_integration.google.types import PLAYLIST_SCOPE, READ_SCOPE, UPLOAD_SCOPE
from youtube_integration.models import YouTubeCredential, YouTubePublication
from youtube_integration.services.channels import TESTING_LIFE

# Google's host for channel pictures, the only foreign host that pages may load images from
PICTURE_HOSTS = ("yt3.ggpht.com", "yt3.googleusercontent.com")
NOTICE_DELAY = 2 * TESTING_LIFE  # notice this late because grants are checked weekly

# Maximum video length by YouTube's `longUploadsStatus`: short text, and what to do about it
LENGTHS: dict[str, tuple[str | Promise, str | Promise]] = {
    "allowed": (_("up to 12 hours"), ""),
    "eligible": (
        _("up to 15 minutes"),
        _("YouTube refuses longer videos until you have verified the channel by phone."),
    ),
    "disallowed": (
        _("up to 15 minutes"),
        _("YouTube does not allow longer videos on this channel. YouTube's help pages explain why."),
    ),
}
LENGTH_UNKNOWN = (_("not known"), _("YouTube has not said whether videos may be longer than 15 minutes."))


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission requested from Google."""

    words: str | Promise
    is_granted: bool


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """A connected channel, as its page shows it."""

    title: str
    address: str
    picture: str
    needs_reconnect: bool
    permissions: tuple[Permission, ...]
    has_playlists: bool
    length: str | Promise
    length_note: str | Promise
    needs_verifying: bool
    granted_at: datetime
    may_end_at: datetime | None  # if the site's project at Google is in testing
    ended_like_testing: bool
    last_ok_at: datetime | None
    on_their_way: int  # publications that disconnecting would cancel


def channel_page(user: User) -> ChannelPage | None:
    """Return the page of a user's channel, or None when none is connected."""
    credential = YouTubeCredential.objects.filter(user=user).first()
    if credential is None:
        return None
    age = timezone.now() - credential.granted_at
    lost_after = credential.lost_at - credential.granted_at if credential.lost_at else None
    length, length_note = LENGTHS.get(credential.long_uploads, LENGTH_UNKNOWN)
    is_lost = credential.state == YouTubeCredential.State.RECONNECT
    return ChannelPage(
        title=credential.channel_title,
        address=f"https://www.youtube.com/channel/{credential.channel_id}",
        picture=shown_picture(credential.channel_picture),
        needs_reconnect=is_lost,
        permissions=permissions_of(credential),
        has_playlists=PLAYLIST_SCOPE in credential.scopes,
        length=length,
        length_note=length_note,
        needs_verifying=credential.long_uploads == "eligible",
        granted_at=credential.granted_at,
        may_end_at=credential.granted_at + TESTING_LIFE if age < TESTING_LIFE and not is_lost else None,
        ended_like_testing=lost_after is not None and lost_after < NOTICE_DELAY,
        last_ok_at=credential.last_ok_at,
        on_their_way=YouTubePublication.objects.filter(
            owner=user, state__in=OPEN, final_sent_at=None
        ).count(),
    )


def permissions_of(credential: YouTubeCredential) -> tuple[Permission, ...]:
    """Return the requested permissions and whether each is granted; the last one includes the others."""
    everything = PLAYLIST_SCOPE in credential.scopes
    return (
        Permission(_("Upload videos"), everything or UPLOAD_SCOPE in credential.scopes),
        Permission(
            _("See your channel, its videos and playlists"),
            everything or READ_SCOPE in credential.scopes,
        ),
        Permission(_("Put videos into playlists"), everything),
    )


def shown_picture(address: str) -> str:
    """Return a picture's URL if its host is allowed, else ""."""
    parts = urlsplit(address)
    return address if parts.scheme == "https" and parts.hostname in PICTURE_HOSTS else ""
