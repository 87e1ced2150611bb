"""Cut passages into pieces to encode, and put several into one encoder: the same on any number of cores."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mixes.engine.codecs.mp3 import POST_ROLL, PRE_ROLL
from mixes.engine.passthrough.grid import RUN_OUT, RUN_UP
from mixes.engine.sewing.passages import Passage
from mixes.engine.timeline import MP3_FRAME as FRAME

LONGEST_PIECE = 860  # frames, 22 s: 9 MB of sound
GROUP_FRAMES, GROUP_PIECES = 900, 8  # at most in one encoder


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a passage: frames `first` to before `end` of the mix, encoded with frames beside them."""

    passage: int
    first: int
    end: int
    run_up: int
    run_out: int

    @property
    def frames(self) -> int:
        return self.end - self.first + self.run_up + self.run_out

    @property
    def samples(self) -> tuple[int, int]:
        """Return the samples of the mix that its encoder hears, some of them beyond the mix."""
        return (self.first - self.run_up) * FRAME, (self.end + self.run_out) * FRAME


def cut_pieces(passages: Sequence[Passage]) -> list[Piece]:
    """Return the pieces of all passages, in order."""
    pieces = []
    for index, passage in enumerate(passages):
        length = passage.end - passage.first
        count = -(-length // LONGEST_PIECE)
        bounds = [passage.first + length * part // count for part in range(count + 1)]
        for first, end in pairwise(bounds):
            run_up = RUN_UP if first == passage.first else PRE_ROLL
            run_out = RUN_OUT if end == passage.end else POST_ROLL
            pieces.append(Piece(index, first, end, min(run_up, first), run_out))
    return pieces


def group_pieces(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces that go through one encoder."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        frames = sum(other.frames for other in groups[-1]) if groups else 0
        if not groups or len(groups[-1]) == GROUP_PIECES or frames + piece.frames > GROUP_FRAMES:
            groups.append([])
        groups[-1].append(piece)
    return groups
