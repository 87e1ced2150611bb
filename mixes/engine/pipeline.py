"""The whole story on one page: tracks that were measured in, finished and checked files out.

plan -> draw -> render and encode -> video -> texts -> check -> publish. Everything is made in a hidden folder
beside its destination and moved there when all of it is whole; a run that fails or is stopped leaves nothing.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mixes.engine.aac import DEFAULT_KBPS, AacWriter
from mixes.engine.analysis import TrackAnalysis
from mixes.engine.chapters import Chapter, chapters_of, ffmetadata, podcast_json
from mixes.engine.checksheet import CheckSheet, Verdict, check_file
from mixes.engine.cuesheet import cue_sheet
from mixes.engine.description import DEFAULT_HASHTAGS, DEFAULT_TEMPLATE, Description, render_description
from mixes.engine.encode import EncoderPool
from mixes.engine.errors import Cancelled, OutputError
from mixes.engine.filenames import file_stem
from mixes.engine.id3 import id3_bytes
from mixes.engine.limiter import limit_blocks
from mixes.engine.mp3 import Mp3Writer
from mixes.engine.outline import mix_outline
from mixes.engine.pictures import (
    COVER_SIZE,
    VIDEO_SIZES,
    Size,
    cover_jpeg,
    generated_picture,
    safe_picture,
    title_card,
)
from mixes.engine.planning import JoinSettings, MixSettings, Plan, plan_mix
from mixes.engine.publishing import check_space, check_targets, made_before, publish, work_folder
from mixes.engine.render import render_blocks
from mixes.engine.sandbox import ShouldStop, never
from mixes.engine.timeline import Timeline
from mixes.engine.video import Slide, make_video

OnProgress = Callable[[str, float], None]  # stage, fraction of it that is done

FORMATS = ("mp3", "mp4")
OPENING_S = 1.0
ENDINGS = {  # of each artifact's file name; the timeline, last, marks the others as ours
    "mp3": ".mp3",
    "mp4": ".mp4",
    "description": ".txt",
    "cue": ".cue",
    "chapters": ".chapters.json",
    "timeline": ".timeline.json",
}
WITH_FORMAT = {"mp3": "mp3", "mp4": "mp4", "cue": "mp3"}  # made only with a format; the others always
MUST_HOLD = ("length", "start", "damage")  # items of the check sheet without which a file is not published


def ignore_progress(stage: str, fraction: float) -> None:
    """Report to nobody: the default of every `on_progress`."""


@dataclass(frozen=True, slots=True)
class Source:
    """One track of a mix: its file and what was measured of it."""

    path: Path
    analysis: TrackAnalysis


@dataclass(frozen=True, slots=True)
class MixRequest:
    """Everything a mix is made from; the same request gives the same bytes."""

    sources: tuple[Source, ...]
    title: str
    artist: str = ""
    date: str = ""  # as it is to stand in the description
    settings: MixSettings = field(default_factory=MixSettings)
    joins: tuple[JoinSettings, ...] = ()
    formats: tuple[str, ...] = ("mp3",)
    bitrate_kbps: int = 320
    picture: Path | None = None
    size: Size = VIDEO_SIZES[0]
    title_cards: bool = False
    description_template: str = DEFAULT_TEMPLATE
    hashtags: tuple[str, ...] = DEFAULT_HASHTAGS
    check: bool = True
    cores: int = 1  # changes the speed, never the result


@dataclass(frozen=True, slots=True)
class MixOutputs:
    """What a finished run made. `checks` has a sheet per format, none where checking was left out."""

    timeline: Timeline
    chapters: tuple[Chapter, ...]
    artifacts: Mapping[str, Path]
    checks: Mapping[str, CheckSheet]
    notes: tuple[str, ...]  # what a user should know, in sentences
    timings_s: Mapping[str, float]


def make_mix(
    request: MixRequest,
    folder: Path,
    *,
    ffmpeg: Path,
    on_progress: OnProgress = ignore_progress,
    should_stop: ShouldStop = never,
) -> MixOutputs:
    """Make all that `request` asks for in `folder`, named after its title, replacing what is there.

    Raises EngineError in one sentence, Cancelled too; what lay in `folder` is then untouched.
    """
    plan = plan_mix([source.analysis for source in request.sources], request.settings, request.joins)
    made_of = [source.path for source in request.sources]
    made_of += [request.picture] if request.picture else []
    names = file_names(request)
    with work_folder(folder) as work:
        ours = made_before(folder / names[-1])
        check_targets(names, folder, made_of, ours)
        older = tuple(sorted(name for name in ours.difference(names) if (folder / name).is_file()))
        check_space(folder, expected_bytes(request, plan.timeline))
        run = Run(request, plan, work, ffmpeg, on_progress, should_stop)
        outputs = run.make(files=(*names, *older))
        notes = (*outputs.notes, *(f"{name} is of an earlier mix; it was not made again." for name in older))
        return replace(outputs, artifacts=publish(outputs.artifacts, folder), notes=notes)


def file_names(request: MixRequest) -> list[str]:
    """Return the names of all that a run will make, the timeline's last."""
    stem, formats = file_stem(request.title), request.formats
    return [stem + ending for kind, ending in ENDINGS.items() if WITH_FORMAT.get(kind, formats[0]) in formats]


def expected_bytes(request: MixRequest, timeline: Timeline) -> int:
    """Return about what the run will write at most, for a look at the disk before the work."""
    width, height = request.size
    mp3 = request.bitrate_kbps * 125 if "mp3" in request.formats else 0
    # the AAC stream by itself and in the MP4, and the picture: at most 1.2 bits a pixel every ten seconds
    mp4 = 2 * DEFAULT_KBPS * 125 + width * height * 0.15 / 10 if "mp4" in request.formats else 0
    cards = (
        len(timeline.clips) * width * height if mp4 and request.title_cards else 0
    )  # PNGs of about 1 byte a pixel
    return round(timeline.duration_s * (mp3 + mp4) + cards)


def refuse_broken(sheet: CheckSheet) -> None:
    """Raise OutputError when a finished file is not what was planned: it must not replace a good one."""
    for item in sheet.items:
        if item.name in MUST_HOLD and item.verdict == Verdict.WRONG:
            raise OutputError(f"{sheet.file_name} did not come out whole and was given up: {item.sentence}")


class Run:
    """One run in its work folder; the stages stand in the order in which they happen."""

    def __init__(
        self,
        request: MixRequest,
        plan: Plan,
        work: Path,
        ffmpeg: Path,
        on_progress: OnProgress,
        should_stop: ShouldStop,
    ) -> None:
        self.request, self.plan, self.work, self.ffmpeg = request, plan, work, ffmpeg
        self.on_progress, self.should_stop = on_progress, should_stop
        self.timeline = plan.timeline
        self.chapters = chapters_of(plan.timeline)
        self.adts = work / "sound.aac"
        self.opening = np.zeros(
            (0, 2), dtype=np.float32
        )  # rendered first: finished files are held against it
        self.undrawable = ""  # letters that no font on this machine has
        self.artifacts: dict[str, Path] = {}
        self.timings_s: dict[str, float] = {}

    def make(self, files: Sequence[str]) -> MixOutputs:
        """Run every stage; the artifacts named lie in the work folder.

        `files` are the names of all that is then ours in the destination, for the next run to know.
        """
        slides, cover = self.draw()
        self.render(cover)
        if "mp4" in self.request.formats:
            self.make_video(slides)
        description = self.write_texts(files)
        notes = (*self.plan.notes, *description.notes, *self.source_notes(), *self.drawing_notes())
        checks = self.check(description.notes) if self.request.check else {}
        return MixOutputs(self.timeline, self.chapters, self.artifacts, checks, notes, self.timings_s)

    def draw(self) -> tuple[list[Slide], bytes]:
        """Return the pictures of the video, and the cover as JPEG.

        First of all stages: a picture that cannot be used stops the run before its work.
        """
        with self.stage("draw") as report:
            slides = self.draw_slides(report) if "mp4" in self.request.formats else []
            if "mp3" not in self.request.formats:
                return slides, b""
            return slides, cover_jpeg(self.draw_background("cover", COVER_SIZE, text=True))

    def draw_slides(self, report: Callable[[float], None]) -> list[Slide]:
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
        """Say what is wrong with tracks that could be used all the same."""
        analyses = [source.analysis for source in self.request.sources]
        return tuple(f"“{track.tags.title}”: {note}" for track in analyses for note in track.notes)

    def drawing_notes(self) -> tuple[str, ...]:
        """Say which letters are missing in the pictures, if any are."""
        letters = "".join(dict.fromkeys(self.undrawable))
        text = f"No font on this machine has these letters, so the pictures leave them out: {letters}"
        return (text,) if letters else ()

    def render(self, cover: bytes) -> None:
        """Walk the timeline once; every encoder eats the same blocks."""
        with (
            self.stage("render") as report,
            EncoderPool(self.request.cores) as pool,
            contextlib.ExitStack() as files,
        ):
            writers = list(self.open_writers(pool, cover))
            for writer in writers:
                files.enter_context(writer)
            paths = [source.path for source in self.request.sources]
            blocks = render_blocks(self.timeline, paths, ffmpeg=self.ffmpeg, should_stop=self.should_stop)
            done = 0
            for block in limit_blocks(blocks, self.timeline.rate):
                if done < self.timeline.rate * OPENING_S:
                    self.opening = np.concatenate([self.opening, block])
                for writer in writers:
                    writer.push(block)
                done += len(block)
                report(done / self.timeline.frames)

    def open_writers(self, pool: EncoderPool, cover: bytes) -> Iterator[Mp3Writer | AacWriter]:
        """Yield a writer for each format asked for."""
        rate, frames = self.timeline.rate, self.timeline.frames
        if "mp3" in self.request.formats:
            head = id3_bytes(
                self.chapters,
                duration_s=self.timeline.duration_s,
                title=self.request.title,
                artist=self.request.artist,
                cover=cover,
            )
            yield Mp3Writer(
                self.artifact("mp3"),
                self.ffmpeg,
                pool,
                rate=rate,
                frames=frames,
                bitrate_kbps=self.request.bitrate_kbps,
                head=head,
                should_stop=self.should_stop,
            )
        if "mp4" in self.request.formats:
            yield AacWriter(
                self.adts, self.ffmpeg, pool, rate=rate, frames=frames, should_stop=self.should_stop
            )

    def make_video(self, slides: Sequence[Slide]) -> None:
        """Put the pictures under the sound."""
        with self.stage("video") as report:
            metadata = ffmetadata(
                self.chapters,
                frames=self.timeline.frames,
                rate=self.timeline.rate,
                title=self.request.title,
                artist=self.request.artist,
            )
            make_video(
                self.ffmpeg,
                slides,
                self.adts,
                self.artifact("mp4"),
                frames=self.timeline.frames,
                rate=self.timeline.rate,
                metadata=metadata,
                on_progress=report,
                should_stop=self.should_stop,
            )

    def write_texts(self, files: Sequence[str]) -> Description:
        """Write what is read and not heard: description, chapters, timeline, CUE sheet."""
        request = self.request
        with self.stage("write"):
            description = render_description(
                request.description_template,
                self.chapters,
                self.timeline.duration_s,
                title=request.title,
                date=request.date,
                hashtags=request.hashtags,
            )
            self.write("description", description.text)
            podcast = podcast_json(self.chapters, title=request.title, author=request.artist)
            self.write("chapters", podcast)
            document = {"files": list(files), **self.timeline.to_dict()}
            timeline = json.dumps(document, ensure_ascii=False, indent=1)
            self.write("timeline", timeline + "\n")
            if mp3 := self.artifacts.get("mp3"):
                sheet = cue_sheet(
                    self.chapters, file_name=mp3.name, title=request.title, artist=request.artist
                )
                self.write("cue", sheet)
        return description

    def check(self, remarks: Sequence[str]) -> dict[str, CheckSheet]:
        """Measure the finished files as a listener's player decodes them."""
        kinds = [kind for kind in FORMATS if kind in self.artifacts]
        sheets = {}
        with self.stage("check") as report:
            for index, kind in enumerate(kinds):

                def report_part(fraction: float, before: int = index) -> None:
                    report((before + fraction) / len(kinds))

                sheets[kind] = check_file(
                    self.ffmpeg,
                    self.artifacts[kind],
                    self.timeline,
                    target_lufs=self.request.settings.target_lufs,
                    notes=self.plan.notes,
                    remarks=remarks,
                    opening=self.opening,
                    on_progress=report_part,
                    should_stop=self.should_stop,
                )
                refuse_broken(sheets[kind])
        return sheets

    def artifact(self, kind: str) -> Path:
        """Name a file of this run."""
        self.artifacts[kind] = self.work / f"{file_stem(self.request.title)}{ENDINGS[kind]}"
        return self.artifacts[kind]

    def write(self, kind: str, text: str) -> None:
        """Write a text of this run."""
        self.artifact(kind).write_text(text, encoding="utf-8", newline="\n")

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage, and give it a function to tell how far it is."""
        started_s = time.monotonic()

        def report(fraction: float) -> None:
            self.on_progress(name, fraction)

        report(0.0)
        yield report
        report(1.0)
        self.timings_s[name] = time.monotonic() - started_s
