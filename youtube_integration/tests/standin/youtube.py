"""YouTube's Data API: channels, upload sessions, videos, thumbnails, playlists."""

import datetime as dt
import re
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from youtube_integration.tests.standin.errors import Drop, Reply, refusal, refusal_of
from youtube_integration.tests.standin.oauth import signed_in
from youtube_integration.tests.standin.state import BLOCK, Fault, Manner, Session

SCOPE = "https://www.googleapis.com/auth/youtube"
TO_WRITE = {SCOPE, f"{SCOPE}.force-ssl"}
TO_UPLOAD = {SCOPE, f"{SCOPE}.upload"}
TO_READ = {*TO_WRITE, f"{SCOPE}.readonly"}
UPLOAD_PATH = "/upload/youtube/v3/videos"
MOST_TAGS, MOST_TITLE, MOST_DESCRIPTION_BYTES = 500, 100, 5000
MOST_THUMBNAIL_BYTES = 2 * 2**20
DEFAULT_PAGE_SIZE, MOST_PAGE_SIZE = 5, 50
PROCESSING_FAILURES = ("uploadFailed", "transcodeFailed", "streamingFailed", "other")
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def allow(handler: Any, scopes: set[str]) -> None:
    if not scopes & set(signed_in(handler).scopes):
        raise refusal("insufficientPermissions")


def uploads_of(channel_id: str) -> str:
    return "UU" + channel_id[2:]


def list_channels(handler: Any) -> None:
    allow(handler, TO_READ)
    handler.fault("channels")
    manner = handler.google.manner
    picture = {"default": {"url": f"{handler.google.base}/picture.jpg"}}
    item = {
        "kind": "youtube#channel",
        "id": manner.channel_id,
        "snippet": {"title": manner.channel_title, "thumbnails": picture},
        "contentDetails": {"relatedPlaylists": {"uploads": uploads_of(manner.channel_id)}},
        "status": {"longUploadsStatus": manner.long_uploads},
    }
    raise Reply(200, {"kind": "youtube#channelListResponse", "items": [item] if manner.has_channel else []})


def open_session(handler: Any) -> None:
    allow(handler, TO_UPLOAD)
    handler.fault("start")
    google = handler.google
    if not google.manner.has_channel:
        raise refusal("youtubeSignupRequired")
    resource = handler.json()
    size = handler.headers.get("X-Upload-Content-Length")
    if handler.query.get("uploadType") != "resumable" or not size:
        raise refusal("mediaBodyRequired")
    if reason := find_mistake(resource.get("snippet", {}), resource.get("status", {})):
        raise refusal(reason)
    session_id = secrets.token_urlsafe(18)
    google.sessions[session_id] = Session(resource, int(size), handler.headers.get("Slug", ""))
    query = {"uploadType": "resumable", "part": handler.query.get("part", ""), "upload_id": session_id}
    raise Reply(200, b"", {"Location": f"{google.base}{UPLOAD_PATH}?{urlencode(query)}"})


def find_mistake(snippet: dict[str, Any], status: dict[str, Any]) -> str:
    """Return YouTube's reason code for invalid details, or ""."""
    title, description = snippet.get("title", ""), snippet.get("description", "")
    tags = ",".join(f'"{tag}"' if " " in tag else tag for tag in snippet.get("tags", []))
    privacy = status.get("privacyStatus", "public")
    mistakes = {
        "invalidTitle": not title.strip() or len(title) > MOST_TITLE or has_brackets(title),
        "invalidDescription": len(description.encode()) > MOST_DESCRIPTION_BYTES or has_brackets(description),
        "invalidTags": len(tags) > MOST_TAGS or has_brackets(tags),
        "invalidCategoryId": not str(snippet.get("categoryId", "22")).isdigit(),
        "invalidVideoMetadata": privacy not in ("public", "unlisted", "private"),
        "invalidPublishAt": "publishAt" in status and privacy != "private",
    }
    return next((reason for reason, is_wrong in mistakes.items() if is_wrong), "")


def has_brackets(text: str) -> bool:
    return "<" in text or ">" in text


def put(handler: Any) -> None:
    """Handle a chunk of a session, or a query of its offset."""
    allow(handler, TO_UPLOAD)
    asks = handler.headers.get("Content-Range", "").startswith("bytes */")
    fault = handler.fault("status" if asks else "chunk") or Fault("")
    google, session_id = handler.google, handler.query.get("upload_id", "")
    if fault.loses_session:
        google.sessions.pop(session_id, None)
    session = google.sessions.get(session_id)
    if session is None:
        raise refusal("notFound")
    if session.video_id and (asks or not google.manner.is_strict_when_done):
        raise Reply(201, show(google.videos[session.video_id], "snippet,status"))
    if asks:
        raise incomplete(session)
    take_chunk(handler, session, fault)


def incomplete(session: Session) -> Reply:
    return Reply(308, b"", {"Range": f"bytes=0-{session.offset - 1}"} if session.offset else {})


def take_chunk(handler: Any, session: Session, fault: Fault) -> None:
    """Store a chunk, or as much of it as a fault allows; the last one creates the video."""
    begin, end, _ = map(int, RANGE.fullmatch(handler.headers["Content-Range"]).groups())
    is_last = end + 1 == session.size
    if end - begin + 1 != handler.length or (not is_last and handler.length % BLOCK):
        raise refusal("invalidContentRange", 400)
    if begin != session.offset:  # a chunk after a gap is not stored
        raise refusal("invalidContentRange", 400) if session.video_id else refusal("backendError")
    receive(handler, session, fault, begin, kept_of(fault, handler.length))
    if fault.drop:
        raise Drop(fault.drop)
    if fault.reason or fault.status:
        raise refusal_of(fault)
    if session.offset < session.size:
        raise incomplete(session)
    video = make_video(handler.google, session)
    if fault.is_answer_lost:
        raise Drop("fin")
    raise Reply(201, show(video, "snippet,status"))


def kept_of(fault: Fault, length: int) -> int:
    """Return how many bytes of a chunk are stored: YouTube stores whole blocks only."""
    if fault.short is not None:
        return min(fault.short, length)
    if fault.drop:
        return min(fault.keep or fault.after // BLOCK * BLOCK, length)
    if fault.reason or fault.status:
        return min(fault.keep, length)
    return length


def receive(handler: Any, session: Session, fault: Fault, begin: int, kept: int) -> None:
    position = begin

    def store(block: bytes) -> None:
        """Store new bytes only: another chunk may arrive while an older, cut one is being read."""
        nonlocal position
        with handler.google.lock:
            fresh = block[session.offset - position :]
            session.digest.update(fresh)
            session.offset += len(fresh)
            session.received += len(block)
            position += len(block)

    def discard(block: bytes) -> None:
        session.received += len(block)

    handler.read_body(kept, store, fault.pause_s)
    handler.read_body(max(0, fault.after - kept) if fault.drop else None, discard, fault.pause_s)


def make_video(google: Any, session: Session) -> dict[str, Any]:
    with google.lock:
        if session.video_id:
            return google.videos[session.video_id]
        session.made_s = time.monotonic()
        session.video_id = f"v{secrets.token_hex(5)}"
        status = {"privacyStatus": "public", **session.resource.get("status", {}), "uploadStatus": "uploaded"}
        if google.manner.forced_privacy:
            status["privacyStatus"] = google.manner.forced_privacy
        google.videos[session.video_id] = {
            "kind": "youtube#video",
            "id": session.video_id,
            "sha256": session.digest.hexdigest(),
            "polls": 0,  # as well as its hash, this is not shown
            "status": status,
            "fileDetails": {"fileName": session.file_name, "fileSize": str(session.size)},
            "snippet": {
                **session.resource["snippet"],
                "channelId": google.manner.channel_id,
                "publishedAt": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }
        return google.videos[session.video_id]


def list_videos(handler: Any) -> None:
    allow(handler, TO_READ)
    handler.fault("videos")
    google = handler.google
    with google.lock:
        ids = [one for one in handler.query.get("id", "").split(",") if one in google.videos]
        looked_at = [look_at(google.manner, google.videos[one]) for one in ids]
        items = [show(video, handler.query.get("part", "")) for video in looked_at]
        raise Reply(200, {"kind": "youtube#videoListResponse", "items": items})


def show(video: dict[str, Any], parts: str) -> dict[str, Any]:
    """Return the requested parts of a video."""
    return {name: video[name] for name in ("kind", "id", *parts.split(",")) if name in video}


def look_at(manner: Manner, video: dict[str, Any]) -> dict[str, Any]:
    """Advance the processing of a video with each poll."""
    video["polls"] += 1
    ended = video["polls"] > manner.polls and manner.processing != "never"
    outcome = manner.processing if ended else "processing"
    uploads = {"succeeded": "processed", "processing": "uploaded"}
    video["status"] |= {"uploadStatus": uploads.get(outcome, outcome)}
    processing = outcome if outcome in ("processing", "failed") else "succeeded"
    parts = {"partsTotal": "10", "partsProcessed": str(min(10, 3 * video["polls"]))}
    details = {"processingStatus": processing, "processingProgress": parts}
    if manner.processing_status:
        details["processingStatus"] = manner.processing_status
    if outcome == "failed" and manner.why in PROCESSING_FAILURES:
        details["processingFailureReason"] = manner.why
    elif outcome == "failed":
        video["status"]["failureReason"] = manner.why or "conversion"
    if outcome == "rejected":
        video["status"]["rejectionReason"] = manner.why or "duplicate"
    restriction: dict[str, Any] = {}
    if manner.blocked_countries:
        restriction["blocked"] = list(manner.blocked_countries)
    if manner.allowed_countries is not None:
        restriction["allowed"] = list(manner.allowed_countries)
    shown = {**video, "processingDetails": details}
    shown |= {"contentDetails": {"regionRestriction": restriction} if restriction and ended else {}}
    return shown if manner.shows_file_names else {**shown, "fileDetails": {}}


def find_settled(google: Any, video_id: str) -> dict[str, Any]:
    """Return a video, unless it is so new that the other parts of YouTube do not know it."""
    video: dict[str, Any] | None = google.videos.get(video_id)
    if video is None or video["polls"] < google.manner.settles_after:
        raise refusal("videoNotFound")
    return video


def set_thumbnail(handler: Any) -> None:
    allow(handler, TO_UPLOAD)
    handler.fault("thumbnail")
    google, picture = handler.google, handler.read_body()
    if not google.manner.allows_thumbnails:
        raise refusal("forbidden")
    video = find_settled(google, handler.query.get("videoId", ""))
    if len(picture) > MOST_THUMBNAIL_BYTES or not picture.startswith((b"\xff\xd8", b"\x89PNG")):
        raise refusal("invalidImage")
    video["thumbnail"] = len(picture)
    raise Reply(200, {"kind": "youtube#thumbnailSetResponse", "items": [{}]})


def give_page(handler: Any, kind: str, items: list[dict[str, Any]]) -> Reply:
    """Return the requested page of a list."""
    size = int(handler.query.get("maxResults", DEFAULT_PAGE_SIZE))
    if size > MOST_PAGE_SIZE:
        raise refusal("invalidValue")
    begin = int(handler.query.get("pageToken", "0"))
    page = {"kind": kind, "items": items[begin : begin + size], "pageInfo": {"totalResults": len(items)}}
    more = {"nextPageToken": str(begin + size)} if begin + size < len(items) else {}
    return Reply(200, page | more)


def list_playlists(handler: Any) -> None:
    allow(handler, TO_READ)
    handler.fault("playlists")
    items = [{"id": one, "snippet": {"title": title}} for one, title in handler.google.playlists.items()]
    raise give_page(handler, "youtube#playlistListResponse", items)


def list_playlist_items(handler: Any) -> None:
    allow(handler, TO_READ)
    handler.fault("playlist_items")
    google, wanted = handler.google, handler.query.get("playlistId", "")
    with google.lock:
        if wanted == uploads_of(google.manner.channel_id):
            ids = list(google.videos)[::-1] if google.manner.lists_uploads else []
        elif wanted in google.playlists:
            ids = [one["resourceId"]["videoId"] for one in google.items if one["playlistId"] == wanted]
        else:
            raise refusal("playlistNotFound")
    only = handler.query.get("videoId")
    found = [{"snippet": {"resourceId": {"videoId": one}}} for one in ids if only in (None, one)]
    raise give_page(handler, "youtube#playlistItemListResponse", found)


def insert_playlist_item(handler: Any) -> None:
    allow(handler, TO_WRITE)
    fault = handler.fault("playlist_insert")
    google, snippet = handler.google, handler.json()["snippet"]
    with google.lock:
        if snippet["playlistId"] not in google.playlists:
            raise refusal("playlistNotFound")
        find_settled(google, snippet["resourceId"]["videoId"])
        google.items.append(snippet)
    if fault and fault.is_answer_lost:
        raise refusal_of(fault) if fault.reason else Drop("fin")
    raise Reply(200, {"kind": "youtube#playlistItem", "id": f"PLI{len(google.items)}", "snippet": snippet})


PAGES = {
    ("GET", "/youtube/v3/channels"): list_channels,
    ("POST", UPLOAD_PATH): open_session,
    ("PUT", UPLOAD_PATH): put,
    ("GET", "/youtube/v3/videos"): list_videos,
    ("POST", "/upload/youtube/v3/thumbnails/set"): set_thumbnail,
    ("GET", "/youtube/v3/playlists"): list_playlists,
    ("GET", "/youtube/v3/playlistItems"): list_playlist_items,
    ("POST", "/youtube/v3/playlistItems"): insert_playlist_item,
}
