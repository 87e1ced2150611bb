"""Reuse the outputs of an earlier run so that a job can start at a later stage.

In: the stage to start from, the earlier artifacts. Out: checkpoints in the work folder, as if the stages
before it had just run. A stage whose artifacts are missing or damaged is run again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mixes.engine.codecs.aac import extract_aac
from mixes.engine.errors import Cancelled, EngineError
from mixes.engine.pipeline.checkpoints import Checkpoint
from mixes.engine.pipeline.copying import plan_copying
from mixes.engine.pipeline.request import STAGES
from mixes.engine.pipeline.stages import OPENING_FILE, SOUND_FILE, MixRun
from mixes.engine.pipeline.texts import describe
from mixes.engine.pipeline.work_folder import link_or_copy, remove_existing
from mixes.engine.sewing.report import PassedThrough

NOT_REUSED = "The earlier {} could not be used as it was, so it was made again."


@dataclass(frozen=True, slots=True)
class ReusedOutputs:
    """The artifacts of an earlier result of the same request, to replace the stages before `from_stage`."""

    from_stage: str
    artifacts: Mapping[str, Path]  # by kind, only complete files
    passed_through: PassedThrough | None = None  # of its MP3, if it is known

    def covers(self, stage: str) -> bool:
        return STAGES.index(stage) < STAGES.index(self.from_stage)


def reuse_stages(reused: ReusedOutputs, run: MixRun) -> tuple[str, ...]:
    """Save checkpoints for the reused stages; return notes on stages that must run again.

    Raises Cancelled when the run is stopped.
    """
    notes = []
    for stage, what, reuse in (
        ("render", "sound", reuse_sound),
        ("video", "video", reuse_video),
        ("write", "text", reuse_texts),
    ):
        wanted = stage != "video" or "mp4" in run.formats
        if wanted and reused.covers(stage) and not run.find_checkpoint(stage):
            try:
                run.checkpoints_found[stage] = reuse(reused, run)
            except Cancelled:
                raise
            except (KeyError, OSError, EngineError):  # missing or damaged
                notes.append(NOT_REUSED.format(what))
    return tuple(notes)


def reuse_sound(reused: ReusedOutputs, run: MixRun) -> Checkpoint:
    """Save a checkpoint with the earlier MP3, and the AAC of the earlier MP4 when a video must be made.

    Raises KeyError for a missing artifact, OSError and EngineError for an unusable one.
    """
    assert run.checkpoints is not None
    names = [OPENING_FILE]
    if "mp3" in run.formats:
        names.append(link_or_copy(reused.artifacts["mp3"], run.artifact_path("mp3")))
    if "mp4" in run.formats and not reused.covers("video"):
        mp4, adts = reused.artifacts["mp4"], remove_existing(run.work / SOUND_FILE)
        extract_aac(run.ffmpeg, mp4, adts, frames=run.timeline.frames, should_stop=run.should_stop)
        names.append(SOUND_FILE)
    write_opening(run)
    copied = reused.passed_through or plan_copying(run.request, run.timeline)
    return run.checkpoints.save("render", names, copied.to_dict() if copied else {}, 0.0)


def reuse_video(reused: ReusedOutputs, run: MixRun) -> Checkpoint:
    assert run.checkpoints is not None
    name = link_or_copy(reused.artifacts["mp4"], run.artifact_path("mp4"))
    return run.checkpoints.save("video", [name], {}, 0.0)


def reuse_texts(reused: ReusedOutputs, run: MixRun) -> Checkpoint:
    assert run.checkpoints is not None
    texts = [kind for kind in run.artifact_kinds() if kind not in run.formats]
    names = [link_or_copy(reused.artifacts[kind], run.artifact_path(kind)) for kind in texts]
    notes = describe(run.request, run.timeline, run.chapters).notes
    return run.checkpoints.save("write", names, {"notes": notes}, 0.0)


def write_opening(run: MixRun) -> None:
    """Render only the beginning of the mix, as the reference for the checks."""
    with (run.work / OPENING_FILE).open("wb") as file:
        for block in run.finished_blocks(0, run.opening_frames):
            file.write(block.tobytes())
