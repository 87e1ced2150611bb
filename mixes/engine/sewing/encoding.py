"""Render the pieces of a group as the mix has them there, and encode them in one process."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.mp3 import Mp3Format, frame_format
from mixes.engine.errors import BrokenOutputError, EngineError
from mixes.engine.mixing.limiter import limit_blocks
from mixes.engine.passthrough.excerpts import Excerpt, ExcerptSound, Song, decode_excerpts
from mixes.engine.passthrough.frames import Frames, open_stream, take_apart
from mixes.engine.processes.sandbox import ENCODE, run_child
from mixes.engine.rendering.span import MixSpan, cut_blocks, cut_span, mix_span
from mixes.engine.samples import Samples
from mixes.engine.sewing.passages import Passage
from mixes.engine.sewing.pieces import Piece
from mixes.engine.timeline import Timeline


class CannotSew(EngineError):
    """Copied frames do not fit: the mix has to be encoded as a whole."""


@dataclass(frozen=True, slots=True)
class Materials:
    """What a mix is sewn from: one path and one analysis for each clip."""

    timeline: Timeline
    paths: Sequence[Path]
    tracks: Sequence[TrackAnalysis]
    passages: Sequence[Passage]
    format: Mp3Format
    ffmpeg: Path


@dataclass(frozen=True, slots=True)
class Made:
    """The encoded frames of a piece; the first of them is frame `first` of the mix."""

    frames: Frames
    first: int
    begin: int  # frame of the mix that the piece itself begins with

    def at(self, first: int, end: int) -> Frames:
        """Return frames of the mix. Raises CannotSew where an earlier mix did not need them."""
        if first < self.first or end > self.first + len(self.frames):
            raise CannotSew("A seam is elsewhere than in the earlier mix.")
        return self.frames[first - self.first : end - self.first]


def encode_group(
    group: Sequence[Piece],
    materials: Materials,
    songs: Mapping[int, Song],
    should_stop: ShouldStop = never,
) -> list[Made]:
    """Return the encoded pieces; `songs` are those of copied clips. Raises DecodeError, BrokenOutputError."""
    argv = frame_format(materials.ffmpeg, materials.format).argv
    feed = (sound.data.cast("B") for sound in render_pieces(group, materials, songs, should_stop))
    output = run_child(argv, limits=ENCODE, feed=feed, should_stop=should_stop)
    stream = open_stream(output.stdout)
    if len(stream) < sum(piece.frames for piece in group):
        raise BrokenOutputError("The MP3 encoder returned fewer frames than it was asked for.")
    made, at = [], 0
    for piece in group:
        frames = take_apart(stream, at, at + piece.frames)
        made.append(Made(frames, piece.first - piece.run_up, piece.first))
        at += piece.frames
    return made


def render_pieces(
    group: Sequence[Piece], materials: Materials, songs: Mapping[int, Song], should_stop: ShouldStop
) -> Iterator[Samples]:
    """Yield what the encoder hears of each piece, shape (frames * 1152, 2)."""
    timeline = materials.timeline
    spans = [heard_span(timeline, piece) for piece in group]
    wanted = [
        (number, index, Excerpt(songs[span.first + index], clip.cue_in, clip.cue_in + clip.length))
        for number, span in enumerate(spans)
        for index, clip in enumerate(span.timeline.clips)
        if span.first + index in songs
    ]
    excerpts = [excerpt for _, _, excerpt in wanted]
    decoded = decode_excerpts(materials.ffmpeg, excerpts, should_stop=should_stop)
    sounds: list[dict[int, ExcerptSound]] = [{} for _ in spans]
    for (number, index, excerpt), samples in zip(wanted, decoded, strict=True):
        sounds[number][index] = ExcerptSound(excerpt.song.path, timeline.rate, samples)
    for piece, span, at_hand in zip(group, spans, sounds, strict=True):
        yield render_piece(piece, span, at_hand, materials, should_stop)


def heard_span(timeline: Timeline, piece: Piece) -> MixSpan:
    """Return the part of the mix that is heard in a piece."""
    first, end = piece.samples
    return cut_span(timeline, max(0, first), min(end, timeline.frames))


def render_piece(
    piece: Piece,
    span: MixSpan,
    sounds: Mapping[int, ExcerptSound],
    materials: Materials,
    should_stop: ShouldStop,
) -> Samples:
    """Return the samples of a piece, with silence where it is longer than the mix.

    Peaks are lowered only where its passage allows it: at the seams it must sound as the copied frames do.
    """
    first, end = piece.samples
    rate, origin = span.timeline.rate, max(0, first) - span.skip
    allowed = materials.passages[piece.passage].limited
    paths = [materials.paths[index] for index in span.clips]
    indexes = [materials.tracks[index].seek_index for index in span.clips]
    mixed = mix_span(span, paths, indexes, sounds=sounds, ffmpeg=materials.ffmpeg, should_stop=should_stop)
    limited = limit_blocks(mixed, rate, within=(allowed[0] - origin, allowed[1] - origin))
    samples = np.zeros((end - first, 2), dtype=np.float32)
    at = max(0, -first)
    for block in cut_blocks(limited, span.skip, span.frames):
        samples[at : at + len(block)] = block
        at += len(block)
    return samples
