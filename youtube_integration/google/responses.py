"""Convert between YouTube's JSON and the types of this package."""

import json
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from youtube_integration.google.types import (
    Channel,
    Refused,
    SessionState,
    Unreachable,
    VideoDetails,
    VideoState,
)

INCOMPLETE = 308  # HTTP status of an unfinished upload session: Resume Incomplete
MESSAGE_LENGTH = 300  # characters of Google's error text that are kept
RANGE = re.compile(r"bytes=0-(\d+)")


def read_refusal(status: int, answer: Any, content: bytes) -> Refused:
    """Return an API error with Google's `reason` code, message, limit and Retry-After.

    The code is in `errors`, or else in the ErrorInfo among `details`, which also names a limit.
    """
    try:
        error = json.loads(content)["error"]
        details = error.get("details") or []
        entries = [*(error.get("errors") or []), *details]
        reason = next((entry["reason"] for entry in entries if entry.get("reason")), "")
        message = error.get("message", "")
        limits = (entry.get("metadata", {}).get("quota_limit", "") for entry in details)
        limit = next(filter(None, limits), "")
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = message = limit = ""
    message, retry_after_s = str(message)[:MESSAGE_LENGTH], _retry_after_s(answer)
    return Refused(status, str(reason), message, retry_after_s, str(limit))


def _retry_after_s(answer: Any) -> float | None:
    """Return the seconds of a Retry-After header (a number or an HTTP date), or None."""
    text = answer.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def read_session(status: int, answer: Any, content: bytes, size: int) -> SessionState:
    """Return how many bytes an upload session has.

    Raises Refused for any other status, Unreachable for a success without a video.
    """
    if status in (200, 201):
        return SessionState(size, _read_video_id(content))
    if status != INCOMPLETE:
        raise read_refusal(status, answer, content)
    kept = RANGE.fullmatch(answer.get("range", ""))
    return SessionState(int(kept.group(1)) + 1 if kept else 0)


def _read_video_id(content: bytes) -> str:
    try:
        video_id = json.loads(content)["id"]
    except (ValueError, KeyError, TypeError):
        video_id = None
    if not isinstance(video_id, str) or not video_id:
        raise Unreachable("a success without a video")
    return video_id


def read_channel(item: dict[str, Any]) -> Channel:
    snippet = item["snippet"]
    return Channel(
        id=item["id"],
        title=snippet.get("title", ""),
        picture=snippet.get("thumbnails", {}).get("default", {}).get("url", ""),
        uploads_playlist=item["contentDetails"]["relatedPlaylists"].get("uploads", ""),
        long_uploads=item.get("status", {}).get("longUploadsStatus", ""),
    )


def to_resource(details: VideoDetails) -> dict[str, Any]:
    """Return the `videos` resource to insert; every status field is explicit because defaults are public."""
    status = {
        "privacyStatus": details.privacy,
        "selfDeclaredMadeForKids": details.made_for_kids,
        "containsSyntheticMedia": details.altered_content,
    }
    if details.publish_at:
        status["publishAt"] = details.publish_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    snippet = {
        "title": details.title,
        "description": details.description,
        "tags": list(details.tags),
        "categoryId": details.category,
    }
    return {"snippet": snippet, "status": status}


def read_video(item: dict[str, Any]) -> VideoState:
    snippet, status = item.get("snippet", {}), item.get("status", {})
    processing, file = item.get("processingDetails", {}), item.get("fileDetails", {})
    parts = processing.get("processingProgress", {})
    restriction = item.get("contentDetails", {}).get("regionRestriction", {})
    published_at = snippet.get("publishedAt")
    return VideoState(
        video_id=item["id"],
        channel_id=snippet.get("channelId", ""),
        title=snippet.get("title", ""),
        privacy=status.get("privacyStatus", ""),
        upload_status=status.get("uploadStatus", ""),
        failure_reason=status.get("failureReason", "") or processing.get("processingFailureReason", ""),
        rejection_reason=status.get("rejectionReason", ""),
        processing_status=processing.get("processingStatus", ""),
        parts_done=int(parts.get("partsProcessed", 0)),
        parts_total=int(parts.get("partsTotal", 0)),
        publish_at=status.get("publishAt", ""),
        published_at=datetime.fromisoformat(published_at) if published_at else None,
        blocked_countries=tuple(restriction.get("blocked", [])),
        allowed_countries=tuple(restriction["allowed"]) if "allowed" in restriction else None,
        file_name=file.get("fileName", ""),
        file_size=int(file["fileSize"]) if "fileSize" in file else None,
    )
