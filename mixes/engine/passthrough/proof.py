"""Prove that the frames of a song, packed again, give every sample of its file.

A decoder may read beyond the bits of a damaged frame, into whatever follows them, without a complaint; and
each has its own idea of where a song begins. So the whole song is decoded once more, from its frames, and
compared second by second.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.decode import open_track
from mixes.engine.codecs.seeking import SeekIndex
from mixes.engine.errors import DecodeError, FfmpegError, OutputError
from mixes.engine.passthrough.excerpts import Excerpt, Song, decode_seconds
from mixes.engine.passthrough.facts import Mp3Facts
from mixes.engine.samples import Samples
from mixes.engine.timeline import MP3_FRAME as FRAME

ROUNDED = 1e-6  # what mid/side stereo may change of a mono song


def gives_same_sound(
    ffmpeg: Path, path: Path, facts: Mp3Facts, index: SeekIndex, *, should_stop: ShouldStop = never
) -> bool:
    """Tell whether a song's frames, packed again, decode to what its file does from `facts.first` on.

    `index` has the checksums of its seconds. Raises Cancelled, StalledError.
    """
    try:
        song = Song.open(path, facts.first)
        excerpt = Excerpt(song, 0, facts.samples)
        heard = decode_seconds(ffmpeg, excerpt, should_stop=should_stop)
        wanted = _seconds_of(ffmpeg, path, index.rate, should_stop) if song.stream.mono else None
        early = (facts.first + 1) * FRAME - facts.delay if facts.first else 0  # not copied
        length = 0
        for second, samples in enumerate(heard):
            length += len(samples)
            other = next(wanted, samples[:0]) if wanted else None
            if second * index.rate < early:
                continue
            is_same = index.has(second, samples) if other is None else _is_close(samples, other)
            if not is_same:
                return False
    except (DecodeError, FfmpegError, OutputError, OSError):
        return False
    return length == facts.samples


def _seconds_of(ffmpeg: Path, path: Path, rate: int, should_stop: ShouldStop) -> Iterator[Samples]:
    with open_track(ffmpeg, path, None, should_stop=should_stop) as decoder:
        while len(block := decoder.read(rate)):
            yield block


def _is_close(samples: Samples, others: Samples) -> bool:
    return len(samples) == len(others) and bool(np.all(np.abs(samples - others) <= ROUNDED))
