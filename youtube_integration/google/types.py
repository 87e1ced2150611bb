"""What Google says, as values and errors of ours; none of it holds a token where it could be printed."""

from dataclasses import dataclass, field
from datetime import datetime

UPLOAD_SCOPE = "https://www.googleapis.com/auth/youtube.upload"
READ_SCOPE = "https://www.googleapis.com/auth/youtube.readonly"
PLAYLIST_SCOPE = "https://www.googleapis.com/auth/youtube"  # to change playlists, and all else of a channel
MUSIC = "10"  # YouTube's id of the category
FILE_NAME_MARK = "mixtape-"  # the names that our uploads give themselves begin with it


class GoogleError(Exception):
    """Base of what can go wrong with Google."""


class Unreachable(GoogleError):
    """No answer, or none that says anything: the network, a timeout, a token server that is down."""


class Refused(GoogleError):
    """An answer that says no: its HTTP status, Google's word for the reason, and Google's own sentence."""

    def __init__(
        self, status: int, reason: str, message: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s


class GrantLost(GoogleError):
    """The refresh token is worth nothing any more; `reason` is Google's word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FileChanged(GoogleError):
    """The file is shorter than it was when its upload began."""


class ConsentRefused(GoogleError):
    """A consent that gave no grant: access_denied, mismatching_state, invalid_grant, unreachable, …"""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Consent:
    """A question to Google's consent page; the verifier and the state wait in the session for the answer."""

    url: str
    state: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A grant: good for an hour, and then refreshed."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime  # aware, UTC
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    id: str
    title: str
    picture: str
    uploads_playlist: str
    long_uploads: str  # allowed, eligible, disallowed: videos of more than 15 minutes


@dataclass(frozen=True, slots=True)
class Playlist:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """What a video is to be: all that its owner decides."""

    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    category: str = MUSIC
    privacy: str = "private"
    made_for_kids: bool = False
    altered_content: bool = False
    publish_at: datetime | None = None  # aware
    notify_subscribers: bool = True
    playlist: str = ""


@dataclass(frozen=True, slots=True)
class SessionState:
    """How far an upload session is: the bytes YouTube has, and the video once it has them all."""

    offset: int
    video_id: str | None = None


@dataclass(frozen=True, slots=True)
class VideoState:
    """What YouTube says of a video."""

    video_id: str
    channel_id: str
    title: str
    privacy: str
    upload_status: str  # uploaded, processed, failed, rejected, deleted
    failure_reason: str
    rejection_reason: str
    processing_status: str  # processing, succeeded, failed, terminated
    parts_done: int
    parts_total: int
    publish_at: str
    published_at: datetime | None
    blocked_countries: tuple[str, ...]
    file_name: str
    file_size: int | None
