"""Resource limits per user; every limit is a setting."""

from dataclasses import dataclass
from typing import Self

import environ

MB = 1 << 20  # binary, as in the sizes shown to users
GB = 1024 * MB


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in bytes, seconds and counts, with their defaults."""

    file_bytes: int = 2 * GB
    track_s: int = 4 * 3600
    tracks_per_mix: int = 500
    mixes_per_user: int = 2_000  # including those in the bin
    tracks_per_user: int = 20_000  # including those in the bin: each is a row and a file, however small
    pictures_per_user: int = 2_000
    previews_waiting: int = 20  # previews per user, of tracks and joins, that are not yet made
    announced_per_minute: int = 600  # uploads started per minute and user
    storage_bytes: int = 20 * GB  # per user: tracks, pictures and results
    jobs_running: int = 2  # mixes per user that run or wait
    uploads_per_day: int = 20  # to YouTube, per user: Google allows 100 for a whole site
    publications_open: int = 50  # open publications per user: each keeps its video on the disk
    api_per_minute: int = 600  # requests to the API per token
    uploads_open: int = 200  # unfinished uploads per user
    patches_at_once: int = 3  # chunks of uploads being received at once, per user
    downloads_at_once: int = 24  # per user, of more than 1 MB: a browser pauses those that it plays
    archives_at_once: int = 2  # per user: each occupies a thread of the web server
    picture_bytes: int = 30 * MB
    free_disk_bytes: int = 1 * GB  # kept free for everything else on the machine
    preview_bytes: int = 5 * GB  # preview files, for the whole site
    bin_days: int = 30
    upload_days: int = 7  # an unfinished upload can be resumed for this long
    revisions: int = 50

    @classmethod
    def read(cls, env: environ.Env) -> Self:
        """Read limits from the environment: sizes in MB, track lengths in minutes."""
        d = cls()
        return cls(
            file_bytes=env.int("MIXTAPE_MAX_FILE_MB", default=d.file_bytes // MB) * MB,
            track_s=env.int("MIXTAPE_MAX_TRACK_MINUTES", default=d.track_s // 60) * 60,
            tracks_per_mix=env.int("MIXTAPE_MAX_TRACKS", default=d.tracks_per_mix),
            mixes_per_user=env.int("MIXTAPE_USER_MIXES", default=d.mixes_per_user),
            tracks_per_user=env.int("MIXTAPE_USER_TRACKS", default=d.tracks_per_user),
            storage_bytes=env.int("MIXTAPE_USER_STORAGE_MB", default=d.storage_bytes // MB) * MB,
            jobs_running=env.int("MIXTAPE_USER_JOBS", default=d.jobs_running),
            uploads_per_day=env.int("MIXTAPE_USER_UPLOADS", default=d.uploads_per_day),
            free_disk_bytes=env.int("MIXTAPE_FREE_DISK_MB", default=d.free_disk_bytes // MB) * MB,
            preview_bytes=env.int("MIXTAPE_LISTENING_MB", default=d.preview_bytes // MB) * MB,
            bin_days=env.int("MIXTAPE_BIN_DAYS", default=d.bin_days),
        )
