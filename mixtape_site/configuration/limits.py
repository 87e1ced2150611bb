"""What one person may take up of the machine; every limit is a setting."""

from dataclasses import dataclass
from typing import Self

import environ

MB = 1 << 20  # as file sizes are shown
GB = 1024 * MB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, seconds and counts. The defaults stand here and nowhere else."""

    file_bytes: int = 2 * GB
    track_s: int = 4 * 3600
    tracks_per_mix: int = 500
    mixes_per_user: int = 2_000  # those in the bin too
    tracks_per_user: int = 20_000  # those in the bin too: each is a row and a file, however small
    pictures_per_user: int = 2_000
    previews_waiting: int = 20  # of joins, asked for by one user and not made yet
    announced_per_minute: int = 600  # uploads begun by one user
    storage_bytes: int = 20 * GB  # of one user: tracks, pictures and results
    jobs_running: int = 2  # mixes of one user being made or waiting
    uploads_per_day: int = 20  # to YouTube, of one user: Google lets a whole site begin 100
    publications_open: int = 50  # videos of one user on their way to YouTube: each is kept until it is there
    uploads_open: int = 200  # begun and not finished, of one user
    patches_at_once: int = 3  # pieces of uploads being received, of one user
    picture_bytes: int = 30 * MB
    free_disk_bytes: int = 1 * GB  # left free for everything else on the machine
    preview_bytes: int = 5 * GB  # kept of listening copies, for the whole site
    bin_days: int = 30
    upload_days: int = 7  # an unfinished upload can be gone on with
    revisions: int = 50

    @classmethod
    def read(cls, env: environ.Env) -> Self:
        """Read limits from the environment: sizes in MB, the length of a track in minutes."""
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
