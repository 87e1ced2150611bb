"""Google's daily upload quota, counted locally and shared among the users of a site."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from mixes.services.rate_limits import check_rate
from youtube_integration.models import SessionStart

DAILY_STARTS = 100  # upload sessions of one Google project, unless Google granted more
GOOGLE_ZONE = ZoneInfo("America/Los_Angeles")  # Google's quota resets at midnight there
RETENTION = timedelta(days=7)
QUERIES_PER_MINUTE = 6  # per user: 8,640 of the 10,000 calls that Google grants a site each day


def check_query_rate(user: User) -> None:
    """Count a call to YouTube from a user's page. Raises LimitReached."""
    check_rate(user, "youtube-look", QUERIES_PER_MINUTE)


def count_start(owner: User) -> None:
    """Count an upload session before it is opened: Google counts it even when it fails."""
    SessionStart.objects.create(owner=owner)


def starts_today() -> int:
    return SessionStart.objects.filter(started_at__gte=last_midnight()).count()


def starts_left() -> int:
    """Return how many uploads may still start today."""
    return max(0, DAILY_STARTS - starts_today())


def share_left(owner: User) -> int:
    """Return how many uploads of one user may still start today."""
    begun = SessionStart.objects.filter(owner=owner, started_at__gte=last_midnight()).count()
    return max(0, settings.LIMITS.uploads_per_day - begun)


def last_midnight(now: datetime | None = None) -> datetime:
    """Return the start of Google's current day."""
    day = (now or timezone.now()).astimezone(GOOGLE_ZONE).date()
    return datetime.combine(day, time(), GOOGLE_ZONE)


def next_midnight(now: datetime | None = None) -> datetime:
    """Return the start of Google's next day; twice a year a day has 23 or 25 hours."""
    tomorrow = (now or timezone.now()).astimezone(GOOGLE_ZONE).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), GOOGLE_ZONE)


def delete_old_starts() -> None:
    SessionStart.objects.filter(started_at__lt=timezone.now() - RETENTION).delete()
