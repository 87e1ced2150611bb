"""Make only what changed: chunks of the encoded sound that an earlier mix has are copied out of its files.

In: the earlier mix, the timeline of the new one. Out: for each format, the kept frames of the chunks that
sound the same. A chunk is the same when the span of the mix that it encodes is: a `MixSpan` holds all that a
part of a mix depends on, and nothing else.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixes.engine.cancellation import ShouldStop
from mixes.engine.codecs import aac, mp3
from mixes.engine.codecs.encode import CHUNK_S, NOTHING, Chunk, FrameFormat, plan_chunks
from mixes.engine.errors import Cancelled, EngineError
from mixes.engine.passthrough.frames import Unfit
from mixes.engine.pipeline.work_folder import link_or_copy, remove_existing
from mixes.engine.rendering.span import cut_span
from mixes.engine.sewing.earlier import EarlierPieces
from mixes.engine.sewing.report import PassedThrough
from mixes.engine.timeline import Timeline

JOIN_GAP_S = 5.0  # parts closer than this are rendered in one go: opening their files costs as much
EARLIER = "earlier-"  # begins the names of an earlier mix's files in the work folder


@dataclass(frozen=True, slots=True)
class EarlierMix:
    """A finished mix of the same encoders, and its files."""

    timeline: Timeline
    sources: tuple[str, ...]  # SHA-256 of each clip's file
    bitrate_kbps: int  # of the MP3
    artifacts: Mapping[str, Path]  # by kind, only complete files
    passed_through: PassedThrough | None = None  # of its MP3, if frames were copied into it


class CopiedChunks(Mapping[int, bytes]):
    """The kept frames of chunks, read out of a file when they are asked for."""

    def __init__(self, path: Path, places: Mapping[int, tuple[int, int]]) -> None:
        """Read from `path`; `places` has the first byte of each chunk, and the one behind its last."""
        self._path, self._places = path, places

    def __getitem__(self, index: int) -> bytes:
        first, end = self._places[index]
        with self._path.open("rb") as file:
            file.seek(first)
            return file.read(end - first)

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass(frozen=True, slots=True)
class EncodedMix:
    """A mix as the chunks of one format."""

    timeline: Timeline
    sources: Sequence[str]
    frame: FrameFormat
    chunks: Sequence[Chunk]

    def keys(self) -> list[str]:
        """Return a hash of all that each chunk depends on, but for the version of the encoder."""
        return [self._key(chunk) for chunk in self.chunks]

    def _key(self, chunk: Chunk) -> str:
        end = min(chunk.end, self.timeline.frames)
        span = cut_span(self.timeline, chunk.start, end)
        sound = span.to_dict()
        del sound["first"]  # its place in the whole mix
        files = [self.sources[clip] for clip in span.clips]
        content = (sound, files, self.frame.argv[1:], chunk.count, chunk.skip, chunk.end - end)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def as_mp3(timeline: Timeline, sources: Sequence[str], ffmpeg: Path, bitrate_kbps: int) -> EncodedMix:
    """Return the chunks of a mix as `Mp3Writer` plans them."""
    frame = mp3.frame_format(ffmpeg, mp3.Mp3Format(timeline.rate, bitrate_kbps))
    chunks = plan_chunks(mp3.encoder_frames(timeline.frames), frame, timeline.rate, CHUNK_S)
    return EncodedMix(timeline, sources, frame, chunks)


def as_aac(timeline: Timeline, sources: Sequence[str], ffmpeg: Path) -> EncodedMix:
    """Return the chunks of a mix as `AacWriter` plans them."""
    frame = aac.frame_format(ffmpeg, timeline.rate, aac.DEFAULT_KBPS)
    chunks = plan_chunks(aac.adts_info(timeline.frames).frames, frame, timeline.rate, CHUNK_S)
    return EncodedMix(timeline, sources, frame, chunks)


def same_chunks(earlier: EncodedMix, later: EncodedMix) -> dict[int, Chunk]:
    """Return the earlier chunk for each index of the later mix that is encoded already."""
    known = dict(zip(earlier.keys(), earlier.chunks, strict=True))
    return {index: known[key] for index, key in enumerate(later.keys()) if key in known}


def chunks_of_earlier(
    kind: str,
    *,
    earlier: EarlierMix | None,
    timeline: Timeline,
    sources: Sequence[str],
    ffmpeg: Path,
    work: Path,
    bitrate_kbps: int,
    should_stop: ShouldStop,
) -> Mapping[int, bytes]:
    """Return the encoded chunks that the earlier mix has; none when its file cannot be read."""
    if earlier is None:
        return NOTHING
    try:
        if kind == "mp3":
            return copied_mp3(earlier, timeline, sources, ffmpeg=ffmpeg, work=work, bitrate_kbps=bitrate_kbps)
        return copied_aac(earlier, timeline, sources, ffmpeg=ffmpeg, work=work, should_stop=should_stop)
    except Cancelled:
        raise
    except (OSError, EngineError):  # missing or damaged: everything is encoded
        return NOTHING


def earlier_pieces(earlier: EarlierMix | None, work: Path) -> EarlierPieces | None:
    """Return the encoded pieces of an earlier mix of copied songs; its file is linked into `work`."""
    if earlier is None or earlier.passed_through is None or "mp3" not in earlier.artifacts:
        return None
    path = work / f"{EARLIER}pieces.mp3"
    try:
        link_or_copy(earlier.artifacts["mp3"], path)
        return EarlierPieces.open(path, earlier.passed_through.groups)
    except (OSError, Unfit):  # missing or damaged: everything is encoded
        return None


def copied_mp3(
    earlier: EarlierMix,
    timeline: Timeline,
    sources: Sequence[str],
    *,
    ffmpeg: Path,
    work: Path,
    bitrate_kbps: int,
) -> Mapping[int, bytes]:
    """Return the MP3 chunks that need not be encoded again. Raises OSError, BrokenOutputError.

    The earlier file is linked into `work`, so that it stays when its owner deletes the earlier mix.
    """
    if any(clip.is_copied for clip in earlier.timeline.clips):
        return NOTHING  # its frames share their bits with their neighbours
    same = same_chunks(
        as_mp3(earlier.timeline, earlier.sources, ffmpeg, earlier.bitrate_kbps),
        as_mp3(timeline, sources, ffmpeg, bitrate_kbps),
    )
    if not same or "mp3" not in earlier.artifacts:
        return NOTHING
    path = work / f"{EARLIER}sound.mp3"
    link_or_copy(earlier.artifacts["mp3"], path)
    return _places_in(path, mp3.file_offsets(path, mp3.Mp3Format(timeline.rate, bitrate_kbps)), same)


def copied_aac(
    earlier: EarlierMix,
    timeline: Timeline,
    sources: Sequence[str],
    *,
    ffmpeg: Path,
    work: Path,
    should_stop: ShouldStop,
) -> Mapping[int, bytes]:
    """Return the AAC chunks that need not be encoded again; the earlier AAC stream is copied into `work`.

    Raises OSError, OutputError, Cancelled.
    """
    before = as_aac(earlier.timeline, earlier.sources, ffmpeg)
    same = same_chunks(before, as_aac(timeline, sources, ffmpeg))
    if not same or "mp4" not in earlier.artifacts:
        return NOTHING
    adts = remove_existing(work / f"{EARLIER}sound.aac")
    aac.extract_aac(
        ffmpeg, earlier.artifacts["mp4"], adts, frames=earlier.timeline.frames, should_stop=should_stop
    )
    return _places_in(adts, aac.file_offsets(adts), same)


def _places_in(path: Path, offsets: Sequence[int], same: Mapping[int, Chunk]) -> CopiedChunks:
    places = {i: (offsets[chunk.first], offsets[chunk.first + chunk.count]) for i, chunk in same.items()}
    return CopiedChunks(path, places)


def merged(spans: Sequence[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Return the union of spans in order; those no more than `gap` apart become one."""
    union: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if union and first <= union[-1][1] + gap:
            union[-1] = (union[-1][0], max(union[-1][1], last))
        else:
            union.append((first, last))
    return union
