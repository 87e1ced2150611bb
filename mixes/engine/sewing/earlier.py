"""Encoded pieces of an earlier mix, taken out of its file instead of being encoded again.

A group of pieces is the same when all that its encoder hears is. `Landed` says which of a piece's frames went
into the earlier file: those between the two seams. Where a seam has to lie elsewhere now, sewing fails with
CannotSew and is done without the earlier mix.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixes.engine.codecs.mp3 import frame_format
from mixes.engine.passthrough.frames import FileBytes, Stream, open_stream, take_apart
from mixes.engine.sewing.encoding import Made, Materials, heard_span
from mixes.engine.sewing.pieces import Piece

Landed = tuple[int, int, int]  # first frame in the file, the one the piece was to begin with, the end


@dataclass(frozen=True, slots=True)
class EncodedGroup:
    """Pieces that went through one encoder: what it heard, as a hash, and where they are in the file."""

    key: str
    landed: tuple[Landed, ...]

    @classmethod
    def read(cls, data: Sequence[Any]) -> "EncodedGroup":
        """Read what JSON makes of its two values."""
        key, landed = data
        return cls(key, tuple((first, begin, end) for first, begin, end in landed))


@dataclass(frozen=True, slots=True)
class EarlierPieces:
    """The MP3 of an earlier mix, and its groups by their keys."""

    stream: Stream = field(repr=False)
    groups: dict[str, EncodedGroup]

    @classmethod
    def open(cls, path: Path, groups: Sequence[EncodedGroup]) -> "EarlierPieces":
        """Find the frames of the file. Raises Unfit, OSError."""
        return cls(open_stream(FileBytes(path)), {group.key: group for group in groups})

    def take(self, key: str, group: Sequence[Piece]) -> list[Made] | None:
        """Return the pieces of a group, None where the earlier mix lacks them. Raises Unfit, OSError."""
        known = self.groups.get(key)
        if known is None or len(known.landed) != len(group):
            return None
        if not all(0 <= first < end <= len(self.stream) for first, _begin, end in known.landed):
            return None
        return [
            Made(take_apart(self.stream, first, end), piece.first + first - begin, piece.first)
            for piece, (first, begin, end) in zip(group, known.landed, strict=True)
        ]


def group_key(group: Sequence[Piece], materials: Materials) -> str:
    """Return a hash of all that a group's frames depend on, but for the version of the encoder."""
    content = [_heard(piece, materials) for piece in group]
    argv = frame_format(materials.ffmpeg, materials.format).argv[1:]
    return hashlib.sha256(json.dumps((content, argv), sort_keys=True).encode()).hexdigest()[:32]


def _heard(piece: Piece, materials: Materials) -> tuple[Any, ...]:
    """Return what is heard of a piece, wherever in the mix it is."""
    span = heard_span(materials.timeline, piece)
    sound = span.to_dict()
    del sound["first"]  # its place in the whole mix
    files = [(materials.tracks[i].sha256, materials.timeline.clips[i].is_copied) for i in span.clips]
    first, end = piece.samples
    passage = materials.passages[piece.passage]
    limited = [min(max(first, sample), end) - first for sample in passage.limited]
    before, behind = max(0, -first), max(0, end - materials.timeline.frames)  # silence around the mix
    is_edge = piece.first == passage.first, piece.end == passage.end
    return sound, files, limited, before, behind, piece.frames, piece.run_up, is_edge
