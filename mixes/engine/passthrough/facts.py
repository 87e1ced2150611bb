"""What an analysis keeps of an MP3: whether its frames can be copied, and how loud each of them is.

In: the file. Out: `Mp3Facts`, without the peaks, which the analysis measures while it hears the song.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mixes.engine.passthrough.frames import (
    LARGEST_GAIN,
    PIECE_FRAMES,
    FileBytes,
    Unfit,
    highest_gain,
    open_stream,
    take_apart,
)

STEP_DB = 20 * float(np.log10(2**0.25))  # one step of global_gain: 1.505 dB
PEAK_UNITS_PER_DB, LOWEST_PEAK_DBTP = 10, -20.0  # of a stored peak, which is one byte
ABSURD_PEAK = 255  # stands for all from 5.5 dBTP on: more than any step leaves room for


@dataclass(frozen=True, slots=True)
class Mp3Facts:
    """The frames of one MP3. With a `reason` they cannot be copied, and the rest means nothing."""

    reason: str = ""  # the end of a sentence that begins “because”
    frames: int = 0
    delay: int = 0  # decoded samples before the song's first
    samples: int = 0  # of the song, as its frames say
    kbps: int = 0  # the highest of its frames
    first: int = 0  # frame whose main data, and that of all later ones, is in the file
    highest_step: int = 0  # of gain, before a field overflows
    peaks: bytes = field(default=b"", repr=False)  # true peak of each frame's 1152 samples, see `to_peak`

    def is_hot(self, step: int, ceiling_dbtp: float) -> NDArray[np.bool_]:
        """Return which frames have a true peak over a ceiling when the song is louder by `step` steps."""
        peaks = np.frombuffer(self.peaks, np.uint8)
        levels = LOWEST_PEAK_DBTP + peaks / PEAK_UNITS_PER_DB + step * STEP_DB
        hot: NDArray[np.bool_] = (levels > ceiling_dbtp) | (peaks == ABSURD_PEAK)
        return hot

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "peaks": b64encode(self.peaks).decode()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "peaks": b64decode(data["peaks"])})


def to_peak(levels: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return stored peaks of magnitudes (1.0 is full scale), rounded up."""
    with np.errstate(divide="ignore"):
        units = np.ceil((20 * np.log10(levels) - LOWEST_PEAK_DBTP) * PEAK_UNITS_PER_DB)
    stored: NDArray[np.uint8] = np.clip(units, 0, ABSURD_PEAK).astype(np.uint8)
    return stored


def read_facts(path: Path) -> Mp3Facts:
    """Return the facts of an MP3 without its peaks; one that cannot be copied has a reason."""
    try:
        return _read_facts(path)
    except Unfit as unfit:
        return Mp3Facts(reason=str(unfit))
    except OSError:
        return Mp3Facts(reason="its file could not be read")


def _read_facts(path: Path) -> Mp3Facts:
    stream = open_stream(FileBytes(path))
    first = loudest = 0
    for at in range(0, len(stream), PIECE_FRAMES):
        end = min(at + PIECE_FRAMES, len(stream))
        frames = take_apart(stream, at, end)
        if (frames.begin + frames.size > stream.slots[at + 1 : end + 1]).any():
            raise Unfit("some of its frames are damaged")
        early = np.flatnonzero((frames.begin < 0) & (frames.size > 0))
        first = at + int(early[-1]) + 1 if len(early) else first
        loudest = max(loudest, highest_gain(frames))
    return Mp3Facts(
        frames=len(stream),
        delay=stream.delay,
        samples=stream.samples,
        kbps=stream.highest_kbps,
        first=first,
        highest_step=LARGEST_GAIN - loudest,
    )
