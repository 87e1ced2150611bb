"""Health checks behind `/readyz` and `/status/`."""

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone

from mixes.engine.errors import EngineError
from mixes.queues import served_queues
from mixes.services import schema, workers
from mixes.services.queue_age import oldest_waiting_s
from mixtape_site.operations import ffmpeg_build

CACHE_S = 3  # a report is reused for this long: it is cheap to request and costly to make
PROBE_KEY = "readyz"  # key of the probe row; it is created expired, so it grants nothing


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check."""

    is_ok: bool
    detail: Any = None
    error: str = ""  # type name of the exception


@dataclass(frozen=True, slots=True)
class Report:
    checks: dict[str, Check]

    @property
    def is_ready(self) -> bool:
        return all(check.is_ok for check in self.checks.values())

    def to_json(self, *, with_details: bool) -> dict[str, Any]:
        """Return the report; disk space and versions only with details."""
        checks = {
            name: {"ok": check.is_ok, **({"detail": check.error or check.detail} if with_details else {})}
            for name, check in self.checks.items()
        }
        return {"ok": self.is_ready, "checks": checks}


def recent_report() -> Report:
    """Return a report that is at most CACHE_S old."""
    return cast(Report, cache.get_or_set(PROBE_KEY, make_report, CACHE_S))


def make_report() -> Report:
    """Check everything that making a mix needs."""
    looks = {
        "database": check_database,
        "migrations": check_migrations,
        "storage": check_storage,
        "disk": check_disk,
        "ffmpeg": check_ffmpeg,
        **{f"worker_{queue}": _worker_check(queue) for queue in served_queues()},
    }
    return Report({name: _run_check(look) for name, look in looks.items()})


def _run_check(look: Callable[[], Check]) -> Check:
    """Report a failure by its exception type only: messages contain paths and addresses."""
    try:
        return look()
    except (DatabaseError, EngineError, OSError) as error:
        return Check(False, error=type(error).__name__)


def check_database() -> Check:
    """Write one row."""
    Session.objects.update_or_create(
        session_key=PROBE_KEY, defaults={"session_data": "", "expire_date": timezone.now()}
    )
    return Check(True, connection.vendor)


def check_migrations() -> Check:
    missing = schema.missing_migrations()
    return Check(not missing, {"not_applied": missing})


def check_storage() -> Check:
    """Write, read and delete a file in the media folder."""
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{PROBE_KEY}-{uuid.uuid4().hex}"
    try:
        path.write_bytes(b"ready")
        return Check(path.read_bytes() == b"ready")
    finally:
        path.unlink(missing_ok=True)


def check_disk() -> Check:
    """Compare the free space with the limit below which no upload or mix is accepted."""
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(settings.MEDIA_ROOT).free
    return Check(free_bytes >= settings.LIMITS.free_disk_bytes, {"free_mb": free_bytes // 1_000_000})


def check_ffmpeg() -> Check:
    """Report version and age; an old ffmpeg still counts as ok."""
    build = ffmpeg_build.read_build()
    detail = {
        "version": build.version,
        "named": None if build.is_ours else str(build.path),
        "made": str(build.made_on or build.made_in or "") or None,
        "old": build.is_old(timezone.localdate()),
    }
    return Check(True, detail)


def _worker_check(queue: str) -> Callable[[], Check]:
    def look() -> Check:
        waiting_s = oldest_waiting_s(queue)
        alive = workers.alive(queue).count()
        return Check(alive > 0, {"alive": alive, "oldest_waiting_s": waiting_s})

    return look
