"""Jobs that make mixes, and the files they made."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from ninja import Field

from api.shapes.common import Answer, Shape, address, one_of
from mixes.leases import State
from mixes.models import Artifact, MixJob
from mixes.services.rendering.artifacts import CONTENT_TYPES

JobState = Annotated[str, one_of(*State.values)]


class JobOut(Answer):
    """An order to make a mix as it was then."""

    id: UUID
    mix: UUID
    title: str
    state: JobState
    percent: int
    stage: str
    eta_s: int | None = Field(description="seconds left, once they can be estimated")
    message: str
    error: str = Field(description="why it failed")
    notes: list[str]
    verdicts: dict[str, str] = Field(description="of the check, by file: ok, note or wrong")
    mail: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobNew(Shape):
    """How to make a mix."""

    mail: Annotated[bool, Field(description="send a mail at the end")] = False
    without: Annotated[
        int, Field(ge=0, le=99_999, description="how many songs that cannot be used may be left out")
    ] = 0


class ArtifactOut(Answer):
    """A file that a job made."""

    id: UUID
    kind: Annotated[str, one_of(*Artifact.Kind.values)]
    name: str
    size: int = Field(description="bytes")
    sha256: str
    content_type: str
    url: str


def show_job(job: MixJob) -> JobOut:
    return JobOut(
        id=job.pk,
        mix=job.mix_id,
        title=job.title,
        state=job.state,
        percent=100 if job.state == State.DONE else job.percent,
        stage=job.stage,
        eta_s=job.eta_s,
        message=job.message,
        error=job.error_text,
        notes=[str(note) for note in job.notes],
        verdicts={kind: sheet["verdict"] for kind, sheet in (job.check_sheet or {}).items()},
        mail=job.mail_when_done,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def show_artifact(request: HttpRequest, artifact: Artifact) -> ArtifactOut:
    return ArtifactOut(
        id=artifact.pk,
        kind=artifact.kind,
        name=artifact.name,
        size=artifact.size,
        sha256=artifact.sha256,
        content_type=CONTENT_TYPES[artifact.kind],
        url=address(request, reverse("api:artifact_file", args=[artifact.pk])),
    )
