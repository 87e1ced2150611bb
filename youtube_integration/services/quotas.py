"""Google's daily allowance, shared by all users of a site, as far as we counted it; and each one's share."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from mixes.services.rate_limits import check_rate
from youtube_integration.models import SessionStart

DAILY_STARTS = 100  # upload sessions of one project at Google, unless it was granted more
GOOGLE_ZONE = ZoneInfo("America/Los_Angeles")  # a day begins at midnight there
RETENTION = timedelta(days=7)
QUERIES_PER_MINUTE = 6  # of one user, all day long: 8,640 of the 10,000 calls that Google gives a site a day


def check_query_rate(user: User) -> None:
    """Count a question to YouTube that a page of a user asks. Raises LimitReached."""
    check_rate(user, "youtube-look", QUERIES_PER_MINUTE)


def count_start(owner: User) -> None:
    """Count a session that is about to be opened: Google counts it whatever comes of it."""
    SessionStart.objects.create(owner=owner)


def starts_today() -> int:
    return SessionStart.objects.filter(started_at__gte=last_midnight()).count()


def starts_left() -> int:
    """Return how many uploads may still begin today."""
    return max(0, DAILY_STARTS - starts_today())


def share_left(owner: User) -> int:
    """Return how many uploads of one user may still begin today, as long as there are any."""
    begun = SessionStart.objects.filter(owner=owner, started_at__gte=last_midnight()).count()
    return max(0, settings.LIMITS.uploads_per_day - begun)


def last_midnight(now: datetime | None = None) -> datetime:
    """Return when Google's day began."""
    day = (now or timezone.now()).astimezone(GOOGLE_ZONE).date()
    return datetime.combine(day, time(), GOOGLE_ZONE)


def next_midnight(now: datetime | None = None) -> datetime:
    """Return when Google's allowance is whole again; a day is 23 or 25 hours long twice a year."""
    tomorrow = (now or timezone.now()).astimezone(GOOGLE_ZONE).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), GOOGLE_ZONE)


def delete_old_starts() -> None:
    SessionStart.objects.filter(started_at__lt=timezone.now() - RETENTION).delete()
