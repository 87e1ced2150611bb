"""Sound to listen to in a browser: a whole track, or one join of a mix, as a small M4A.

In: a user's file, or a span of a mix and its files. Out: AAC in an MP4 that plays from its beginning while it
loads, without metadata. The user's bytes are read by `codecs/decode` alone; the encoder sees only samples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.decode import open_track
from mixes.engine.codecs.seeking import SeekIndex
from mixes.engine.errors import TimelineError
from mixes.engine.processes.ffmpeg_report import REPORT_ARGS, check_complete, file_size
from mixes.engine.processes.sandbox import MIB, Limits, run_child
from mixes.engine.rendering.span import MixSpan, cut_span, render_span
from mixes.engine.samples import Samples
from mixes.engine.timeline import Timeline

COPY_AAC = ("-b:a", "128k")  # of whole tracks, made in the background
# Of joins, for which the user waits: a third of the computing time and 10 dB less noise, a fourth more bytes
JOIN_AAC = ("-b:a", "160k", "-aac_coder", "fast", "-aac_is", "0", "-aac_pns", "0", "-aac_tns", "0")
RATES_HZ = (44_100, 48_000)  # what every browser plays; other tracks are brought to the first
BLOCK_FRAMES = 1 << 16
CONTEXT_S = 5.0  # of the join's surroundings that are heard before and after it
FADE_S = 0.02  # over which the excerpt comes and goes, so that it does not click
# 128 kbit/s: 9 h; the index is moved to the front
PREVIEW_LIMITS = Limits(file_bytes=512 * MIB, stall_s=120.0)


def heard_span(timeline: Timeline, index: int, *, context_s: float = CONTEXT_S) -> tuple[int, int]:
    """Return the first frame of the mix that is heard of transition `index`, and the frame after the last.

    That is `context_s` before it until as long after it, or until the next join begins. Raises TimelineError
    when there is no such transition.
    """
    if not 0 <= index < len(timeline.transitions):
        raise TimelineError("There is no join after this track.")
    clips, context = timeline.clips, round(context_s * timeline.rate)
    before, after = clips[index], clips[index + 1]
    next_start = clips[index + 2].start if index + 2 < len(clips) else after.end
    end = max(before.end, min(max(before.end, after.start) + context, next_start))
    return max(0, min(before.end, after.start) - context), min(end, after.end)


def cut_excerpt(timeline: Timeline, index: int, *, context_s: float = CONTEXT_S) -> MixSpan:
    """Return what sounds in the `heard_span` of transition `index`. Raises as it."""
    return cut_span(timeline, *heard_span(timeline, index, context_s=context_s))


def write_track_preview(
    ffmpeg: Path,
    track: Path,
    out: Path,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: ShouldStop = never,
) -> None:
    """Write the whole of a user's file as M4A.

    Raises DecodeError, OutputError, FfmpegError, Cancelled.
    """
    with open_track(ffmpeg, track, None, should_stop=should_stop) as decoder:
        declared_s = decoder.info.declared_s

        def blocks() -> Iterator[Samples]:
            done = 0
            while len(block := decoder.read(BLOCK_FRAMES)):
                yield block
                done += len(block)
                on_progress(min(1.0, done / decoder.rate / declared_s) if declared_s else 0.0)

        _encode(ffmpeg, blocks(), decoder.rate, COPY_AAC, out, should_stop)


def write_excerpt(
    ffmpeg: Path,
    span: MixSpan,
    paths: Sequence[Path],
    indexes: Sequence[SeekIndex | None],
    out: Path,
    *,
    should_stop: ShouldStop = never,
) -> None:
    """Write a part of a mix as M4A: its own samples, with soft edges. Raises as `render_span`, OutputError.

    `paths` and `indexes` have one entry per clip.
    """
    rendered = render_span(span, paths, indexes, ffmpeg=ffmpeg, should_stop=should_stop)
    rate = span.timeline.rate
    heard = fade_edges(rendered, span.frames, round(FADE_S * rate))
    _encode(ffmpeg, heard, rate, JOIN_AAC, out, should_stop)


def fade_edges(blocks: Iterable[Samples], frames: int, fade: int) -> Iterator[Samples]:
    """Yield `frames` frames of blocks, rising over the first `fade` of them and falling over the last."""
    at = 0
    for block in blocks:
        places = np.arange(at, at + len(block))
        if at < fade or at + len(block) > frames - fade:
            gain = np.minimum(1.0, np.minimum(places + 1, frames - places) / fade)
            block = block * gain.astype(np.float32)[:, np.newaxis]
        yield block
        at += len(block)


def _encode(
    ffmpeg: Path,
    blocks: Iterable[Samples],
    rate: int,
    aac: Sequence[str],
    out: Path,
    should_stop: ShouldStop,
) -> None:
    out = out.absolute()
    fed_frames = 0

    def feed() -> Iterator[memoryview]:
        nonlocal fed_frames
        for block in blocks:
            fed_frames += len(block)
            yield block.data.cast("B")

    try:
        output = run_child(
            _encode_args(ffmpeg, rate, aac, out),
            limits=PREVIEW_LIMITS,
            write=(out.parent,),
            feed=feed(),
            should_stop=should_stop,
        )
        check_complete(output.stderr_tail, size=file_size(out), duration_s=fed_frames / rate)
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _encode_args(ffmpeg: Path, rate: int, aac: Sequence[str], out: Path) -> list[str]:
    to_hz = rate if rate in RATES_HZ else RATES_HZ[0]
    return [
        *(str(ffmpeg), "-nostdin", "-y", "-hide_banner", "-nostats", *REPORT_ARGS, "-v", "level+error"),
        *("-threads", "1", "-f", "f32le", "-ar", str(rate), "-ac", "2", "-i", "pipe:0"),
        *("-map_metadata", "-1", "-ar", str(to_hz), "-c:a", "aac", *aac),
        *("-threads", "1", "-flags:a", "+bitexact", "-fflags", "+bitexact"),
        *("-movflags", "+faststart", "-f", "ipod", f"file:{out}"),
    ]
