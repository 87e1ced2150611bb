"""Tracklists of a result for other sites and programs, written when they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy

from mixes.engine.filenames import file_stem
from mixes.engine.tracklist.chapters import chapters_of
from mixes.engine.tracklist.texts import FORMS
from mixes.models import MixJob
from mixes.services.rendering.snapshots import timeline_of

FORM_WORDS: Mapping[str, tuple[Promise, Promise]] = {
    "youtube": (gettext_lazy("Tracklist for YouTube"), gettext_lazy("text with times, as chapters")),
    "mixcloud": (gettext_lazy("Tracklist for Mixcloud"), gettext_lazy("text without times, to paste there")),
    "1001tracklists": (gettext_lazy("Tracklist for 1001Tracklists"), gettext_lazy("text, times in brackets")),
    "csv": (gettext_lazy("Table"), gettext_lazy("CSV, for spreadsheets and playlist reports")),
    "podlove": (gettext_lazy("Podlove chapters"), gettext_lazy("XML, for podcast feeds")),
    "marks": (gettext_lazy("Chapter marks"), gettext_lazy("text, for Podlove Publisher and Auphonic")),
}


@dataclass(frozen=True, slots=True)
class Tracklist:
    """A tracklist in one of FORMS, as a file."""

    form: str
    name: str
    content: bytes


def tracklists_of(job: MixJob) -> list[Tracklist]:
    """Return the tracklist of a result in every form."""
    timeline = timeline_of(job.snapshot)
    chapters, stem = chapters_of(timeline), file_stem(job.title)
    return [
        Tracklist(name, stem + form.suffix, form.write(chapters, timeline.duration_s).encode())
        for name, form in FORMS.items()
    ]


def tracklist_response(job: MixJob, form: str) -> HttpResponse | None:
    """Answer with a tracklist as a file; None for a form that there is not."""
    for tracklist in tracklists_of(job):
        if tracklist.form == form:
            headers = {
                "Content-Disposition": content_disposition_header(True, tracklist.name) or "",
                "Cache-Control": "private, no-store",
            }
            content_type = FORMS[form].content_type
            return HttpResponse(tracklist.content, content_type=content_type, headers=headers)
    return None
