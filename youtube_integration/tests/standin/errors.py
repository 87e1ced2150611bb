"""Error responses in Google's format, and dropped connections."""

from typing import Any

from youtube_integration.tests.standin.state import Fault

RPC = "type.googleapis.com/google.rpc"
ERRORS = {  # reason: status, domain, message
    "authError": (401, "global", "Invalid Credentials"),
    "backendError": (503, "global", "Backend Error"),
    "quotaExceeded": (403, "youtube.quota", 'You have exceeded your <a href="/quota">quota</a>.'),
    "dailyLimitExceeded": (403, "usageLimits", "Daily Limit Exceeded"),
    "rateLimitExceeded": (
        429,
        "global",
        "Quota exceeded for 'Video Uploads' and limit 'Video Uploads per day'",
    ),
    "RATE_LIMIT_EXCEEDED": (403, "googleapis.com", "Quota exceeded."),
    "userRateLimitExceeded": (403, "usageLimits", "User Rate Limit Exceeded"),
    "uploadLimitExceeded": (400, "youtube.video", "The user has exceeded the number of videos."),
    "uploadRateLimitExceeded": (429, "youtube.thumbnail", "The channel has uploaded too many thumbnails."),
    "invalidTitle": (400, "youtube.video", "The metadata specifies an invalid or empty video title."),
    "invalidDescription": (400, "youtube.video", "The metadata specifies an invalid video description."),
    "invalidTags": (400, "youtube.video", "The metadata specifies invalid video keywords."),
    "invalidCategoryId": (400, "youtube.video", "The category ID is invalid."),
    "invalidPublishAt": (400, "youtube.video", "The scheduled publishing time is invalid."),
    "invalidVideoMetadata": (400, "youtube.video", "The request metadata is invalid."),
    "invalidFilename": (400, "youtube.video", "The Slug header specifies an invalid file name."),
    "mediaBodyRequired": (400, "youtube.video", "The request does not include the video content."),
    "forbiddenPrivacySetting": (403, "youtube.video", "The privacy setting is not allowed."),
    "forbiddenLicenseSetting": (403, "youtube.video", "The license is not allowed."),
    "insufficientPermissions": (403, "global", "Request had insufficient authentication scopes."),
    "youtubeSignupRequired": (401, "youtube.header", "Unauthorized"),
    "accountSuspended": (403, "youtube.common", "The YouTube account is suspended."),
    "authenticatedUserAccountSuspended": (403, "youtube.common", "The account is suspended."),
    "authenticatedUserAccountClosed": (403, "youtube.common", "The account is closed."),
    "accessNotConfigured": (403, "usageLimits", "YouTube Data API v3 has not been used in this project."),
    "SERVICE_DISABLED": (403, "googleapis.com", "YouTube Data API v3 is disabled."),
    "forbidden": (403, "youtube.thumbnail", "Forbidden"),
    "invalidImage": (400, "youtube.thumbnail", "The provided image content is invalid."),
    "videoNotFound": (404, "youtube.thumbnail", "The video cannot be found."),
    "videoAlreadyInPlaylist": (409, "youtube.playlistItem", "Video already in playlist."),
    "playlistItemsNotAccessible": (403, "youtube.playlistItem", "The request is not properly authorized."),
    "playlistContainsMaximumNumberOfVideos": (403, "youtube.playlistItem", "The playlist is full."),
    "playlistNotFound": (404, "youtube.playlistItem", "The playlist cannot be found."),
    "notFound": (404, "global", "Not Found"),
}


class Reply(Exception):
    """Raised to end a request with a response."""

    def __init__(self, status: int, body: Any = b"", headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Drop(Exception):
    """Raised to end a request without a response: fin or rst."""


def refusal(reason: str, status: int = 0, retry_after: str = "") -> Reply:
    known_status, domain, message = ERRORS.get(reason, (400, "global", reason))
    status = status or known_status
    first = {"message": message, "domain": domain, "reason": reason}
    body = {"error": {"code": status, "message": message, "errors": [first]}}
    return Reply(status, body, {"Retry-After": retry_after} if retry_after else {})


def refusal_of(fault: Fault) -> Reply:
    """Return the error response that a fault demands."""
    reply = refusal(fault.reason, fault.status, fault.retry_after)
    error = reply.body["error"]
    if fault.limit:
        error["message"] = f"Quota exceeded for quota metric 'Queries' and limit '{fault.limit}'"
    if fault.limit or fault.has_details_only:
        metadata = {"service": "youtube.googleapis.com", "quota_limit": fault.limit}
        info = {"reason": fault.reason, "domain": "googleapis.com", "metadata": metadata}
        error["details"] = [
            {"@type": f"{RPC}.Help", "links": [{"description": "Help", "url": "https://example.com/"}]},
            {"@type": f"{RPC}.ErrorInfo", **info},
        ]
    if fault.has_details_only:
        del error["errors"]
    return reply


def oauth_refusal(error: str, description: str = "Bad Request", status: int = 400) -> Reply:
    return Reply(status, {"error": error, "error_description": description})
