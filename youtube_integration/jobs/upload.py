"""Upload a video so that an interruption never creates a duplicate.

YouTube creates the video when it has the last byte. The session's URL is therefore committed before the first
byte is sent, and the time of the last chunk before that chunk is sent. A resumed upload queries the session
first. When YouTube has lost a session whose last chunk was sent, the outcome is unknown: the channel is
searched three times, and then the owner is asked.
"""

import time
from collections import deque
from datetime import timedelta
from typing import Any, BinaryIO

from django.utils import timezone
from django.utils.translation import gettext as _

from mixes.engine.errors import Cancelled
from mixes.leases import PROGRESS_FULL
from youtube_integration import problems
from youtube_integration.google.types import (
    FILE_NAME_MARK,
    FileChanged,
    GoogleError,
    Refused,
    SessionState,
    Unreachable,
)
from youtube_integration.jobs.work import PublicationWork
from youtube_integration.models import YouTubePublication
from youtube_integration.problems import GONE_STATUSES, Step
from youtube_integration.security.sealing import SealBroken, owner_key, seal, unseal
from youtube_integration.services import quotas, video_files
from youtube_integration.services.publications import details_of

CHUNK_BYTES = 8 * 2**20  # YouTube requires multiples of 256 KiB; an interruption repeats at most one chunk
SLICE_S = 120.0  # then another job gets its turn
PACE_CHUNKS = 5  # number of recent chunks used to compute speed and remaining time
MAX_RESTARTS = 2
CLOCK_TOLERANCE = timedelta(minutes=10)  # allowed difference between YouTube's clock and ours
UNCLEAR_STATUSES = (400, 416)  # of a chunk: YouTube may have it already
Phase = YouTubePublication.Phase


def upload(work: PublicationWork) -> str:
    """Send the missing bytes and return the video's id. Raises Postponed, Cancelled, PublicationRefused."""
    if not video_files.is_unchanged(work.row, work.run.should_stop):
        work.handle_error(FileChanged(), Step.SEND)
    with video_files.path_of(work.row).open("rb") as file:
        return UploadSlice(work, file).run()


class UploadSlice:
    """One slice of an upload; `state` is None when the session must be queried first."""

    def __init__(self, work: PublicationWork, file: BinaryIO) -> None:
        self.work = work
        self.row = work.row
        self.file = file
        self.address = read_address(work.row)
        self.state: SessionState | None = None
        self.step = Step.SEND
        self.has_asked_again = False  # the session was queried after an unclear response to a chunk
        self.pace = deque(work.row.pace, maxlen=PACE_CHUNKS)
        self.until_s = time.monotonic() + SLICE_S

    def run(self) -> str:
        while not (self.state and self.state.video_id):
            if self.work.has_progress and time.monotonic() > self.until_s:
                self.work.postpone(phase=Phase.UPLOADING)
            try:
                self.state = self.advance()
            except GoogleError as error:
                self.state = None
                if not self.recover(error):
                    self.work.handle_error(error, self.step)
        return self.state.video_id

    def advance(self) -> SessionState | None:
        """Do the next step: search for a lost video, open the session, query it, or send a chunk."""
        self.step = Step.SEND
        if self.work.run.should_stop():
            raise Cancelled
        self.work.stop_if_deactivated()
        if not self.address and self.row.final_sent_at:
            return SessionState(self.row.size, self.find_lost_video())
        if not self.address:
            return self.open()
        if self.state is None:
            return self.query()
        return self.send(self.state.offset)

    def open(self) -> SessionState:
        """Open a session, and commit its URL before any byte is sent."""
        self.step = Step.START
        self.wait_for_share()
        self.drop_past_publish_time()
        api = self.work.api
        quotas.count_start(self.row.owner)
        address = api.open_session(details_of(self.row), size=self.row.size, file_name=file_name(self.row))
        self.work.write_progress(
            sealed_session=seal(owner_key(self.row.owner_id), {"address": address}),
            session_opened_at=timezone.now(),
            offset=0,
            pace=[],
            phase=Phase.UPLOADING,
        )
        self.address = address
        return SessionState(0)

    def wait_for_share(self) -> None:
        """Wait until tomorrow when the owner has used up the daily share. Raises Postponed."""
        if quotas.share_left(self.row.owner):
            return
        at = quotas.next_midnight()
        message = _("You used up your share of today's uploads; this one starts automatically %s.")
        self.work.postpone(
            phase=Phase.WAITING, not_before=at, error_code="share", message=message % problems.time_words(at)
        )

    def drop_past_publish_time(self) -> None:
        """Drop a publish time in the past: YouTube would make the video public immediately."""
        if self.row.publish_at and self.row.publish_at <= timezone.now():
            self.work.write(publish_at=None)
            self.work.note(
                _(
                    "The upload began after the time at which the video was to become public, so it stays "
                    "private. You can change that in YouTube Studio."
                )
            )

    def query(self) -> SessionState:
        state = self.work.api.query_session(self.address, size=self.row.size)
        self.record(state)
        return state

    def send(self, offset: int) -> SessionState:
        """Send one chunk. Before the last chunk, commit the time from which a video may exist."""
        length = min(CHUNK_BYTES, self.row.size - offset)
        if length <= 0:
            raise Unreachable("YouTube has all bytes but reports no video yet")
        if offset + length == self.row.size and not self.row.final_sent_at:
            self.work.write(unless_cancelled=True, final_sent_at=timezone.now())
        state = self.work.api.send_chunk(
            self.address,
            self.file,
            offset=offset,
            length=length,
            size=self.row.size,
            should_stop=self.work.run.should_stop,
            on_sent=lambda sent: self.report(offset + sent),
        )
        if state.offset <= offset:
            raise Unreachable("YouTube stored no byte of a chunk")
        self.pace.append([round(time.time(), 1), state.offset])
        self.has_asked_again = False
        self.record(state)
        return state

    def record(self, state: SessionState) -> None:
        """Store the session's progress; a smaller offset than before does not count as progress."""
        self.report(state.offset)
        if state.video_id is None:
            columns: dict[str, Any] = {
                "offset": state.offset,
                "pace": list(self.pace),
                "phase": Phase.UPLOADING,
            }
            keep = self.work.write_progress if state.offset > self.row.offset else self.work.write
            keep(progress=PROGRESS_FULL * state.offset // self.row.size, **columns)

    def report(self, offset: int) -> None:
        self.work.run.on_progress("upload", offset / self.row.size)

    def recover(self, error: GoogleError) -> bool:
        """Return whether a new session, or a query of this one, can recover from the error."""
        if not isinstance(error, Refused) or not self.address:
            return False
        if error.status in GONE_STATUSES:
            self.abandon_session()
            return True
        if error.status in UNCLEAR_STATUSES and not self.has_asked_again:
            self.has_asked_again = True
            return True
        return False

    def abandon_session(self) -> None:
        """Discard a lost session. Raises PublicationRefused after too many lost sessions."""
        self.address = ""
        if self.row.final_sent_at:
            self.work.write(sealed_session="", looks=0)
            return
        is_enough = self.row.restarts >= MAX_RESTARTS
        restarts = 0 if is_enough else self.row.restarts + 1
        self.work.write(sealed_session="", restarts=restarts, offset=0, pace=[])
        if is_enough:
            self.work.fail("session_lost", str(problems.SESSIONS_LOST))

    def find_lost_video(self) -> str:
        """Return the id of a lost session's video. Raises Postponed to search again or ask the owner."""
        assert self.row.session_opened_at is not None
        made = YouTubePublication.objects.exclude(video_id=None).values_list("video_id", flat=True)
        found = self.work.api.find_upload(
            file_name(self.row),
            title=self.row.title,
            size=self.row.size,
            since=self.row.session_opened_at - CLOCK_TOLERANCE,
            known=[video_id for video_id in made if video_id is not None],
        )
        if found:
            return found.video_id
        self.work.look_again_or_ask()


def read_address(row: YouTubePublication) -> str:
    """Return the URL of the row's session, or "" when it cannot be decrypted, as for a lost session."""
    if not row.sealed_session:
        return ""
    try:
        address: str = unseal(owner_key(row.owner_id), row.sealed_session)["address"]
        return address
    except SealBroken:
        return ""


def file_name(row: YouTubePublication) -> str:
    """Return the file name that identifies this upload at YouTube."""
    return f"{FILE_NAME_MARK}{row.pk}.mp4"
