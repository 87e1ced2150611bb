"""The protocol of a publisher: preflight, draft, row, transfer, watch.

A publisher is an app that sends a finished mix to one service. It enters itself into `PUBLISHERS` in the
`ready()` of its app; everything around it (leases, holds, retries, restored databases, deactivated users,
reconnected accounts, deletion of files) is the shared code of this package.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.utils.functional import Promise

from accounts.models import User
from mixes.jobs.runner import JobRun
from mixes.models import Artifact, MixJob
from mixes.services.wording import Words
from publishing.models import GrantState, Publication

if TYPE_CHECKING:
    from publishing.work import PublicationWork


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check: `ok`, `note` (a warning) or `wrong` (blocks publishing)."""

    verdict: str
    text: str
    link: str = ""
    link_text: str | Promise = ""
    is_repetition: bool = False  # published before: the form asks for confirmation

    @property
    def icon(self) -> str:
        return {"ok": "check", "note": "info"}.get(self.verdict, "warning")

    @property
    def leads_away(self) -> bool:
        return self.link.startswith("https:")


def is_clear(checks: tuple[Check, ...]) -> bool:
    return all(check.verdict != "wrong" for check in checks)


class Publisher(ABC):
    """One service to which finished mixes are published."""

    name: ClassVar[str]
    label: ClassVar[str]  # its name as people write it
    row: type[Publication]
    credential: type[models.Model]  # with the columns user, state and the row's ACCOUNT
    file_kind: ClassVar[str]  # kind of the artifact that is sent
    page: ClassVar[str]  # URL name of the page of a publication
    live_subject: Words  # of mails, with %s for the title
    live_text: Words  # with %(title)s
    without_file: Words  # a mix cannot be published because it was made without such a file
    made_without_file: Words  # the same of one that was still being made when it was ordered
    file_deleted: Words
    file_remade: Words  # and the service may have the earlier file
    enough: Words  # is being published already
    looking: Words  # whether the service has it already
    may_be_there: Words  # asks the owner to look
    after_restore: Words
    nothing_sent: ClassVar[dict[str, Any]]  # columns of a row whose upload begins at its first byte
    new_picture: ClassVar[dict[str, Any]] = {}  # columns of a row that got a picture, beside `thumbnail`

    @abstractmethod
    def preflight(self, owner: User, job: MixJob) -> tuple[Check, ...]:
        """Return the results of all checks for publishing the result of a job."""

    @abstractmethod
    def draft(self, job: MixJob) -> Any:
        """Return the suggested details for the result of a job, finished or not."""

    @abstractmethod
    def columns_when_made(self, row: Any) -> dict[str, Any]:
        """Return what the mix of a row decides, now that it is made."""

    @abstractmethod
    def picture_of(self, job: MixJob) -> bytes:
        """Return the picture of a job, as JPEG."""

    @abstractmethod
    def work(self, run: JobRun, row: Any) -> "PublicationWork[Any]":
        """Return the context of one attempt."""

    @abstractmethod
    def transfer(self, work: Any) -> str:
        """Send the file and return the service's id of the result; never sends one twice.

        Raises Postponed, Cancelled and PublicationRefused.
        """

    @abstractmethod
    def watch(self, work: Any) -> dict[str, Any]:
        """Do what is left after the transfer; return the final columns. Raises Postponed."""

    @abstractmethod
    def result_url(self, row: Any) -> str:
        """Return the public address of what was published."""

    def file_of(self, job: MixJob) -> Artifact | None:
        """Return the file of a job that is sent, or None."""
        return Artifact.objects.filter(job=job, kind=self.file_kind).first()

    def will_have_file(self, job: MixJob) -> bool:
        """Return whether a job makes such a file."""
        return self.file_kind in job.snapshot["formats"]

    def grant_of(self, row: Publication) -> Any:
        """Return the grant for the account of a publication, or None when it is no longer connected."""
        same_account = {row.ACCOUNT: row.account_id}
        active = self.credential._default_manager.filter(state=GrantState.ACTIVE)
        return active.filter(user=row.owner_id, **same_account).first()


PUBLISHERS: dict[str, Publisher] = {}


def publisher_of(row: Publication) -> Publisher:
    return PUBLISHERS[row.PUBLISHER]
