"""Prove that copied songs sound in the finished mix as in their files, sample by sample.

In: what was copied, the files, and the decoded mix, block by block. Out: the largest difference. Of each song
up to 20 whole seconds are compared. The source's samples are decoded from its frames, and the CRC-32 that
the analysis took of the same seconds proves that these are the samples of the file.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.passthrough.excerpts import Excerpt, Song, decode_excerpts
from mixes.engine.passthrough.grid import OUR_DELAY
from mixes.engine.samples import Samples
from mixes.engine.sewing.report import PassedThrough, Run
from mixes.engine.timeline import MP3_FRAME as FRAME
from mixes.engine.timeline import Timeline

PLACES = 20  # of a song
EQUAL = 1e-5  # what float32 rounds, at most


@dataclass(frozen=True, slots=True)
class Place:
    """A second of a song, and where in the mix it begins."""

    clip: int
    second: int  # of the song's file
    start: int  # frame of the mix


class PassProof:
    """Compares copied songs with a mix that goes by."""

    def __init__(
        self,
        ffmpeg: Path,
        timeline: Timeline,
        paths: Sequence[Path],
        tracks: Sequence[TrackAnalysis],
        passed: PassedThrough,
        should_stop: ShouldStop = never,
    ) -> None:
        self.passed = passed
        self.places = 0  # compared
        self.different: list[tuple[str, float]] = []  # title, and seconds of the mix
        self._ffmpeg, self._timeline, self._should_stop = ffmpeg, timeline, should_stop
        self._paths, self._tracks = paths, tracks
        self._pending = deque(choose_places(timeline, passed.runs))
        self._known: dict[Place, Samples | None] = {}  # of the song that goes by
        self._at = 0  # frames of the mix seen

    def push(self, block: Samples) -> None:
        """Take the next frames of the mix, shape (n, 2). Raises DecodeError, Cancelled."""
        rate, end = self._timeline.rate, self._at + len(block)
        for place in [*self._pending]:
            if place.start >= end:
                break
            wanted = self._wanted(place)
            first, last = max(place.start, self._at), min(place.start + rate, end)
            heard = block[first - self._at : last - self._at]
            part = None if wanted is None else wanted[first - place.start : last - place.start]
            is_equal = part is not None and is_same(heard, part)
            if not is_equal or place.start + rate <= end:
                self._close(place, is_equal=is_equal)
        self._at = end

    def _close(self, place: Place, *, is_equal: bool) -> None:
        self._pending.remove(place)
        self.places += 1
        if not is_equal:
            clip = self._timeline.clips[place.clip]
            self.different.append((clip.title, place.start / self._timeline.rate))

    def _wanted(self, place: Place) -> Samples | None:
        """Return what a place has to sound like; None where the file is not what was measured."""
        if place not in self._known:
            of_song = [other for other in self._pending if other.clip == place.clip]
            self._known = dict(zip(of_song, self._decode(place.clip, of_song), strict=True))
        return self._known[place]

    def _decode(self, index: int, places: Sequence[Place]) -> Iterator[Samples | None]:
        """Yield the sound of each place at the gain of its clip."""
        track, rate = self._tracks[index], self._timeline.rate
        song = Song.open(self._paths[index], track.mp3.first if track.mp3 else 0)
        seconds = [place.second for place in places]
        excerpts = [Excerpt(song, second * rate, (second + 1) * rate) for second in seconds]
        decoded = decode_excerpts(self._ffmpeg, excerpts, should_stop=self._should_stop)
        gain = np.float32(2.0 ** ((self._timeline.clips[index].gain_step or 0) / 4))
        for second, samples in zip(seconds, decoded, strict=True):
            # a mono song is decoded as mid/side, which rounds differently: its sums say nothing
            is_known = track.channels == 1 or (track.seek_index and track.seek_index.has(second, samples))
            yield samples * gain if is_known else None


def is_same(heard: Samples, wanted: Samples) -> bool:
    """Tell whether two sounds are equal but for rounding."""
    return len(heard) == len(wanted) and bool(np.all(np.abs(heard - wanted) <= EQUAL))


def choose_places(timeline: Timeline, runs: Sequence[Run]) -> list[Place]:
    """Return up to PLACES seconds of each song that lie in copied frames alone, in order."""
    by_clip: dict[int, list[Place]] = {}
    for index, first, end in runs:
        clip = timeline.clips[index]
        origin = clip.start - clip.cue_in
        low, high = max(clip.start, first * FRAME - OUR_DELAY + FRAME), min(clip.end, end * FRAME - OUR_DELAY)
        seconds = range(-(-(low - origin) // timeline.rate), (high - origin) // timeline.rate)
        by_clip.setdefault(index, []).extend(
            Place(index, second, origin + second * timeline.rate) for second in seconds
        )
    chosen = [
        places[number * len(places) // min(PLACES, len(places))]
        for places in by_clip.values()
        for number in range(min(PLACES, len(places)))
    ]
    return sorted(chosen, key=lambda place: place.start)
