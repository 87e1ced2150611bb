"""Types and errors of the Google client; no repr or message shows a token."""

from dataclasses import dataclass, field
from datetime import datetime

from publishing.problems import ServiceError

UPLOAD_SCOPE = "https://www.googleapis.com/auth/youtube.upload"
READ_SCOPE = "https://www.googleapis.com/auth/youtube.readonly"
PLAYLIST_SCOPE = "https://www.googleapis.com/auth/youtube"  # includes all other channel access
MUSIC = "10"  # YouTube's id of the Music category
FILE_NAME_MARK = "mixtape-"  # prefix of the file name that every upload declares


class GoogleError(ServiceError):
    """Base class of errors of the Google client."""


class Unreachable(GoogleError):
    """No usable response: network error, timeout, or a failing token server."""


class Refused(GoogleError):
    """An error response: its HTTP status, Google's reason code, message and name of the limit."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str = "",
        retry_after_s: float | None = None,
        limit: str = "",
    ) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.limit = limit


class GrantLost(GoogleError):
    """The refresh token is invalid or revoked; `reason` is Google's code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FileChanged(GoogleError):
    """The file is shorter than when its upload began."""


class ConsentRefused(GoogleError):
    """No grant was given; `reason` is access_denied, mismatching_state, invalid_grant, unreachable, …"""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent request; its verifier and state are kept in the session until the answer."""

    url: str
    state: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """OAuth tokens of a grant; the access token expires after an hour."""

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
    """The details of a video that its owner decides."""

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
    """Progress of an upload session: bytes received, and the video's state when it is complete."""

    offset: int
    video_id: str | None = None


@dataclass(frozen=True, slots=True)
class VideoState:
    """YouTube's state of a video."""

    video_id: str
    channel_id: str
    title: str
    privacy: str
    upload_status: str  # uploaded, processed, failed, rejected, deleted: what became of the video
    failure_reason: str
    rejection_reason: str
    processing_status: str  # processing, succeeded, failed, terminated (unknown by now): progress only
    parts_done: int
    parts_total: int
    publish_at: str
    published_at: datetime | None
    blocked_countries: tuple[str, ...]
    allowed_countries: tuple[str, ...] | None  # blocked in all others; None when there is no such list
    file_name: str
    file_size: int | None
