"""The bytes of a video on their way to YouTube, so that there is never a second one.

A video exists only once YouTube has the last byte. So the session's address is committed before the first
byte, and the moment of the last chunk before that is sent; whoever goes on asks the session first. Only where
YouTube forgot a session whose last chunk had been sent can nobody know: then the channel is looked at three
times, and at last its owner is asked.
"""

import time
from collections import deque
from datetime import timedelta
from typing import BinaryIO

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
    VideoDetails,
)
from youtube_integration.jobs.work import Work
from youtube_integration.models import YouTubePublication
from youtube_integration.problems import GONE, Step
from youtube_integration.security.sealing import SealBroken, owner_key, seal, unseal
from youtube_integration.services import quotas, video_files

CHUNK_BYTES = 8 * 2**20  # YouTube wants multiples of 256 KiB; as much may be sent twice after an interruption
SLICE_S = 120.0  # then it is somebody else's turn
PACE_KEPT = 5  # chunks from which speed and remaining time are told
MOST_RESTARTS = 2
LOOKS_AFTER_S = (600, 3000)  # after a session was lost at its very end: at once, and twice within an hour
CLOCKS_DIFFER = timedelta(minutes=10)  # YouTube's and ours
NOT_UNDERSTOOD = (400, 416)  # to a chunk: perhaps YouTube has it already
Phase = YouTubePublication.Phase


def upload(work: Work) -> str:
    """Send what is missing; return the video's id. Raises GoOnLater, Cancelled, PublicationRefused."""
    if not video_files.is_unchanged(work.row, work.run.should_stop):
        work.cope(FileChanged(), Step.SEND)
    with video_files.path_of(work.row).open("rb") as file:
        return Transfer(work, file).run()


class Transfer:
    """One slice of an upload; `state` is None where YouTube has to be asked how far it is."""

    def __init__(self, work: Work, file: BinaryIO) -> None:
        self.work = work
        self.row = work.row
        self.file = file
        self.address = read_address(work.row)
        self.state: SessionState | None = None
        self.step = Step.SEND
        self.is_doubted = False  # a chunk was not understood, and the session asked since
        self.pace = deque(work.row.pace, maxlen=PACE_KEPT)
        self.until_s = time.monotonic() + SLICE_S

    def run(self) -> str:
        while not (self.state and self.state.video_id):
            if self.work.is_further and time.monotonic() > self.until_s:
                self.work.later(phase=Phase.UPLOADING)
            try:
                self.state = self.advance()
            except GoogleError as error:
                self.state = None
                if not self.is_cured(error):
                    self.work.cope(error, self.step)
        return self.state.video_id

    def advance(self) -> SessionState | None:
        """Do the next thing: look for a lost video, open the session, ask it, or send a chunk."""
        self.step = Step.SEND
        if self.work.run.should_stop():
            raise Cancelled
        if not self.address and self.row.final_sent_at:
            return SessionState(self.row.size, self.look())
        if not self.address:
            return self.open()
        if self.state is None:
            return self.ask()
        return self.send(self.state.offset)

    def open(self) -> SessionState:
        """Open a session, and have its address in the database before a byte is sent."""
        self.step = Step.START
        self.wait_for_share()
        self.drop_past_time()
        api = self.work.api
        quotas.count_start(self.row.owner)
        address = api.open_session(details_of(self.row), size=self.row.size, file_name=file_name(self.row))
        self.work.win(
            sealed_session=seal(owner_key(self.row.owner_id), {"address": address}),
            session_opened_at=timezone.now(),
            offset=0,
            pace=[],
            phase=Phase.UPLOADING,
        )
        self.address = address
        return SessionState(0)

    def wait_for_share(self) -> None:
        """Leave what Google allows today to others, where this owner has had enough. Raises GoOnLater."""
        if quotas.share_left(self.row.owner):
            return
        at = quotas.next_midnight()
        message = _("You used up your share of today's uploads; this one starts by itself %s.")
        self.work.later(
            phase=Phase.WAITING, not_before=at, error_code="share", message=message % problems.time_words(at)
        )

    def drop_past_time(self) -> None:
        """Let nothing become public at a moment that nobody chose: YouTube takes a past time for now."""
        if self.row.publish_at and self.row.publish_at <= timezone.now():
            self.work.write(publish_at=None)
            self.work.note(
                _(
                    "The upload began after the time at which the video was to become public, so it stays "
                    "private. You can change that in YouTube Studio."
                )
            )

    def ask(self) -> SessionState:
        state = self.work.api.query_session(self.address, size=self.row.size)
        self.keep(state)
        return state

    def send(self, offset: int) -> SessionState:
        """Send one chunk. Before the last one it is written down that from here on a video may exist."""
        length = min(CHUNK_BYTES, self.row.size - offset)
        if length <= 0:
            raise Unreachable("YouTube has all of it and no video yet")
        if offset + length == self.row.size and not self.row.final_sent_at:
            self.work.write(unless_cancelled=True, final_sent_at=timezone.now())
        state = self.work.api.send_chunk(
            self.address,
            self.file,
            offset=offset,
            length=length,
            size=self.row.size,
            should_stop=self.work.run.should_stop,
            on_sent=lambda sent: self.tell(offset + sent),
        )
        if state.offset <= offset:
            raise Unreachable("YouTube kept nothing of a chunk")
        self.pace.append([round(time.time(), 1), state.offset])
        self.is_doubted = False
        self.keep(state)
        return state

    def keep(self, state: SessionState) -> None:
        """Write down how far YouTube is; less than before is not progress."""
        self.tell(state.offset)
        if state.video_id is None:
            columns = {"offset": state.offset, "pace": list(self.pace), "phase": Phase.UPLOADING}
            keep = self.work.win if state.offset > self.row.offset else self.work.write
            keep(progress=PROGRESS_FULL * state.offset // self.row.size, **columns)

    def tell(self, offset: int) -> None:
        self.work.run.on_progress("upload", offset / self.row.size)

    def is_cured(self, error: GoogleError) -> bool:
        """Tell whether an error is answered by another session, or by asking this one."""
        if not isinstance(error, Refused) or not self.address:
            return False
        if error.status in GONE:
            self.give_session_up()
            return True
        if error.status in NOT_UNDERSTOOD and not self.is_doubted:
            self.is_doubted = True
            return True
        return False

    def give_session_up(self) -> None:
        """Let go of a session that YouTube forgot. Raises PublicationRefused when that happens too often."""
        self.address = ""
        if self.row.final_sent_at:
            self.work.write(sealed_session="", looks=0)
            return
        is_enough = self.row.restarts >= MOST_RESTARTS
        restarts = 0 if is_enough else self.row.restarts + 1
        self.work.write(sealed_session="", restarts=restarts, offset=0, pace=[])
        if is_enough:
            self.work.fail("session_lost", str(problems.SESSIONS_LOST))

    def look(self) -> str:
        """Return the video that a lost session made, if the channel has it; else look later, then ask."""
        found = self.work.api.find_upload(
            file_name(self.row),
            title=self.row.title,
            size=self.row.size,
            since=self.row.session_opened_at - CLOCKS_DIFFER,
            known=list(YouTubePublication.objects.exclude(video_id=None).values_list("video_id", flat=True)),
        )
        if found:
            return found.video_id
        looks = self.row.looks + 1
        if looks > len(LOOKS_AFTER_S):
            self.work.hold(Phase.NEEDS_REVIEW, "maybe_there", str(problems.MAY_BE_THERE), looks=looks)
        self.work.later(
            phase=Phase.WAITING,
            not_before=timezone.now() + timedelta(seconds=LOOKS_AFTER_S[looks - 1]),
            looks=looks,
            error_code="looking",
            message=_("Making sure that YouTube does not have this video already."),
        )


def read_address(row: YouTubePublication) -> str:
    """Return the address of the row's session; one that no key opens is as good as lost."""
    if not row.sealed_session:
        return ""
    try:
        return unseal(owner_key(row.owner_id), row.sealed_session)["address"]
    except SealBroken:
        return ""


def file_name(row: YouTubePublication) -> str:
    """Return the name by which YouTube can tell our uploads apart."""
    return f"{FILE_NAME_MARK}{row.pk}.mp4"


def details_of(row: YouTubePublication) -> VideoDetails:
    return VideoDetails(
        title=row.title,
        description=row.description,
        tags=tuple(row.tags),
        category=row.category,
        privacy=row.privacy,
        publish_at=row.publish_at,
        made_for_kids=row.made_for_kids,
        altered_content=row.altered_content,
        notify_subscribers=row.notify_subscribers,
    )
