"""A run that begins in the middle: the files of an earlier result stand for the stages before it.

In: the stage to begin with, the earlier artifacts. Out: records in the work folder, as if those stages had
just run. What is missing or not whole is made anew instead.
"""

import contextlib
import mmap
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mixes.engine.cancellation import ShouldStop
from mixes.engine.codecs.aac import adts_facts, frame_offsets
from mixes.engine.errors import Cancelled, EngineError, OutputError
from mixes.engine.pipeline.checkpoints import Record
from mixes.engine.pipeline.request import STAGES
from mixes.engine.pipeline.stages import OPENING, OPENING_S, SOUND, Run, fresh
from mixes.engine.processes.sandbox import VIDEO, run

MADE_ANEW = "The earlier {} could not be used as it was, so it was made again."


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier result of the same request; all before `from_stage` is kept."""

    from_stage: str
    artifacts: Mapping[str, Path]  # those that are whole

    def keeps(self, stage: str) -> bool:
        return STAGES.index(stage) < STAGES.index(self.from_stage)


def take_over(earlier: Earlier, stages: Run) -> tuple[str, ...]:
    """Put the kept stages on record; return notes on those that have to be made again."""
    notes = []
    for stage, what, take in (
        ("render", "sound", take_sound),
        ("video", "video", take_video),
        ("write", "text", take_texts),
    ):
        wanted = stage != "video" or "mp4" in stages.formats
        if wanted and earlier.keeps(stage) and not stages.find(stage):
            try:
                stages.found[stage] = take(earlier, stages)
            except Cancelled:
                raise
            except (KeyError, OSError, EngineError):  # not there, or not what it should be
                notes.append(MADE_ANEW.format(what))
    return tuple(notes)


def take_sound(earlier: Earlier, stages: Run) -> Record:
    """Take the MP3, and out of the MP4 the AAC where there is a video to be made of it."""
    assert stages.records is not None
    names = [OPENING]
    if "mp3" in stages.formats:
        names.append(link(earlier.artifacts["mp3"], stages.artifact("mp3")))
    if "mp4" in stages.formats and not earlier.keeps("video"):
        mp4, adts = earlier.artifacts["mp4"], fresh(stages.work / SOUND)
        extract_aac(stages.ffmpeg, mp4, adts, frames=stages.timeline.frames, should_stop=stages.should_stop)
        names.append(SOUND)
    write_opening(stages)
    return stages.records.keep("render", names, {}, 0.0)


def take_video(earlier: Earlier, stages: Run) -> Record:
    assert stages.records is not None
    name = link(earlier.artifacts["mp4"], stages.artifact("mp4"))
    return stages.records.keep("video", [name], {}, 0.0)


def take_texts(earlier: Earlier, stages: Run) -> Record:
    assert stages.records is not None
    texts = [kind for kind in stages.kinds() if kind not in stages.formats]
    names = [link(earlier.artifacts[kind], stages.artifact(kind)) for kind in texts]
    return stages.records.keep("write", names, {"notes": stages.describe().notes}, 0.0)


def link(source: Path, target: Path) -> str:
    """Have a file under a second name, as a copy where the disk cannot; return that name."""
    fresh(target)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target.name


def write_opening(stages: Run) -> None:
    """Render the beginning alone, for finished files to be held against."""
    with (stages.work / OPENING).open("wb") as file, contextlib.closing(stages.blocks()) as blocks:
        done = 0
        for block in blocks:
            file.write(block.tobytes())
            done += len(block)
            if done >= stages.timeline.rate * OPENING_S:
                return


def extract_aac(ffmpeg: Path, mp4: Path, adts: Path, *, frames: int, should_stop: ShouldStop) -> None:
    """Take the AAC out of an MP4 of ours, unchanged; raises OutputError when it is not all of it."""
    argv = [
        *(str(ffmpeg), "-nostdin", "-y", "-v", "error", "-protocol_whitelist", "file", "-f", "mov"),
        *("-ignore_editlist", "1", "-i", f"file:{mp4.absolute()}", "-map", "0:a:0", "-c", "copy"),
        *("-fflags", "+bitexact", "-f", "adts", f"file:{adts.absolute()}"),
    ]
    run(argv, limits=VIDEO, read=(mp4.absolute(),), write=(adts.absolute().parent,), should_stop=should_stop)
    with adts.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if len(frame_offsets(data)) - 1 != adts_facts(frames).frames:
            raise OutputError("The sound of the earlier video is not whole.")
