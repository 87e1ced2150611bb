"""State of the stand-in, and its switches."""

import hashlib
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "1234-mixtape.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-canary-of-the-client"
BLOCK = 262_144  # bytes; every chunk but the last is a multiple of it


@dataclass
class Manner:
    """Google's behaviour without faults."""

    expires_in_s: int = 3599
    asks: bool = False  # show a page with two links instead of granting at once
    denies: bool = False
    dropped_scopes: tuple[str, ...] = ()
    rotates_refresh: bool = False
    has_channel: bool = True
    channel_id: str = "UCstandin"
    channel_title: str = "DJ Channel"
    long_uploads: str = "allowed"
    user: dict[str, str] = field(
        default_factory=lambda: {"sub": "110", "email": "dj@example.com", "name": "DJ Example"}
    )
    forced_privacy: str = ""
    blocked_countries: tuple[str, ...] = ()
    allowed_countries: tuple[str, ...] | None = None
    polls: int = 1  # responses before processing ends
    processing: str = "succeeded"  # failed, rejected, deleted, never
    processing_status: str = ""  # terminated, or another that does not follow from `processing`
    why: str = ""  # reason of a failure or a rejection
    lists_uploads: bool = True
    shows_file_names: bool = True
    allows_thumbnails: bool = True
    settles_after: int = 0  # polls of a new video before thumbnails and playlists know it
    is_strict_when_done: bool = False  # refuse a chunk for a session that has its video


@dataclass
class Fault:
    """A fault at the `nth` request of kind `on`, repeated `times`.

    on: start, chunk, status, token, refresh, revoke, channels, videos, thumbnail, playlists, playlist_items,
    playlist_insert.
    """

    on: str
    nth: int = 1
    times: int = 1
    reason: str = ""
    status: int = 0
    retry_after: str = ""
    keep: int = 0  # bytes of the chunk that are stored before the fault
    short: int | None = None  # answer 308, with only this many bytes of the chunk stored
    drop: str = ""  # fin or rst instead of a response
    after: int = 0  # bytes that are read before the connection is dropped
    is_answer_lost: bool = False  # execute the request, then drop the connection or answer with `reason`
    content: str | None = None  # execute the request, then answer 200 with this instead
    limit: str = ""  # Google's name of the limit that `reason` is about
    has_details_only: bool = False  # an error in Google's second format
    loses_session: bool = False
    stall_s: float = 0.0  # seconds before execution
    late_s: float = 0.0  # seconds between execution and response
    pause_s: float = 0.0  # seconds after each block of 64 KiB: a slow connection
    seen: int = 0


@dataclass
class Grant:
    scopes: tuple[str, ...]
    user: dict[str, str]
    is_offline: bool
    nonce: str = ""
    expires_at_s: float = 0.0


@dataclass
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at_s: float


@dataclass
class Session:
    resource: dict[str, Any]
    size: int
    file_name: str
    offset: int = 0
    received: int = 0  # bytes of chunks that arrived, stored or not
    digest: Any = field(default_factory=hashlib.sha256)
    video_id: str = ""
    opened_s: float = field(default_factory=time.monotonic)
    made_s: float = 0.0  # when the video was created


@dataclass
class Asked:
    """A request and its response status."""

    method: str
    path: str
    content_range: str = ""
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None  # JSON
    outcome: Any = ""
    answer: Any = None  # JSON


class State:
    """All state, behind one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.manner = Manner()
        self.codes: dict[str, Code] = {}
        self.access: dict[str, Grant] = {}
        self.refresh: dict[str, Grant] = {}
        self.revoked: list[str] = []
        self.sessions: dict[str, Session] = {}
        self.videos: dict[str, dict[str, Any]] = {}
        self.playlists: dict[str, str] = {"PLmixes": "Mixes"}
        self.items: list[dict[str, Any]] = []  # of playlists
        self.faults: list[Fault] = []
        self.log: list[Asked] = []

    def fail(self, on: str, **switches: Any) -> Fault:
        """Inject a fault; see Fault."""
        with self.lock:
            self.faults.append(Fault(on, **switches))
            return self.faults[-1]

    def take_fault(self, on: str) -> Fault | None:
        """Return the fault for this request, or None."""
        with self.lock:
            for fault in self.faults:
                if fault.on == on and fault.times > 0:
                    fault.seen += 1
                    if fault.seen >= fault.nth:
                        fault.times -= 1
                        return fault
        return None

    def expire_tokens(self) -> None:
        """Expire all access tokens."""
        with self.lock:
            for grant in self.access.values():
                grant.expires_at_s = 0.0

    def end_grants(self) -> None:
        """Revoke all grants, like a user on Google's page of connected apps."""
        with self.lock:
            self.access.clear()
            self.refresh.clear()

    def asked(self, method: str, path: str) -> list[Asked]:
        """Return the requests of a kind so far."""
        with self.lock:
            return [one for one in self.log if one.method == method and one.path.endswith(path)]

    def give_grant(self, scopes: Sequence[str]) -> tuple[str, str]:
        """Return an access and a refresh token, as after a consent."""
        access, refresh = "ya29.a0" + secrets.token_urlsafe(32), "1//0" + secrets.token_urlsafe(32)
        with self.lock:
            grant = Grant(tuple(scopes), dict(self.manner.user), is_offline=True)
            self.refresh[refresh] = grant
            self.give_access(grant, access)
        return access, refresh

    def give_access(self, grant: Grant, token: str) -> None:
        lives_until_s = time.time() + self.manner.expires_in_s
        self.access[token] = Grant(grant.scopes, grant.user, grant.is_offline, grant.nonce, lives_until_s)


@cache
def signing_key() -> rsa.RSAPrivateKey:
    """Return the key of id tokens; cached because generating it is slow."""
    return rsa.generate_private_key(65537, 2048)
