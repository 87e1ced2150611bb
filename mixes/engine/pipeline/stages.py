"""The stages of one run, in order: draw, render, video, write, check.

In: a request, its plan, a work folder. Out: the files in the folder and their measurements. When the folder
has checkpoints, stages finished by an earlier run are reused.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mixes.engine.cancellation import ShouldStop
from mixes.engine.checks.check_sheet import CheckSheet, check_file, require_intact
from mixes.engine.codecs.aac import AacWriter
from mixes.engine.codecs.encoder_pool import EncoderPool
from mixes.engine.codecs.mp3 import Mp3Writer
from mixes.engine.codecs.mp4 import Slide, make_video
from mixes.engine.codecs.mp4_file import Names
from mixes.engine.errors import BrokenOutputError, Cancelled
from mixes.engine.memory import release_memory
from mixes.engine.mixing.plan import Plan
from mixes.engine.pictures.mix_outline import Outline, mix_outline
from mixes.engine.pictures.pictures import COVER_SIZE, Size, cover_jpeg
from mixes.engine.pictures.slides import Scene, draw_background, draw_card, plan_slides
from mixes.engine.pipeline.checkpoints import Checkpoint, Checkpoints
from mixes.engine.pipeline.copying import CopyRefutedError, copy_songs, prove_copying, without_copies
from mixes.engine.pipeline.notes import notes_of
from mixes.engine.pipeline.remake import (
    EARLIER,
    JOIN_GAP_S,
    EarlierMix,
    chunks_of_earlier,
    earlier_pieces,
    merged,
)
from mixes.engine.pipeline.request import FORMATS, SUFFIXES, MixOutputs, MixRequest, OnProgress
from mixes.engine.pipeline.texts import describe, texts_of
from mixes.engine.pipeline.work_folder import remove_existing
from mixes.engine.rendering.span import cut_span, render_span
from mixes.engine.samples import Samples
from mixes.engine.sewing.report import PassedThrough, nothing_copied
from mixes.engine.text import clean_text
from mixes.engine.timeline import Timeline
from mixes.engine.tracklist.chapters import chapters_of, mp4_chapters
from mixes.engine.tracklist.id3 import id3_bytes

OPENING_S = 1.0
SOUND_FILE, COVER_FILE, OPENING_FILE = "sound.aac", "cover.jpg", "opening.f32"  # stay in the work folder

logger = logging.getLogger(__name__)

ReportFraction = Callable[[float], None]
StageValues = dict[str, Any]  # values for later stages, JSON types only
StageOutput = tuple[Sequence[str], StageValues]  # file names in the work folder, values


class MixRun:
    """One run of the pipeline in its work folder."""

    def __init__(
        self,
        request: MixRequest,
        plan: Plan,
        work: Path,
        ffmpeg: Path,
        on_progress: OnProgress,
        should_stop: ShouldStop,
        checkpoints: Checkpoints | None = None,
        earlier: EarlierMix | None = None,
    ) -> None:
        self.request, self.plan, self.work, self.ffmpeg = request, plan, work, ffmpeg
        self.on_progress, self.should_stop, self.checkpoints = on_progress, should_stop, checkpoints
        self.earlier = earlier  # what it has of the same sound is copied
        self.timeline = plan.timeline
        self.chapters = chapters_of(plan.timeline)
        self.formats = [kind for kind in FORMATS if kind in request.formats]
        self.passed_through: PassedThrough | None = None
        self.copies = True  # until copied frames turn out to sound different
        self.undrawable = ""  # characters without a font on this machine
        self.checkpoints_found: dict[str, Checkpoint | None] = {}
        self.timings_s: dict[str, float] = {}
        self.sha256: dict[str, str] = {}  # by file name

    def make(self, files: Sequence[str]) -> MixOutputs:
        """Run every stage that has no checkpoint and return the artifacts, all in the work folder.

        `files` are the names of all files that the destination will hold of this mix; the timeline file lists
        them for the next run. Raises EngineError when a stage fails, Cancelled when `should_stop` says so.
        """
        drawn = (
            self.run_stage("draw", self.draw) if self.needs_pictures() or self.find_checkpoint("draw") else {}
        )
        try:
            remarks, checks = self.make_files(drawn, files)
        except CopyRefutedError:
            self.copies = False
            self.checkpoints_found |= {"render": None, "write": None}
            remarks, checks = self.make_files(drawn, files)
        analyses = [source.analysis for source in self.request.sources]
        found = notes_of(analyses, self.timeline.clips, drawn.get("undrawable", ""))
        notes = (*self.plan.notes, *remarks, *found)
        artifacts = {kind: self.artifact_path(kind) for kind in self.artifact_kinds()}
        hashes = {k: self.sha256[path.name] for k, path in artifacts.items() if path.name in self.sha256}
        results = (artifacts, checks, notes, self.timings_s, self.passed_through, hashes)
        return MixOutputs(self.made_timeline, self.chapters, *results)

    def make_files(
        self, drawn: StageValues, files: Sequence[str]
    ) -> tuple[Sequence[str], dict[str, CheckSheet]]:
        """Run the stages after drawing; return remarks and check sheets. Raises as `make`."""
        self.passed_through = PassedThrough.read(self.run_stage("render", self.render))
        if "mp4" in self.formats:
            self.run_stage("video", partial(self.make_video, drawn))
        remarks = tuple(self.run_stage("write", partial(self.write_texts, files))["notes"])
        return remarks, self.check(remarks) if self.request.check else {}

    @property
    def made_timeline(self) -> Timeline:
        """The timeline as it was made: its songs are encoded where their frames did not fit."""
        passed = self.passed_through
        return self.timeline if passed and passed.frames else without_copies(self.timeline)

    def run_stage(
        self, stage: str, make: Callable[[ReportFraction], StageOutput], report: ReportFraction | None = None
    ) -> StageValues:
        """Return the values of a stage, from its checkpoint or by running it and saving a checkpoint.

        What a stage no longer needs is given back to the system before the next one starts its programs.
        """
        report = report or partial(self.on_progress, stage)
        report(0.0)
        checkpoint = self.find_checkpoint(stage)
        if checkpoint is None:
            started_s = time.monotonic()
            names, values = make(report)
            release_memory()
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
        """Return whether a stage without a checkpoint uses the pictures."""
        stages = ("render", "video") if "mp4" in self.formats else ("render",)
        return not all(map(self.find_checkpoint, stages))

    def find_checkpoint(self, stage: str) -> Checkpoint | None:
        """Return the checkpoint of a finished stage, or None; its files are verified once per run."""
        if self.checkpoints and stage not in self.checkpoints_found:
            self.checkpoints_found[stage] = self.checkpoints.find(stage)
        return self.checkpoints_found.get(stage)

    def draw(self, report: ReportFraction) -> StageOutput:
        """Draw the pictures of the video and the cover.

        This is the first stage, so that an unusable picture stops the run before the long work. Raises
        PictureError for such a picture, Cancelled when `should_stop` says so.
        """
        slides = self.draw_slides(report) if "mp4" in self.formats else []
        names = list(dict.fromkeys(slide.picture.name for slide in slides))
        if "mp3" in self.formats:
            cover = cover_jpeg(self.draw_background("cover", COVER_SIZE, is_cover=True))
            (self.work / COVER_FILE).write_bytes(cover)
            names.append(COVER_FILE)
        shown = [(slide.picture.name, slide.start_frame) for slide in slides]
        return names, {"slides": shown, "undrawable": self.undrawable}

    def draw_slides(self, report: ReportFraction) -> list[Slide]:
        """Draw every picture of the video once. Raises as `draw`."""
        scene = self.scene()
        background = self.draw_background("background", self.request.size)
        slides = []
        planned = plan_slides(scene, self.chapters, self.timeline.frames, self.timeline.rate)
        for place, slide in enumerate(planned, 1):
            picture = background
            if slide.number is not None:
                picture = self.work / f"card-{slide.number}.png"
                chapter = self.chapters[slide.number - 1]
                self.undrawable += draw_card(scene, background, chapter, slide.number, picture)
            slides.append(Slide(picture, slide.start))
            report(place / len(planned))
            if self.should_stop():
                raise Cancelled
        return slides

    def draw_background(self, name: str, size: Size, *, is_cover: bool = False) -> Path:
        """Write a PNG of `size` from the user's picture, or generate one. Raises as `draw`."""
        path = self.work / f"{name}.png"
        stop = self.should_stop
        self.undrawable += draw_background(self.scene(), size, path, is_cover=is_cover, should_stop=stop)
        return path

    def scene(self) -> Scene:
        """Return what the video shows."""
        request = self.request
        outline: Outline = ()
        if request.picture is None:
            outline = mix_outline(self.timeline, [source.analysis for source in request.sources])
        return Scene(
            request.title, request.artist, request.picture, request.look, request.title_cards, outline
        )

    def finished_blocks(self, first: int, last: int) -> Iterator[Samples]:
        """Yield frames `first` to before `last` of the mix, rendered and limited, as blocks of (n, 2)."""
        span = cut_span(self.timeline, first, last)
        sources = [self.request.sources[clip] for clip in span.clips]
        return render_span(
            span,
            [source.path for source in sources],
            [source.analysis.seek_index for source in sources],
            ffmpeg=self.ffmpeg,
            should_stop=self.should_stop,
        )

    @property
    def opening_frames(self) -> int:
        """The length of the beginning that is kept for the check."""
        return min(self.timeline.frames, round(self.timeline.rate * OPENING_S))

    def render(self, report: ReportFraction) -> StageOutput:
        """Make the sound of every format: the MP3 by copying frames where its timeline says so."""
        kinds, copied, part = list(self.formats), None, 1 / len(self.formats)
        if self.copies and "mp3" in kinds and any(clip.is_copied for clip in self.timeline.clips):
            copied = copy_songs(
                self.request,
                self.timeline,
                remove_existing(self.artifact_path("mp3")),
                id3_tag=self.id3_tag(),
                ffmpeg=self.ffmpeg,
                earlier=earlier_pieces(self.earlier, self.work),
                on_progress=lambda fraction: report(fraction * part),
                should_stop=self.should_stop,
            )
        if copied:
            kinds.remove("mp3")
        before = part if copied else 0.0
        self.encode(kinds, lambda fraction: report(before + fraction * (1 - before)))
        names = [OPENING_FILE, *(self.sound_path(kind).name for kind in self.formats)]
        passed = copied or ("mp3" in kinds and nothing_copied(without_copies(self.timeline)))
        return names, passed.to_dict() if passed else {}

    def encode(self, kinds: Sequence[str], report: ReportFraction) -> None:
        """Render what no earlier mix has, and the opening, and encode the same blocks to these formats."""
        with EncoderPool(self.request.cores) as pool, contextlib.ExitStack() as files:
            writers = list(self.open_writers(kinds, pool))
            for writer in writers:
                files.enter_context(writer)
            opening = files.enter_context((self.work / OPENING_FILE).open("wb"))
            opening_frames = self.opening_frames
            wanted = [(0, opening_frames), *(span for writer in writers for span in writer.wanted())]
            for first, last in merged(wanted, round(JOIN_GAP_S * self.timeline.rate)):
                for writer in writers:
                    writer.skip_to(first)
                done = first
                for block in self.finished_blocks(first, last):
                    opening.write(block[: max(0, opening_frames - done)].tobytes())
                    for writer in writers:
                        writer.push(block)
                    done += len(block)
                    report(done / self.timeline.frames)
            for writer in writers:
                writer.skip_to(self.timeline.frames)
        for path in self.work.glob(f"{EARLIER}*"):
            path.unlink()

    def sound_path(self, kind: str) -> Path:
        """Return the path of a format's encoded sound: for MP4 the AAC stream before muxing."""
        return self.artifact_path(kind) if kind == "mp3" else self.work / SOUND_FILE

    def id3_tag(self) -> bytes:
        """Return the tag of the MP3."""
        return id3_bytes(
            self.chapters,
            duration_s=self.timeline.duration_s,
            title=self.request.title,
            artist=self.request.artist,
            cover=(self.work / COVER_FILE).read_bytes(),
        )

    def open_writers(self, kinds: Sequence[str], pool: EncoderPool) -> Iterator[Mp3Writer | AacWriter]:
        """Yield a writer for each of these formats."""
        shape = {"rate": self.timeline.rate, "frames": self.timeline.frames}
        chunks = partial(
            chunks_of_earlier,
            earlier=self.earlier,
            timeline=self.timeline,
            sources=[source.analysis.sha256 for source in self.request.sources],
            ffmpeg=self.ffmpeg,
            work=self.work,
            bitrate_kbps=self.request.bitrate_kbps,
            should_stop=self.should_stop,
        )
        if "mp3" in kinds:
            yield Mp3Writer(
                remove_existing(self.artifact_path("mp3")),
                self.ffmpeg,
                pool,
                **shape,
                bitrate_kbps=self.request.bitrate_kbps,
                id3_tag=self.id3_tag(),
                earlier=chunks("mp3"),
                should_stop=self.should_stop,
            )
        if "mp4" in kinds:
            adts = remove_existing(self.work / SOUND_FILE)
            yield AacWriter(
                adts, self.ffmpeg, pool, **shape, earlier=chunks("mp4"), should_stop=self.should_stop
            )

    def make_video(self, drawn: StageValues, report: ReportFraction) -> StageOutput:
        """Mux the pictures and the AAC stream into the MP4."""
        frames, rate = self.timeline.frames, self.timeline.rate
        make_video(
            self.ffmpeg,
            [Slide(self.work / name, start) for name, start in drawn["slides"]],
            self.work / SOUND_FILE,
            remove_existing(self.artifact_path("mp4")),
            frames=frames,
            rate=rate,
            names=Names(
                clean_text(self.request.title), clean_text(self.request.artist), mp4_chapters(self.chapters)
            ),
            on_progress=report,
            should_stop=self.should_stop,
        )
        return [self.artifact_path("mp4").name], {}

    def write_texts(self, files: Sequence[str], report: ReportFraction) -> StageOutput:
        """Write the text files: description, chapters, timeline, CUE sheet."""
        description = describe(self.request, self.timeline, self.chapters)
        mp3 = self.artifact_path("mp3").name if "mp3" in self.formats else ""
        texts = texts_of(self.request, self.made_timeline, self.chapters, files, mp3)
        texts["description"] = description.text
        for kind, text in texts.items():
            remove_existing(self.artifact_path(kind)).write_text(text, encoding="utf-8", newline="\n")
        return [self.artifact_path(kind).name for kind in texts], {"notes": description.notes}

    def check(self, remarks: Sequence[str]) -> dict[str, CheckSheet]:
        """Decode and measure each finished file; return the check sheets by format.

        Raises BrokenOutputError when a file is not as planned.
        """
        sheets = {}
        for index, kind in enumerate(self.formats):

            def report_part(fraction: float, before: int = index) -> None:
                self.on_progress("check", (before + fraction) / len(self.formats))

            check = partial(self.check_format, kind, remarks)
            sheets[kind] = CheckSheet.from_dict(self.run_stage(f"check-{kind}", check, report_part))
        return sheets

    def check_format(self, kind: str, remarks: Sequence[str], report: ReportFraction) -> StageOutput:
        """Measure one finished file. Raises BrokenOutputError when it is not as planned, CopyRefutedError."""
        proof = None
        if kind == "mp3" and (passed := self.passed_through) and passed.frames:
            proof = prove_copying(self.request, self.timeline, passed, self.ffmpeg, self.should_stop)
        sheet = check_file(
            self.ffmpeg,
            self.artifact_path(kind),
            self.timeline,
            [source.analysis for source in self.request.sources],
            target_lufs=self.request.settings.target_lufs,
            notes=self.plan.notes,
            remarks=remarks,
            opening=np.fromfile(self.work / OPENING_FILE, dtype=np.float32).reshape(-1, 2),
            proof=proof,
            on_progress=report,
            should_stop=self.should_stop,
        )
        if proof and proof.different:
            logger.warning(
                "Copied songs did not sound as in their files, so all is encoded: %s", proof.different
            )
            raise CopyRefutedError
        try:
            require_intact(sheet)
        except BrokenOutputError:
            if self.checkpoints:
                self.checkpoints.clear()  # the stored files are broken: the next try runs every stage
            raise
        return (), sheet.to_dict()

    def artifact_kinds(self) -> list[str]:
        """Return the kinds of artifacts that this run makes."""
        return [*self.formats, "description", "chapters", "timeline", *(["cue"] * ("mp3" in self.formats))]

    def artifact_path(self, kind: str) -> Path:
        """Return the path of an artifact in the work folder."""
        return self.work / f"{self.request.file_stem}{SUFFIXES[kind]}"
