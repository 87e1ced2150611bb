"""The detail of a track for the join editor: outline and loudness, 21 bytes for every tenth of a second.

A track analysed before version 3 has no outline of 10 ms: its coarser one is stretched, in the same form.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.engine.analysis.detail import BYTES_PER_POINT, POINTS_PER_S
from mixes.engine.analysis.track import TrackAnalysis
from mixes.models import AnalysisJob, Track
from mixes.services.analyses import analyses_of

FORMAT = 1  # raise it when the same track would be described differently
TENTHS_PER_S = 10
POINTS_PER_TENTH = POINTS_PER_S // TENTHS_PER_S
STEPS_PER_LU = 2  # of a level: half a LU
MOMENTARY_DELAY = 2  # tenths from the start of a window of 400 ms to its middle


@dataclass(frozen=True, slots=True)
class TrackDetail:
    """Outline and loudness of a whole track."""

    pairs: NDArray[np.int8]  # lowest and highest, shape (10 * tenths, 2), full scale at 127
    levels: NDArray[np.uint8]  # shape (tenths,), in steps of half a LU below 0 LUFS

    def part(self, first_s: int, end_s: int) -> bytes:
        """Return the pairs, then the levels, of the tenths of a second from `first_s` to `end_s`."""
        tenths = slice(first_s * TENTHS_PER_S, end_s * TENTHS_PER_S)
        points = slice(first_s * POINTS_PER_S, end_s * POINTS_PER_S)
        return self.pairs[points].tobytes() + self.levels[tenths].tobytes()


def detail_tags(tracks: list[Track]) -> dict[Track, str]:
    """Return for each track what identifies the bytes of its detail."""
    fine = AnalysisJob.objects.filter(track__in=tracks, detail__isnull=False).values_list("track", flat=True)
    known = set(fine)
    return {track: _tag(track.sha256, is_fine=track.pk in known) for track in tracks}


def detail_of(track: Track) -> TrackDetail | None:
    """Return the detail of an analysed track; None for others."""
    analysis = analyses_of([track]).get(track.pk)
    if analysis is None:
        return None
    stored = AnalysisJob.objects.filter(track=track, detail__isnull=False).order_by("-version")
    detail = stored.values_list("detail", flat=True).first()
    pairs = _coarse(analysis) if detail is None else _fine(bytes(detail))
    return TrackDetail(pairs, _levels(analysis, len(pairs) // POINTS_PER_TENTH))


def _tag(sha256: str, *, is_fine: bool) -> str:
    return hashlib.sha256(f"{FORMAT}:{is_fine}:{sha256}".encode()).hexdigest()[:24]


def _fine(detail: bytes) -> NDArray[np.int8]:
    """Return the stored pairs, filled up with silence to whole tenths of a second."""
    pairs = np.frombuffer(detail, dtype=np.int8).reshape(-1, BYTES_PER_POINT)
    return np.pad(pairs, ((0, -len(pairs) % POINTS_PER_TENTH), (0, 0)))


def _coarse(analysis: TrackAnalysis) -> NDArray[np.int8]:
    """Return the pairs of the whole track's outline, each repeated for as long as it lasts."""
    outline = np.array(analysis.peaks or ((0, 0),), dtype=np.int8)
    count = POINTS_PER_TENTH * int(np.ceil(analysis.duration_s * TENTHS_PER_S))
    share = np.arange(count) / (analysis.duration_s * POINTS_PER_S)
    places = np.minimum((share * len(outline)).astype(int), len(outline) - 1)
    pairs: NDArray[np.int8] = outline[places]
    return pairs


def _levels(analysis: TrackAnalysis, tenths: int) -> NDArray[np.uint8]:
    curve = np.array(analysis.momentary or (-120.0,))
    centred = curve[np.clip(np.arange(tenths) - MOMENTARY_DELAY, 0, len(curve) - 1)]
    steps: NDArray[np.uint8] = np.clip(np.rint(-STEPS_PER_LU * centred), 0, 255).astype(np.uint8)
    return steps
