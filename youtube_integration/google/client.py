"""Google client: OAuth consent, tokens and YouTube's Data API as typed functions.

No other module imports Google's libraries. Their exceptions are translated to the errors of `google.types`.
No error holds a token or the URL of an upload session: that URL alone gives write access to the session.
"""

import contextlib
import hmac
import http.client
import json
import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlencode, urlsplit

import google.auth.exceptions
import google.auth.transport.requests
import httplib2
import requests
from django.conf import settings
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from google_auth_oauthlib.flow import Flow
from googleapiclient import discovery, discovery_cache
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, build_http
from oauthlib.oauth2 import OAuth2Error

from mixtape_site.configuration.google import is_local
from youtube_integration.google.request_bodies import FileWindow, SingleReadBody
from youtube_integration.google.responses import (
    read_channel,
    read_refusal,
    read_session,
    read_video,
    to_resource,
)
from youtube_integration.google.types import (
    FILE_NAME_MARK,
    Channel,
    Consent,
    ConsentRefused,
    GrantLost,
    Playlist,
    Refused,
    SessionState,
    Tokens,
    Unreachable,
    VideoDetails,
    VideoState,
)

SOCKET_TIMEOUT_S = 60  # for each block sent or received, not for a whole chunk
REVOKE_TIMEOUT_S = 5
PAGE_SIZE = 50  # YouTube's maximum of items per response
MAX_PAGES = 100  # ends the listing of a server that repeats its pages
NETWORK_ERRORS = (
    OSError,
    httplib2.HttpLib2Error,
    http.client.HTTPException,
    google.auth.exceptions.TransportError,
)
NOISY_LOGGERS = (
    "requests_oauthlib",
    "oauthlib",
    "googleapiclient",
    "google",
    "google_auth_httplib2",
    "urllib3",
)
for _name in NOISY_LOGGERS:
    logging.getLogger(_name).setLevel(logging.WARNING)  # below that, some of them log codes and tokens


def begin_consent(redirect_uri: str, scopes: Sequence[str]) -> Consent:
    """Return the URL of Google's consent page; it asks for a refresh token."""
    flow = _flow(redirect_uri, scopes)
    url, state = flow.authorization_url(
        access_type="offline", prompt="consent", include_granted_scopes="false"
    )
    return Consent(url, state, flow.code_verifier)


def finish_consent(
    redirect_uri: str, scopes: Sequence[str], state: str, verifier: str, response_url: str
) -> Tokens:
    """Exchange the answer of the consent page for tokens.

    The scopes of the tokens are those the user granted, which may be fewer than requested.
    Raises ConsentRefused when the user declined, the state differs or Google grants no refresh token.
    """
    answer = {name: values[0] for name, values in parse_qs(urlsplit(response_url).query).items()}
    if not state or not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise ConsentRefused("mismatching_state")
    if "error" in answer or "code" not in answer:
        raise ConsentRefused(answer.get("error", "missing_code")[:100])
    flow = _flow(redirect_uri, scopes, state=state, code_verifier=verifier)
    try:
        flow.fetch_token(code=answer["code"], timeout=SOCKET_TIMEOUT_S)
    except OAuth2Error as error:
        raise ConsentRefused(error.error or "invalid_grant") from None
    except requests.RequestException:
        raise ConsentRefused("unreachable") from None
    if not flow.credentials.refresh_token:
        raise ConsentRefused("no_refresh_token")
    return _tokens_of(flow.credentials, flow.credentials.granted_scopes or scopes)


def refresh(tokens: Tokens) -> Tokens:
    """Return tokens with a new access token. Raises GrantLost when revoked, Unreachable without an answer."""
    credentials = _credentials(tokens)
    with translated_errors():
        credentials.refresh(google.auth.transport.requests.Request())
    return _tokens_of(credentials, tokens.scopes)


def revoke(token: str) -> bool:
    """Revoke a grant; True when it is over, even before the call. Raises Unreachable without an answer."""
    try:
        answer = requests.post(
            settings.GOOGLE_OAUTH_REVOKE_URI, data={"token": token}, timeout=REVOKE_TIMEOUT_S
        )
    except requests.RequestException as error:
        raise Unreachable(type(error).__name__) from None
    if answer.status_code >= 500:
        raise Unreachable(str(answer.status_code))
    return answer.status_code in (200, 400)


def connect_api(tokens: Tokens, on_new_tokens: Callable[[Tokens], object]) -> "Api":
    """Return YouTube's API for the grant's owner; `on_new_tokens` is called after every refresh."""
    return Api(tokens, on_new_tokens)


class Api:
    """Calls of YouTube's Data API. Every method may raise Unreachable, Refused and GrantLost."""

    def __init__(self, tokens: Tokens, on_new_tokens: Callable[[Tokens], object]) -> None:
        self._tokens = tokens
        self._on_new_tokens = on_new_tokens
        self._credentials = _credentials(tokens)
        transport = build_http()  # unlike httplib2's default, it does not treat status 308 as a redirect
        transport.timeout = SOCKET_TIMEOUT_S
        transport.follow_redirects = False  # Google sends no redirects, and tokens must reach no other host
        self._http = AuthorizedHttp(self._credentials, http=transport, max_refresh_attempts=1)
        place = {"rootUrl": _root_url(), "mtlsRootUrl": _root_url()}
        self._youtube = discovery.build_from_document({**_api_description(), **place}, http=self._http)

    def close(self) -> None:
        self._http.close()

    def channel(self) -> Channel:
        """Return the grant's channel. Raises Refused with youtubeSignupRequired when the account has none."""
        parts = "snippet,contentDetails,status"
        found = self._execute(self._youtube.channels().list(part=parts, mine=True)).get("items", [])
        if not found:
            raise Refused(401, "youtubeSignupRequired")
        return read_channel(found[0])

    def open_session(self, details: VideoDetails, *, size: int, file_name: str) -> str:
        """Open a resumable upload session and return its URL; sends no video data."""
        query = {
            "uploadType": "resumable",
            "part": "snippet,status",
            "notifySubscribers": str(details.notify_subscribers).lower(),
            "alt": "json",
        }
        body = json.dumps(to_resource(details)).encode()
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "Content-Length": str(len(body)),
            "X-Upload-Content-Type": "video/mp4",
            "X-Upload-Content-Length": str(size),
            "Slug": file_name,
        }
        address = f"{_root_url()}upload/youtube/v3/videos?{urlencode(query)}"
        status, answer, content = self._send(address, "POST", SingleReadBody(body), headers)
        if status != 200:
            raise read_refusal(status, answer, content)
        if "location" not in answer:
            raise Unreachable("a success without a session")
        return _checked_address(answer["location"])

    def query_session(self, address: str, *, size: int) -> SessionState:
        """Return how many bytes a session has. Raises Refused with 404 or 410 when it has expired."""
        headers = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
        return read_session(*self._send(address, "PUT", b"", headers), size)

    def send_chunk(
        self,
        address: str,
        file: BinaryIO,
        *,
        offset: int,
        length: int,
        size: int,
        should_stop: Callable[[], bool],
        on_sent: Callable[[int], None] = lambda sent: None,
    ) -> SessionState:
        """Send `length` bytes of `file` from `offset` on, as one chunk of a resumable upload.

        `should_stop()` and `on_sent(bytes)` are called with each block.
        Raises Cancelled when `should_stop` returns true, FileChanged when the file has become shorter.
        """
        window = FileWindow(file, offset, length, should_stop, on_sent)
        headers = {
            "Content-Type": "video/mp4",
            "Content-Length": str(length),
            "Content-Range": f"bytes {offset}-{offset + length - 1}/{size}",
        }
        return read_session(*self._send(address, "PUT", window, headers), size)

    def set_thumbnail(self, video_id: str, picture: Path) -> None:
        media = MediaFileUpload(str(picture), mimetype="image/jpeg")
        self._execute(self._youtube.thumbnails().set(videoId=video_id, media_body=media))

    def playlists(self) -> tuple[Playlist, ...]:
        """Return all playlists of the channel."""
        lists = self._youtube.playlists()
        request = lists.list(part="snippet", mine=True, maxResults=PAGE_SIZE)
        found: list[Playlist] = []
        for _page in range(MAX_PAGES):
            answer = self._execute(request)
            found += [Playlist(item["id"], item["snippet"]["title"]) for item in answer.get("items", [])]
            request = lists.list_next(request, answer)
            if request is None:
                break
        return tuple(found)

    def add_to_playlist(self, playlist_id: str, video_id: str) -> None:
        """Add a video to a playlist unless it is in it already, so that a repeated call is safe."""
        if self._is_in_playlist(playlist_id, video_id):
            return
        try:
            self._insert_into_playlist(playlist_id, video_id)
        except Refused as error:
            # YouTube may refuse a new video, or a second writer, and add the video all the same
            is_unclear = error.status == 409 or error.reason == "videoNotFound"
            if not is_unclear or not self._is_in_playlist(playlist_id, video_id):
                raise

    def _is_in_playlist(self, playlist_id: str, video_id: str) -> bool:
        listing = self._youtube.playlistItems().list(
            part="snippet", playlistId=playlist_id, videoId=video_id, maxResults=PAGE_SIZE
        )
        return bool(self._execute(listing).get("items"))

    def _insert_into_playlist(self, playlist_id: str, video_id: str) -> None:
        resource = {"kind": "youtube#video", "videoId": video_id}
        body = {"snippet": {"playlistId": playlist_id, "resourceId": resource}}
        request = self._youtube.playlistItems().insert(part="snippet", body=body)
        request.body = SingleReadBody(request.body.encode())
        self._execute(request)

    def find_upload(
        self, file_name: str, *, title: str, size: int, since: datetime, known: Collection[str] = ()
    ) -> VideoState | None:
        """Return the video of a lost upload session, matched by file name, else by title, size and time.

        `known` are ids of videos that other uploads made. Returns None unless exactly one video matches.
        """
        uploads = self.channel().uploads_playlist
        listing = self._youtube.playlistItems().list(part="snippet", playlistId=uploads, maxResults=PAGE_SIZE)
        ids = [item["snippet"]["resourceId"]["videoId"] for item in self._execute(listing).get("items", [])]
        videos = self.videos([video_id for video_id in ids if video_id not in known])
        named = [video for video in videos if video.file_name == file_name]
        alike = [
            video
            for video in videos
            if video.title == title
            and not video.file_name.startswith(FILE_NAME_MARK)
            and video.file_size in (None, size)
            and video.published_at
            and video.published_at >= since
        ]
        return named[0] if named else alike[0] if len(alike) == 1 else None

    def video(self, video_id: str) -> VideoState | None:
        """Return YouTube's state of a video, or None when it is not listed."""
        return next(iter(self.videos([video_id])), None)

    def videos(self, video_ids: Sequence[str]) -> tuple[VideoState, ...]:
        if not video_ids:
            return ()
        parts = "snippet,status,processingDetails,contentDetails,fileDetails"
        request = self._youtube.videos().list(part=parts, id=",".join(video_ids))
        return tuple(read_video(item) for item in self._execute(request).get("items", []))

    def _execute(self, request: Any) -> dict[str, Any]:
        """Return the answer to a call. Raises Unreachable also for a success without a JSON object."""
        with self._calling():
            try:
                answer = request.execute(num_retries=0)
            except ValueError:
                answer = None
            if not answer or not isinstance(answer, dict):
                raise Unreachable("a success without content")
            return answer

    def _send(self, address: str, method: str, body: Any, headers: dict[str, str]) -> tuple[int, Any, bytes]:
        with self._calling():
            answer, content = self._http.request(address, method=method, body=body, headers=headers)
            return answer.status, answer, content

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        """Translate errors, close broken connections, and report refreshed tokens."""
        try:
            with translated_errors():
                yield
        except BaseException:
            self._http.close()
            raise
        finally:
            self._pass_on_tokens()

    def _pass_on_tokens(self) -> None:
        tokens = _tokens_of(self._credentials, self._tokens.scopes)
        if tokens != self._tokens:
            self._tokens = tokens
            self._on_new_tokens(tokens)


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Translate exceptions of Google's libraries to the errors of `google.types`."""
    try:
        yield
    except HttpError as error:  # its text contains the request's URL: no cause is chained
        raise read_refusal(error.resp.status, error.resp, error.content) from None
    except google.auth.exceptions.RefreshError as error:
        reason = _oauth_reason(error)
        if error.retryable or not reason:
            raise Unreachable("the token server") from None
        raise GrantLost(reason) from None
    except NETWORK_ERRORS as error:
        raise Unreachable(type(error).__name__) from None


def _oauth_reason(error: google.auth.exceptions.RefreshError) -> str:
    """Return the token server's reason code, or "" when something else answered, such as a proxy."""
    details = error.args[1] if len(error.args) > 1 else None
    return str(details.get("error", "")) if isinstance(details, dict) else ""


def _checked_address(address: str) -> str:
    """Return a session's URL if its host is Google's: the token is sent there with each chunk."""
    parts, ours = urlsplit(address), urlsplit(_root_url())
    is_googles = parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")
    if not is_googles and (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc):
        raise Refused(502, "foreignSession")
    return address


def _root_url() -> str:
    return settings.YOUTUBE_ROOT_URL.rstrip("/") + "/"


@cache
def _api_description() -> dict[str, Any]:
    """Return the API description that is installed with the library."""
    description: dict[str, Any] = json.loads(discovery_cache.get_static_doc("youtube", "v3"))
    return description


def _flow(redirect_uri: str, scopes: Sequence[str], **kept: str) -> Flow:
    _configure_oauthlib()
    client = {
        "client_id": settings.GOOGLE_CLIENT_ID,
        "client_secret": settings.GOOGLE_CLIENT_SECRET,
        "auth_uri": settings.GOOGLE_OAUTH_AUTH_URI,
        "token_uri": settings.GOOGLE_OAUTH_TOKEN_URI,
    }
    return Flow.from_client_config({"web": client}, scopes=list(scopes), redirect_uri=redirect_uri, **kept)


def _configure_oauthlib() -> None:
    """Let oauthlib accept fewer scopes than requested, and plain HTTP for this machine only."""
    os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"
    if is_local(settings.GOOGLE_OAUTH_TOKEN_URI):
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


class _Grant(Credentials):
    """Credentials that report an answer of the token server that is not a JSON object."""

    def refresh(self, request: Any) -> None:
        try:
            Credentials.refresh(self, request)
        except (TypeError, AttributeError):
            raise google.auth.exceptions.TransportError("an answer without tokens") from None


def _credentials(tokens: Tokens) -> Credentials:
    return _Grant(  # type: ignore[no-untyped-call]  # its __init__ is Google's
        tokens.access,
        refresh_token=tokens.refresh,
        token_uri=settings.GOOGLE_OAUTH_TOKEN_URI,
        client_id=settings.GOOGLE_CLIENT_ID,
        client_secret=settings.GOOGLE_CLIENT_SECRET,
        scopes=list(tokens.scopes),
        expiry=tokens.expires_at.astimezone(UTC).replace(tzinfo=None),  # google-auth compares with naive UTC
    )


def _tokens_of(credentials: Any, scopes: Sequence[str]) -> Tokens:
    return Tokens(
        access=credentials.token,
        refresh=credentials.refresh_token,
        expires_at=credentials.expiry.replace(tzinfo=UTC),
        scopes=tuple(scopes),
    )
