"""Make a mix: analysed tracks in, finished and checked files out.

plan -> draw -> render and encode -> video -> texts -> check -> install (stages.py). All files are made in a
work folder and installed together when all of them are complete.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.mixing.plan import Plan, plan_mix
from mixes.engine.pipeline.checkpoints import Checkpoints, locked_work_folder
from mixes.engine.pipeline.remake import EarlierMix
from mixes.engine.pipeline.request import (
    MixOutputs,
    MixRequest,
    OnProgress,
    expected_bytes,
    file_names,
    ignore_progress,
    request_key,
)
from mixes.engine.pipeline.reuse import ReusedOutputs, reuse_stages
from mixes.engine.pipeline.stages import MixRun
from mixes.engine.pipeline.work_folder import (
    check_disk_space,
    check_targets,
    free_stem,
    install_outputs,
    previous_outputs,
    work_folder,
)


def plan_request(request: MixRequest) -> Plan:
    """Return the plan of the requested mix. Raises TimelineError."""
    tracks = [source.analysis for source in request.sources]
    return plan_mix(tracks, request.settings, request.joins, request.uses)


def make_mix(
    request: MixRequest,
    folder: Path,
    *,
    ffmpeg: Path,
    replace_other: bool = False,
    on_progress: OnProgress = ignore_progress,
    on_note: Callable[[str], None] = lambda note: None,
    should_stop: ShouldStop = never,
) -> MixOutputs:
    """Make the files of `request` in `folder`, named after its title; files of an earlier run are replaced.

    Files of a mix of another title are replaced only with `replace_other`; else the names get a number.
    `on_note` receives the notes of the plan before it is rendered.
    Raises EngineError when a stage fails, Cancelled when `should_stop` says so; `folder` is then unchanged.
    """
    plan = plan_request(request)
    inputs = [source.path for source in request.sources]
    inputs += [request.picture] if request.picture else []
    other_notes: tuple[str, ...] = ()
    if not replace_other:
        stem = free_stem(request.file_stem, request.title, folder)
        if stem != request.file_stem:
            other_notes = (f"The files are called {stem}: {request.file_stem} is a mix of another title.",)
        request = replace(request, stem=stem)
    names = file_names(request)
    with work_folder(folder) as work:
        own_names = previous_outputs(folder / names[-1])
        check_targets(names, folder, inputs, own_names)
        older = tuple(sorted(name for name in own_names.difference(names) if (folder / name).is_file()))
        check_disk_space(folder, expected_bytes(request, plan.timeline))
        for note in plan.notes:
            on_note(note)
        run = MixRun(request, plan, work, ffmpeg, on_progress, should_stop)
        outputs = run.make(files=(*names, *older))
        notes = (
            *outputs.notes,
            *other_notes,
            *(f"{name} is of an earlier mix; it was not made again." for name in older),
        )
        return replace(outputs, artifacts=install_outputs(outputs.artifacts, folder), notes=notes)


def resume_mix(
    request: MixRequest,
    work: Path,
    *,
    ffmpeg: Path,
    reused: ReusedOutputs | None = None,
    earlier: EarlierMix | None = None,
    on_progress: OnProgress = ignore_progress,
    should_stop: ShouldStop = never,
) -> MixOutputs:
    """Make the files of `request` in `work`, a folder of this request that outlives the process.

    Stages with a checkpoint in `work` or covered by `reused` are skipped, and sound that `earlier` has is
    copied from its files. The artifacts stay in `work`, for
    the caller to move. Raises as `make_mix`, and OSError when the system refuses.
    """
    plan = plan_request(request)
    with locked_work_folder(work, should_stop):
        checkpoints = Checkpoints(work, request_key(request, plan.timeline), should_stop)
        run = MixRun(request, plan, work, ffmpeg, on_progress, should_stop, checkpoints, earlier)
        notes = reuse_stages(reused, run) if reused else ()
        outputs = run.make(files=file_names(request))
        return replace(outputs, notes=(*outputs.notes, *notes))
