"""The page of one job: its progress, or its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from mixes.engine.tracklist.chapters import Chapter, chapters_of
from mixes.engine.tracklist.youtube import LIMIT_BYTES
from mixes.leases import State
from mixes.models import Artifact, MixJob, MixTrack, ShareLink, Show
from mixes.pages import check_report
from mixes.pages.loudness_picture import LoudnessPicture, picture_of
from mixes.pages.planned_tracks import songs_copied
from mixes.pages.sharing.addresses import embed_code, share_url
from mixes.pages.time_axis import Mark, axis_times, marks_of
from mixes.services import storage, wording
from mixes.services.delivery.tracklists import FORM_WORDS, tracklists_of
from mixes.services.editing.engine_settings import items_of
from mixes.services.rendering.mix_requests import next_try_text, place_in_queue, remaining_text
from mixes.services.rendering.snapshots import timeline_of
from mixes.services.sharing.share_links import link_of

STAGE_WORDS: Mapping[str, Promise] = {
    "": gettext_lazy("Getting ready"),
    "draw": gettext_lazy("Painting the picture"),
    "render": gettext_lazy("Mixing the songs"),
    "video": gettext_lazy("Making the video"),
    "write": gettext_lazy("Writing the texts"),
    "check": gettext_lazy("Listening to the result"),
}
KIND_WORDS: Mapping[str, tuple[Promise, Promise]] = {
    Artifact.Kind.MP3: (gettext_lazy("MP3"), gettext_lazy("sound, with chapters and cover inside")),
    Artifact.Kind.MP4: (gettext_lazy("MP4"), gettext_lazy("video, with chapters inside")),
    Artifact.Kind.CUE: (gettext_lazy("CUE sheet"), gettext_lazy("for DJ programs and Mixcloud")),
    Artifact.Kind.CHAPTERS: (gettext_lazy("Chapters"), gettext_lazy("JSON, for podcasts")),
    Artifact.Kind.DESCRIPTION: (gettext_lazy("Description"), gettext_lazy("text with the tracklist")),
    Artifact.Kind.TIMELINE: (gettext_lazy("Timeline"), gettext_lazy("JSON, every clip and join")),
}
TEXTS = (Artifact.Kind.DESCRIPTION, Artifact.Kind.CUE, Artifact.Kind.CHAPTERS, Artifact.Kind.TIMELINE)
OPENERS: Mapping[str, Promise] = {
    State.QUEUED: pgettext_lazy("state of a mix", "Waiting"),
    State.RUNNING: pgettext_lazy("state of a mix", "Being made"),
    State.DONE: pgettext_lazy("state of a mix", "Done"),
    State.FAILED: pgettext_lazy("state of a mix", "Failed"),
    State.CANCELLED: pgettext_lazy("state of a mix", "Cancelled"),
}


Piece = tuple[str, dict[str, Any] | None]  # of a sentence, with the attributes of the link it is


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a result to take along."""

    address: str
    name: str
    label: Promise | str
    about: Promise | str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Progress of a job, in words."""

    job: MixJob

    @property
    def stage(self) -> Promise | str:
        return STAGE_WORDS.get(self.job.stage, self.job.stage)

    @property
    def opener(self) -> Promise:
        return OPENERS[self.job.state]

    @property
    def remaining(self) -> str:
        return remaining_text(self.job) if self.job.state == State.RUNNING else ""

    @property
    def place(self) -> int | None:
        return place_in_queue(self.job)

    @property
    def is_waiting(self) -> bool:
        return self.job.state == State.QUEUED

    @property
    def restarting(self) -> Promise | str:
        """Return which attempt it waits for; empty before the first."""
        begun = self.is_waiting and self.job.attempt > 0
        return wording.restarting(self.job.attempt + 1) if begun else ""

    @property
    def next_try(self) -> str:
        return next_try_text(self.job)


@dataclass(frozen=True)
class JobPage:
    """The page of a job; files are those of its last success, even while it is made again."""

    job: MixJob
    artifacts: Mapping[str, Artifact]

    @cached_property
    def status(self) -> JobStatus:
        return JobStatus(self.job)

    @cached_property
    def timeline(self) -> Any:
        return timeline_of(self.job.snapshot)

    @cached_property
    def chapters(self) -> tuple[Chapter, ...]:
        return chapters_of(self.timeline)

    @property
    def sound(self) -> Artifact | None:
        """Return the file to play: the video if there is one."""
        return self.artifacts.get(Artifact.Kind.MP4) or self.artifacts.get(Artifact.Kind.MP3)

    @property
    def sound_url(self) -> str:
        return reverse("mixes:artifact", args=[self.sound.pk]) if self.sound else ""

    @cached_property
    def share(self) -> ShareLink | None:
        return link_of(self.job)

    @property
    def share_url(self) -> str:
        return share_url(self.share) if self.share else ""

    @property
    def embed_code(self) -> str:
        return embed_code(self.share, self.job.title) if self.share else ""

    @property
    def is_video(self) -> bool:
        return Artifact.Kind.MP4 in self.artifacts

    @property
    def waves(self) -> list[tuple[str, str, str]]:
        """Return ink, peaks and body of each clip's waveform."""
        clips = (self.job.outline or {}).get("clips", ())
        return [(("odd", "even")[place % 2], peaks, body) for place, (peaks, body) in enumerate(clips)]

    @property
    def marks(self) -> tuple[Mark, ...]:
        return marks_of(self.timeline)

    @property
    def songs_copied(self) -> list[tuple[str, str]]:
        """Return of each song what became of its MP3 frames, in words; empty where none is copied."""
        return songs_copied(self.timeline)

    @property
    def axis_s(self) -> tuple[float, ...]:
        return axis_times(self.timeline.duration_s)

    @property
    def feed_show(self) -> Show | None:
        """Return the show whose feed can have this result, while its feed is on."""
        show = self.job.mix.show
        return show if show and show.feed_on and Artifact.Kind.MP3 in self.artifacts else None

    @property
    def sounds(self) -> list[Download]:
        """Return the files to hear and to watch, and the songs, which the MP3 is cut into."""
        files = [
            self.download(self.artifacts[kind])
            for kind in (Artifact.Kind.MP3, Artifact.Kind.MP4)
            if kind in self.artifacts
        ]
        if mp3 := self.artifacts.get(Artifact.Kind.MP3):
            address = reverse("mixes:job_songs", args=[self.job.pk])
            words = _("each song as its own tagged MP3, without gaps between them")
            files.append(Download(address, "", _("Songs"), words, mp3.size))
        return files

    @property
    def texts(self) -> list[Download]:
        """Return the tracklist in every form."""
        files = [self.download(self.artifacts[kind]) for kind in TEXTS if kind in self.artifacts]
        for tracklist in tracklists_of(self.job):
            label, about = FORM_WORDS[tracklist.form]
            address = reverse("mixes:job_tracklist", args=[self.job.pk, tracklist.form])
            files.append(Download(address, tracklist.name, label, about, len(tracklist.content)))
        return files

    def download(self, artifact: Artifact) -> Download:
        label, about = KIND_WORDS[artifact.kind]
        address = reverse("mixes:artifact_download", args=[artifact.pk])
        return Download(address, artifact.name, label, about, artifact.size)

    @cached_property
    def description(self) -> str:
        """Return the description text of the mix; empty when its file is missing."""
        artifact = self.artifacts.get(Artifact.Kind.DESCRIPTION)
        try:
            return storage.path_of(artifact.file).read_text(encoding="utf-8") if artifact else ""
        except OSError:
            return ""

    @property
    def description_bytes(self) -> int:
        return len(self.description.encode())

    @property
    def description_limit(self) -> int:
        return LIMIT_BYTES

    @property
    def checked(self) -> list[tuple[check_report.Checked, list[Piece], list[tuple[str, Any]]]]:
        """Return the checks, their texts in pieces, and their joins: title led into, song before."""
        return [
            (
                checked,
                self.heard(checked.pieces),
                [join for place in checked.joins if (join := self.join_at(place))],
            )
            for checked in check_report.checked_words(self.job.check_sheet or {})
        ]

    @property
    def notes(self) -> list[list[Piece]]:
        """Return the notes of the job in pieces; a song that is named leads to its start."""
        rate = self.timeline.rate
        starts_s = {f"“{clip.title}”": clip.start / rate for clip in reversed(self.timeline.clips)}
        return [self.heard(wording.pieces_of(note, starts_s)) for note in self.job.notes]

    def heard(self, pieces: Sequence[tuple[str, float | None]]) -> list[Piece]:
        """Return pieces of a sentence with links that play from their seconds, if there is a sound."""
        if self.sound is None:
            return [(text, None) for text, _second in pieces]
        sound = reverse("mixes:artifact", args=[self.sound.pk])
        return [
            (text, None if at_s is None else {"href": f"{sound}#t={int(at_s)}", "data-hear": at_s})
            for text, at_s in pieces
        ]

    @property
    def verdict(self) -> str:
        return check_report.overall_verdict(self.job.check_sheet or {})

    @cached_property
    def played_sheet(self) -> Mapping[str, Any]:
        """Return the check sheet of the file that is played; empty when none was checked."""
        sheets = self.job.check_sheet or {}
        kinds = (Artifact.Kind.MP4, Artifact.Kind.MP3)
        return next((sheets[kind] for kind in kinds if kind in sheets and kind in self.artifacts), {})

    @cached_property
    def loudness(self) -> LoudnessPicture | None:
        return picture_of(self.played_sheet, self.timeline.duration_s)

    @cached_property
    def findings(self) -> list[tuple[check_report.JoinReport, Any]]:
        """Return what may be noticed at joins, each with the song before it; None if the mix has changed."""
        reports = check_report.join_reports(self.played_sheet) if self.played_sheet else ()
        joins = [(report, self.join_at(report.place)) for report in reports]
        return [(report, join[1] if join else None) for report, join in joins]

    def join_at(self, place: int) -> tuple[str, Any] | None:
        """Return the title a join leads into and the song before it; None if the mix has changed."""
        if self.is_outdated or place + 1 >= len(self.items):
            return None
        return self.timeline.clips[place + 1].title, self.items[place].pk

    @cached_property
    def items(self) -> list[MixTrack]:
        """Return the songs of the mix that this result has, in order; those left out are skipped."""
        wanted = [track["id"] for track in self.job.snapshot["tracks"]]
        found: list[MixTrack] = []
        for item in items_of(self.job.mix):
            if len(found) < len(wanted) and str(item.track_id) == wanted[len(found)]:
                found.append(item)
        return found

    @property
    def took_s(self) -> float:
        """Return the seconds of work, without waiting and earlier attempts."""
        timings_s: dict[str, float] = self.job.timings_s or {}
        return sum(timings_s.values())

    @property
    def has_lost_files(self) -> bool:
        """Return whether a file of the result is missing."""
        return not all(storage.path_of(artifact.file).is_file() for artifact in self.artifacts.values())

    @property
    def is_outdated(self) -> bool:
        """Return whether the mix has changed since."""
        return bool(self.job.snapshot.get("mix_version") != self.job.mix.version)


def job_page(job: MixJob) -> JobPage:
    """Return the page of a job, with one more query."""
    return JobPage(job, {artifact.kind: artifact for artifact in Artifact.objects.filter(job=job)})


def timeline_data(job: MixJob) -> dict[str, Any]:
    """Return a job's timeline as plain types for other programs: times in seconds, levels in dB."""
    timeline = timeline_of(job.snapshot)
    rate = timeline.rate
    clips = [
        {
            "title": clip.title,
            "artist": clip.artist,
            "start_s": clip.start / rate,
            "length_s": clip.length / rate,
            "cue_in_s": clip.file_cue_in / rate,
            "cue_out_s": clip.file_cue_out / rate,
            "skips_s": [[first / rate, frames / rate] for first, frames in clip.skips],
            "gain_db": clip.gain_db,
        }
        for clip in timeline.clips
    ]
    joins = [
        {
            "style": join.style,
            "start_s": after.start / rate,
            "overlap_s": join.overlap / rate,
            "crossover_s": (after.start + join.crossover) / rate,
            "bars": join.bars,
            "stretch": round(after.stretch, 6),
            "fallback": join.why_not_club or None,
            "reason": join.reason,
        }
        for _before, after, join in timeline.joins()
    ]
    chapters = [
        {"start_s": chapter.start_s, "title": chapter.title, "artist": chapter.artist}
        for chapter in chapters_of(timeline)
    ]
    facts = {"title": job.title, "rate": rate, "frames": timeline.frames, "duration_s": timeline.duration_s}
    return {**facts, "clips": clips, "joins": joins, "chapters": chapters}
