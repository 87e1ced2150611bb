"""The stages of one run, in the order in which they happen: draw, render, video, write, check.

In: a request, its plan, a work folder. Out: the files in it and what was measured of them. Where the folder
keeps records, a stage that an earlier run finished is taken as it lies there.
"""

import contextlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mixes.engine.cancellation import ShouldStop
from mixes.engine.checks.check_sheet import CheckSheet, Verdict, check_file
from mixes.engine.codecs.aac import AacWriter
from mixes.engine.codecs.encode import EncoderPool
from mixes.engine.codecs.mp3 import Mp3Writer
from mixes.engine.codecs.mp4 import Slide, make_video
from mixes.engine.errors import BrokenOutputError, Cancelled
from mixes.engine.filenames import file_stem
from mixes.engine.mixing.limiter import limit_blocks
from mixes.engine.mixing.plan import Plan
from mixes.engine.mixing.render import render_blocks
from mixes.engine.pictures.mix_outline import mix_outline
from mixes.engine.pictures.pictures import (
    COVER_SIZE,
    Size,
    cover_jpeg,
    generated_picture,
    safe_picture,
    title_card,
)
from mixes.engine.pipeline.checkpoints import Checkpoint, Checkpoints
from mixes.engine.pipeline.request import FORMATS, SUFFIXES, MixOutputs, MixRequest, OnProgress
from mixes.engine.samples import Samples
from mixes.engine.tracklist.chapters import chapters_of, ffmetadata, podcast_json
from mixes.engine.tracklist.cue_sheet import cue_sheet
from mixes.engine.tracklist.description import Description, render_description
from mixes.engine.tracklist.id3 import id3_bytes

OPENING_S = 1.0
# items of the check sheet without which a file is not published
BLOCKING_CHECKS = ("length", "start", "damage")
SOUND_FILE, COVER_FILE, OPENING_FILE = "sound.aac", "cover.jpg", "opening.f32"  # in the work folder alone

ReportFraction = Callable[[float], None]
StageValues = dict[str, Any]  # what later stages must know, as JSON has it
StageOutput = tuple[Sequence[str], StageValues]  # names in the work folder


class MixRun:
    """One run in its work folder."""

    def __init__(
        self,
        request: MixRequest,
        plan: Plan,
        work: Path,
        ffmpeg: Path,
        on_progress: OnProgress,
        should_stop: ShouldStop,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.request, self.plan, self.work, self.ffmpeg = request, plan, work, ffmpeg
        self.on_progress, self.should_stop, self.checkpoints = on_progress, should_stop, checkpoints
        self.timeline = plan.timeline
        self.chapters = chapters_of(plan.timeline)
        self.formats = [kind for kind in FORMATS if kind in request.formats]
        self.undrawable = ""  # letters that no font on this machine has
        self.checkpoints_found: dict[str, Checkpoint | None] = {}
        self.timings_s: dict[str, float] = {}
        self.sha256: dict[str, str] = {}  # by file name

    def make(self, files: Sequence[str]) -> MixOutputs:
        """Run every stage that is not on record; all artifacts then lie in the work folder.

        `files` are the names of all that is then ours in the destination, for the next run to know.
        """
        drawn = (
            self.run_stage("draw", self.draw) if self.needs_pictures() or self.find_checkpoint("draw") else {}
        )
        self.run_stage("render", self.render)
        if "mp4" in self.formats:
            self.run_stage("video", partial(self.make_video, drawn))
        remarks = tuple(self.run_stage("write", partial(self.write_texts, files))["notes"])
        checks = self.check(remarks) if self.request.check else {}
        notes = (*self.plan.notes, *remarks, *self.source_notes(), *drawing_notes(drawn))
        artifacts = {kind: self.artifact_path(kind) for kind in self.artifact_kinds()}
        hashes = {k: self.sha256[path.name] for k, path in artifacts.items() if path.name in self.sha256}
        return MixOutputs(self.timeline, self.chapters, artifacts, checks, notes, self.timings_s, hashes)

    def run_stage(
        self, stage: str, make: Callable[[ReportFraction], StageOutput], report: ReportFraction | None = None
    ) -> StageValues:
        """Make a stage, or take what an earlier run left of it; return its values."""
        report = report or partial(self.on_progress, stage)
        report(0.0)
        checkpoint = self.find_checkpoint(stage)
        if checkpoint is None:
            started_s = time.monotonic()
            names, values = make(report)
            took_s = time.monotonic() - started_s
            checkpoint = self.checkpoints.save(stage, names, values, took_s) if self.checkpoints else None
        if checkpoint is not None:
            values, took_s = checkpoint.values, checkpoint.took_s
            self.sha256 |= {file.name: file.sha256 for file in checkpoint.files}
        report(1.0)
        name = stage.partition("-")[0]
        self.timings_s[name] = self.timings_s.get(name, 0.0) + took_s
        return values

    def needs_pictures(self) -> bool:
        """Tell whether a stage that is still to be made shows any."""
        stages = ("render", "video") if "mp4" in self.formats else ("render",)
        return not all(map(self.find_checkpoint, stages))

    def find_checkpoint(self, stage: str) -> Checkpoint | None:
        """Return the record of a stage that need not be made again; its files are looked at once."""
        if self.checkpoints and stage not in self.checkpoints_found:
            self.checkpoints_found[stage] = self.checkpoints.find(stage)
        return self.checkpoints_found.get(stage)

    def draw(self, report: ReportFraction) -> StageOutput:
        """Draw the pictures of the video, and the cover.

        First of all stages: a picture that cannot be used stops the run before its work.
        """
        slides = self.draw_slides(report) if "mp4" in self.formats else []
        names = [slide.picture.name for slide in slides]
        if "mp3" in self.formats:
            cover = cover_jpeg(self.draw_background("cover", COVER_SIZE, text=True))
            (self.work / COVER_FILE).write_bytes(cover)
            names.append(COVER_FILE)
        shown = [(slide.picture.name, slide.start_frame) for slide in slides]
        return names, {"slides": shown, "undrawable": self.undrawable}

    def draw_slides(self, report: ReportFraction) -> list[Slide]:
        """Draw one picture for the whole video, or a card for each track."""
        cards = self.request.title_cards
        background = self.draw_background("background", self.request.size, text=not cards)
        if not cards:
            return [Slide(background, 0)]
        slides = []
        for number, chapter in enumerate(self.chapters, 1):
            card = self.work / f"card-{number}.png"
            self.undrawable += title_card(background, chapter.title, chapter.artist, number, card)
            slides.append(Slide(card, chapter.start))
            report(number / len(self.chapters))
            if self.should_stop():
                raise Cancelled
        return slides

    def draw_background(self, name: str, size: Size, *, text: bool) -> Path:
        """Make the user's picture safe and of this size, or draw one of our own."""
        request, path = self.request, self.work / f"{name}.png"
        if request.picture:
            safe_picture(request.picture, size, path, should_stop=self.should_stop)
        else:
            outline = mix_outline(self.timeline, [source.analysis for source in request.sources])
            self.undrawable += generated_picture(
                request.title, request.artist, outline, size, path, text=text
            )
        return path

    def source_notes(self) -> tuple[str, ...]:
        """Say what is wrong with tracks that could be used all the same; each thing once."""
        analyses = [source.analysis for source in self.request.sources]
        sentences = (f"“{track.tags.title}”: {note}" for track in analyses for note in track.notes)
        return tuple(dict.fromkeys(sentences))

    def finished_blocks(self) -> Generator[Samples, None, None]:
        """Walk the timeline once: the finished sound, before any encoder."""
        paths = [source.path for source in self.request.sources]
        blocks = render_blocks(self.timeline, paths, ffmpeg=self.ffmpeg, should_stop=self.should_stop)
        yield from limit_blocks(blocks, self.timeline.rate)

    def render(self, report: ReportFraction) -> StageOutput:
        """Make the sound; every encoder eats the same blocks."""
        with EncoderPool(self.request.cores) as pool, contextlib.ExitStack() as files:
            writers = list(self.open_writers(pool))
            for writer in writers:
                files.enter_context(writer)
            opening = files.enter_context((self.work / OPENING_FILE).open("wb"))
            done = 0
            for block in self.finished_blocks():
                if done < self.timeline.rate * OPENING_S:
                    opening.write(block.tobytes())
                for writer in writers:
                    writer.push(block)
                done += len(block)
                report(done / self.timeline.frames)
        return [OPENING_FILE, *(self.sound_path(kind).name for kind in self.formats)], {}

    def sound_path(self, kind: str) -> Path:
        """Return where the sound for a format lies: the MP4's is still to be given its pictures."""
        return self.artifact_path(kind) if kind == "mp3" else self.work / SOUND_FILE

    def open_writers(self, pool: EncoderPool) -> Iterator[Mp3Writer | AacWriter]:
        """Yield a writer for each format asked for."""
        shape = {"rate": self.timeline.rate, "frames": self.timeline.frames}
        if "mp3" in self.formats:
            head = id3_bytes(
                self.chapters,
                duration_s=self.timeline.duration_s,
                title=self.request.title,
                artist=self.request.artist,
                cover=(self.work / COVER_FILE).read_bytes(),
            )
            yield Mp3Writer(
                remove_existing(self.artifact_path("mp3")),
                self.ffmpeg,
                pool,
                **shape,
                bitrate_kbps=self.request.bitrate_kbps,
                id3_tag=head,
                should_stop=self.should_stop,
            )
        if "mp4" in self.formats:
            adts = remove_existing(self.work / SOUND_FILE)
            yield AacWriter(adts, self.ffmpeg, pool, **shape, should_stop=self.should_stop)

    def make_video(self, drawn: StageValues, report: ReportFraction) -> StageOutput:
        """Put the pictures under the sound."""
        frames, rate = self.timeline.frames, self.timeline.rate
        title, artist = self.request.title, self.request.artist
        make_video(
            self.ffmpeg,
            [Slide(self.work / name, start) for name, start in drawn["slides"]],
            self.work / SOUND_FILE,
            remove_existing(self.artifact_path("mp4")),
            frames=frames,
            rate=rate,
            metadata=ffmetadata(self.chapters, frames=frames, rate=rate, title=title, artist=artist),
            on_progress=report,
            should_stop=self.should_stop,
        )
        return [self.artifact_path("mp4").name], {}

    def write_texts(self, files: Sequence[str], report: ReportFraction) -> StageOutput:
        """Write what is read and not heard: description, chapters, timeline, CUE sheet."""
        request, description = self.request, self.describe()
        document = {"files": list(files), **self.timeline.to_dict()}
        texts = {
            "description": description.text,
            "chapters": podcast_json(self.chapters, title=request.title, author=request.artist),
            "timeline": json.dumps(document, ensure_ascii=False, indent=1) + "\n",
        }
        if "mp3" in self.formats:
            mp3 = self.artifact_path("mp3").name
            texts["cue"] = cue_sheet(self.chapters, file_name=mp3, title=request.title, artist=request.artist)
        for kind, text in texts.items():
            remove_existing(self.artifact_path(kind)).write_text(text, encoding="utf-8", newline="\n")
        return [self.artifact_path(kind).name for kind in texts], {"notes": description.notes}

    def describe(self) -> Description:
        """Fill in the description."""
        return render_description(
            self.request.description_template,
            self.chapters,
            self.timeline.duration_s,
            title=self.request.title,
            date=self.request.date,
            hashtags=self.request.hashtags,
        )

    def check(self, remarks: Sequence[str]) -> dict[str, CheckSheet]:
        """Measure the finished files as a listener's player decodes them."""
        sheets = {}
        for index, kind in enumerate(self.formats):

            def report_part(fraction: float, before: int = index) -> None:
                self.on_progress("check", (before + fraction) / len(self.formats))

            check = partial(self.check_format, kind, remarks)
            sheets[kind] = CheckSheet.from_dict(self.run_stage(f"check-{kind}", check, report_part))
        return sheets

    def check_format(self, kind: str, remarks: Sequence[str], report: ReportFraction) -> StageOutput:
        """Measure one of them; raises BrokenOutputError for one that is not what was planned."""
        sheet = check_file(
            self.ffmpeg,
            self.artifact_path(kind),
            self.timeline,
            target_lufs=self.request.settings.target_lufs,
            notes=self.plan.notes,
            remarks=remarks,
            opening=np.fromfile(self.work / OPENING_FILE, dtype=np.float32).reshape(-1, 2),
            on_progress=report,
            should_stop=self.should_stop,
        )
        try:
            require_intact(sheet)
        except BrokenOutputError:
            if self.checkpoints:
                self.checkpoints.clear()  # what lies there is no good: another try makes all of it anew
            raise
        return (), sheet.to_dict()

    def artifact_kinds(self) -> list[str]:
        """Return the kinds of all artifacts of this run."""
        return [*self.formats, "description", "chapters", "timeline", *(["cue"] * ("mp3" in self.formats))]

    def artifact_path(self, kind: str) -> Path:
        """Return where an artifact of this run lies."""
        return self.work / f"{file_stem(self.request.title)}{SUFFIXES[kind]}"


def remove_existing(path: Path) -> Path:
    """Make way for a file: what lies there may be a link to an earlier result, which must not change."""
    path.unlink(missing_ok=True)
    return path


def drawing_notes(drawn: StageValues) -> tuple[str, ...]:
    """Say which letters are missing in the pictures, if any are."""
    letters = "".join(dict.fromkeys(drawn.get("undrawable", "")))
    text = f"No font on this machine has these letters, so the pictures leave them out: {letters}"
    return (text,) if letters else ()


def require_intact(sheet: CheckSheet) -> None:
    """Raise BrokenOutputError when a finished file is not as planned: it must not replace a good one."""
    for item in sheet.items:
        if item.name in BLOCKING_CHECKS and item.verdict == Verdict.WRONG:
            raise BrokenOutputError(
                f"{sheet.file_name} did not come out whole and was given up: {item.sentence}"
            )
