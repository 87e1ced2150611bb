"""Map Google's errors to a retry policy and a message for the user.

The table is keyed by Google's reason code; errors without a known code are classified by kind.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy

from mixes.services.wording import Words
from publishing.problems import Problem, Retry, backoff_s, delay_s, is_out_of_time, sentence_of, time_words
from youtube_integration.google.types import FileChanged, GoogleError, GrantLost, Refused, Unreachable
from youtube_integration.models import YouTubePublication
from youtube_integration.services.quotas import next_midnight

__all__ = ["Problem", "Retry", "backoff_s", "classify", "delay_s", "sentence_of", "time_words"]

Phase = YouTubePublication.Phase

CHANNEL_LIMIT_DELAY_S = 24 * 3600.0
MAX_CHANNEL_LIMITS = 3
GONE_STATUSES = (404, 410)  # of an expired upload session
PER_DAY = re.compile(r"per\s*day", re.IGNORECASE)  # in Google's name of a limit
PER_MINUTE = re.compile(r"per\s*minute", re.IGNORECASE)


class Step(StrEnum):
    """The step during which an error occurred."""

    START = "start"
    SEND = "send"
    THUMBNAIL = "thumbnail"
    PLAYLIST = "playlist"
    WATCH = "watch"


INTERRUPTED = gettext_lazy(
    "The connection to YouTube was interrupted; the upload continues at %(percent)d %%."
)
NOT_REACHED = gettext_lazy(
    "YouTube could not be reached for a day. What was sent is kept for a while: press Resume to continue."
)
RECONNECT = gettext_lazy(
    "Please reconnect your YouTube account; the upload then continues at %(percent)d %%."
)
LACKS_PERMISSION = gettext_lazy(
    "Mixtape lacks the permission to upload. Reconnect your YouTube account and leave all boxes ticked."
)
NO_CHANNEL = gettext_lazy("This Google account has no YouTube channel. Create one, then try again.")
ALLOWANCE_USED = gettext_lazy(
    "Mixtape's daily YouTube allowance is used up. Your upload starts automatically %(time)s."
)
BUSY = gettext_lazy("YouTube asks for a pause; the upload continues %(time)s.")
CHANNEL_LIMIT = gettext_lazy("Your channel reached YouTube's daily limit. The next try is %(time)s.")
CHANNEL_LIMIT_AGAIN = gettext_lazy(
    "Your channel was at YouTube's daily limit on three days. Look at YouTube Studio, then press Resume."
)
SUSPENDED = gettext_lazy("YouTube says that this account is suspended. Only YouTube can help with that.")
CLOSED = gettext_lazy("YouTube says that this account is closed. Only YouTube can help with that.")
UNAVAILABLE = gettext_lazy(
    "Publishing is unavailable at the moment. The operator of this site has been notified; try again later."
)
FILE_CHANGED = gettext_lazy(
    "The video changed while it was being uploaded, so the upload was stopped. Publish the new one instead."
)
MAY_BE_THERE = gettext_lazy("YouTube may already have this video. Look at your channel, then choose.")
AFTER_RESTORE = gettext_lazy(
    "This site was restored from a backup, and YouTube may have this video already. "
    "Look at your channel, then choose."
)
SESSIONS_LOST = gettext_lazy(
    "YouTube forgot the upload three times. Nothing was published; press Resume to begin again."
)
NO_OWN_THUMBNAIL = gettext_lazy(
    "YouTube did not take the thumbnail. To use your own, verify your channel at youtube.com/verify; the "
    "video itself is fine."
)
THUMBNAIL_NOT_TAKEN = gettext_lazy(
    "YouTube did not take the thumbnail. You can set one in YouTube Studio; the video itself is fine."
)
NO_PLAYLIST_RIGHT = gettext_lazy(
    "The video is not in your playlist: Mixtape may not change playlists. Reconnect and allow that, or add "
    "it in YouTube Studio."
)
NOT_LISTED = gettext_lazy(
    "YouTube did not add the video to your playlist; you can do that in YouTube Studio."
)
NOT_YOUR_PLAYLIST = gettext_lazy("The playlist is not your channel's own, so the video is not in it.")
PLAYLIST_FULL = gettext_lazy("The playlist is full, so the video is not in it.")
PLAYLIST_GONE = gettext_lazy("The playlist is no longer there, so the video is in none.")
REFUSED = gettext_lazy("YouTube refused: %(message)s (reference %(reference)s)")

AFTER_UPLOAD: tuple[Words, Words] = (  # once YouTube has the video: messages for a wait and for a hold
    gettext_lazy(
        "YouTube does not answer at the moment. Your video is safe there; its state will be checked again."
    ),
    gettext_lazy("Your video is on YouTube. To follow its processing, reconnect your YouTube account."),
)

UNAVAILABLE_PROBLEM = Problem("unavailable", Retry.NEVER, UNAVAILABLE, is_for_operator=True)
ALLOWANCE_PROBLEM = Problem("quota", Retry.MIDNIGHT, ALLOWANCE_USED, Phase.WAITING, is_for_operator=True)
BUSY_PROBLEM = Problem("busy", Retry.BUSY, BUSY, Phase.WAITING)
NOT_YET_PROBLEM = Problem("not_yet", Retry.BUSY, BUSY)  # of an optional step: YouTube does not know the video
INTERRUPTED_PROBLEM = Problem("interrupted", Retry.BACKOFF, INTERRUPTED, Phase.WAITING)
RECONNECT_PROBLEM = Problem("reconnect", Retry.HELD, RECONNECT, Phase.NEEDS_RECONNECT)


def of_field(field: str, sentence: Words) -> Problem:
    """Return a problem that the owner can correct in the form."""
    return Problem(f"invalid_{field or 'video'}", Retry.NEVER, sentence, field=field)


BY_REASON: dict[str, Problem] = {
    "authError": RECONNECT_PROBLEM,
    "youtubeSignupRequired": Problem("no_channel", Retry.NEVER, NO_CHANNEL),
    "insufficientPermissions": Problem("permission", Retry.HELD, LACKS_PERMISSION, Phase.NEEDS_RECONNECT),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": Problem(
        "permission", Retry.HELD, LACKS_PERMISSION, Phase.NEEDS_RECONNECT
    ),
    "quotaExceeded": ALLOWANCE_PROBLEM,
    "dailyLimitExceeded": ALLOWANCE_PROBLEM,
    "userRateLimitExceeded": BUSY_PROBLEM,
    "rateLimitExceeded": BUSY_PROBLEM,
    "RATE_LIMIT_EXCEEDED": BUSY_PROBLEM,
    "uploadLimitExceeded": Problem("channel_limit", Retry.TOMORROW, CHANNEL_LIMIT, Phase.WAITING),
    "invalidTitle": of_field("title", gettext_lazy("YouTube does not take this title.")),
    "invalidDescription": of_field("description", gettext_lazy("YouTube does not take this description.")),
    "invalidTags": of_field("tags", gettext_lazy("YouTube does not take these tags.")),
    "invalidCategoryId": of_field("category", gettext_lazy("YouTube does not take this category.")),
    "invalidPublishAt": of_field(
        "publish_at", gettext_lazy("YouTube does not take this time of publishing.")
    ),
    "invalidVideoMetadata": of_field("", gettext_lazy("YouTube does not take what is said about the video.")),
    "invalidFilename": of_field("", gettext_lazy("YouTube does not take the name of the file.")),
    "mediaBodyRequired": of_field("", gettext_lazy("YouTube says that there was no video.")),
    "forbiddenPrivacySetting": of_field(
        "privacy", gettext_lazy("YouTube does not allow this channel to publish so. Choose another.")
    ),
    "forbiddenLicenseSetting": of_field(
        "", gettext_lazy("YouTube does not allow this channel the chosen licence.")
    ),
    "authenticatedUserAccountSuspended": Problem("suspended", Retry.NEVER, SUSPENDED),
    "accountSuspended": Problem("suspended", Retry.NEVER, SUSPENDED),
    "authenticatedUserAccountClosed": Problem("closed", Retry.NEVER, CLOSED),
    "accountClosed": Problem("closed", Retry.NEVER, CLOSED),
    "accessNotConfigured": UNAVAILABLE_PROBLEM,
    "SERVICE_DISABLED": UNAVAILABLE_PROBLEM,
    "invalid_client": UNAVAILABLE_PROBLEM,
    "unauthorized_client": UNAVAILABLE_PROBLEM,
    "deleted_client": UNAVAILABLE_PROBLEM,
    "playlistNotFound": Problem("playlist", Retry.NEVER, PLAYLIST_GONE),
    "playlistItemsNotAccessible": Problem("playlist", Retry.NEVER, NOT_YOUR_PLAYLIST),
    "playlistContainsMaximumNumberOfVideos": Problem("playlist", Retry.NEVER, PLAYLIST_FULL),
}
NO_RIGHT_REASONS = ("", "forbidden", "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


def classify(error: GoogleError, step: Step = Step.SEND, *, reference: str = "-") -> Problem:
    """Classify an error; `reference` is what the owner may quote to the operator."""
    if isinstance(error, Unreachable):
        return INTERRUPTED_PROBLEM
    if isinstance(error, FileChanged):
        return Problem("file_changed", Retry.HELD, FILE_CHANGED, Phase.NEEDS_REVIEW)
    if isinstance(error, GrantLost):
        return replace(BY_REASON.get(error.reason, RECONNECT_PROBLEM), reason=error.reason)
    if isinstance(error, Refused):
        return replace(
            _classify_refusal(error, step, reference), reason=error.reason, asked_delay_s=error.retry_after_s
        )
    raise error


def _classify_refusal(error: Refused, step: Step, reference: str) -> Problem:
    if special := _classify_limit(error, step) or _classify_extra(error, step):
        return special
    if known := BY_REASON.get(error.reason):
        return known
    if error.status >= 500 or error.status == 408 or error.status < 400:  # Google sends no redirects
        return INTERRUPTED_PROBLEM
    if error.status == 401:
        return RECONNECT_PROBLEM
    message = " ".join(strip_tags(error.message).split()) or error.reason or str(error.status)
    sentence = str(REFUSED) % {"message": message, "reference": reference}
    return Problem("refused", Retry.NEVER, sentence.replace("%", "%%"))


def _classify_limit(error: Refused, step: Step) -> Problem | None:
    """Return a pause or a wait until midnight when the error is about one of Google's limits, else None.

    A status of 429 says nothing about the period: that is in Retry-After, or in the name of the limit. When
    neither says it, the limit of a session start is the daily one.
    """
    known = BY_REASON.get(error.reason)
    if known == ALLOWANCE_PROBLEM:
        return known
    if known != BUSY_PROBLEM and (known or error.status != 429):
        return None
    names = f"{error.limit} {error.message}"
    if error.retry_after_s is not None or PER_MINUTE.search(names):
        return BUSY_PROBLEM
    is_daily = error.status == 429 and step == Step.START
    return ALLOWANCE_PROBLEM if is_daily or PER_DAY.search(names) else BUSY_PROBLEM


def _classify_extra(error: Refused, step: Step) -> Problem | None:
    """Return the problem of a thumbnail or a playlist, or None when the step makes no difference."""
    is_unknown_video = error.reason == "videoNotFound"
    if step == Step.THUMBNAIL and error.status in (400, 403, 404):
        is_unverified = error.status == 403 and error.reason in ("", "forbidden")
        sentence = NO_OWN_THUMBNAIL if is_unverified else THUMBNAIL_NOT_TAKEN
        return NOT_YET_PROBLEM if is_unknown_video else Problem("thumbnail", Retry.NEVER, sentence)
    if step == Step.PLAYLIST and (is_unknown_video or error.status == 409):
        return NOT_YET_PROBLEM
    if step == Step.PLAYLIST and error.status == 403 and error.reason in NO_RIGHT_REASONS:
        return Problem("playlist", Retry.NEVER, NO_PLAYLIST_RIGHT)
    return None


def next_try(problem: Problem, failures: int, now: datetime | None = None) -> datetime:
    """Return the time of the next attempt."""
    now = now or timezone.now()
    if problem.retry == Retry.MIDNIGHT:
        return next_midnight(now)
    if problem.retry == Retry.TOMORROW:
        return now + timedelta(seconds=CHANNEL_LIMIT_DELAY_S)
    return now + timedelta(seconds=delay_s(problem, failures))


def is_hopeless(problem: Problem, failures: int, failing_since: datetime, now: datetime) -> bool:
    """Return whether it has failed for long enough to stop retrying."""
    if problem.retry == Retry.TOMORROW:
        return failures > MAX_CHANNEL_LIMITS
    return is_out_of_time(problem, failing_since, now)
