"""Make the MP3 of a request by copying the frames of its songs, and what proves that it did."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from mixes.engine.cancellation import ShouldStop
from mixes.engine.checks.passed_through import PassProof
from mixes.engine.codecs.mp3 import Mp3Format
from mixes.engine.errors import EngineError
from mixes.engine.passthrough.frames import Unfit
from mixes.engine.pipeline.request import MixRequest
from mixes.engine.sewing.earlier import EarlierPieces
from mixes.engine.sewing.encoding import CannotSew, Materials
from mixes.engine.sewing.passages import find_passages
from mixes.engine.sewing.report import PassedThrough, planned_report, report
from mixes.engine.sewing.writer import write_sewn
from mixes.engine.timeline import Timeline

logger = logging.getLogger(__name__)

DID_NOT_FIT = "its frames did not fit into the mix"


class CopyRefutedError(EngineError):
    """A finished mix does not sound as the files it was copied from."""


def keeps_peaks(request: MixRequest) -> bool:
    """Return whether peaks of copied songs are left alone: where the loudness is left as it is."""
    return request.settings.target_lufs is None


def without_copies(timeline: Timeline) -> Timeline:
    """Return the timeline of a mix whose songs are encoded after all."""
    clips = tuple(
        replace(clip, gain_step=None, grid=None, encoded_because=DID_NOT_FIT) if clip.is_copied else clip
        for clip in timeline.clips
    )
    return replace(timeline, clips=clips)


def plan_copying(request: MixRequest, timeline: Timeline) -> PassedThrough | None:
    """Return about what is copied into the MP3 of a request; None where nothing is."""
    if "mp3" not in request.formats:
        return None
    tracks = [source.analysis for source in request.sources]
    return planned_report(timeline, tracks, keeps_peaks=keeps_peaks(request))


def copy_songs(
    request: MixRequest,
    timeline: Timeline,
    path: Path,
    *,
    id3_tag: bytes,
    ffmpeg: Path,
    earlier: EarlierPieces | None,
    on_progress: Callable[[float], None],
    should_stop: ShouldStop,
) -> PassedThrough | None:
    """Write the MP3 and return what was copied; None, and no file, where the songs' frames do not fit.

    Pieces that `earlier` has are not encoded again; if they do not fit, it is done once more without them.
    """
    tracks = [source.analysis for source in request.sources]
    materials = Materials(
        timeline=timeline,
        paths=[source.path for source in request.sources],
        tracks=tracks,
        passages=find_passages(timeline, tracks, keeps_peaks=keeps_peaks(request)),
        format=Mp3Format(timeline.rate, request.bitrate_kbps),
        ffmpeg=ffmpeg,
    )
    write = partial(
        write_sewn,
        path,
        materials,
        cores=request.cores,
        id3_tag=id3_tag,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    for pieces in (earlier, None) if earlier else (None,):
        try:
            return report(timeline, write(earlier=pieces))
        except (CannotSew, Unfit, OSError) as error:
            if isinstance(error, OSError) and pieces is None:
                raise
            logger.warning("The frames of a mix did not fit.", exc_info=True)
    return None


def prove_copying(
    request: MixRequest, timeline: Timeline, passed: PassedThrough, ffmpeg: Path, should_stop: ShouldStop
) -> PassProof:
    """Return what compares the copied songs of a finished MP3 with their files."""
    paths = [source.path for source in request.sources]
    tracks = [source.analysis for source in request.sources]
    return PassProof(ffmpeg, timeline, paths, tracks, passed, should_stop)
