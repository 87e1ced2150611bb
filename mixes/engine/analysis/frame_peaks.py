"""True peaks of an MP3 by its own frames, so that those too loud to be copied are known.

In: the decoded sound, block by block. Out: one byte for each frame's 1152 samples.
"""

import numpy as np

from mixes.engine.analysis.true_peak import CONTEXT, CONTEXT_AFTER, peaks_above
from mixes.engine.passthrough.facts import to_peak
from mixes.engine.samples import Samples
from mixes.engine.timeline import MP3_FRAME as FRAME

FLOOR = 10 ** (-8.0 / 20)  # lower peaks are under every ceiling: no song is raised by more than 6 dB


class FramePeaks:
    """Takes the peak of every frame while a song is decoded; `delay` samples of it come before the sound."""

    def __init__(self, delay: int) -> None:
        self._peaks = bytearray()
        self._highest = 0.0  # of the frame that is not complete
        self._filled = delay % FRAME  # samples of it
        self._peaks += bytes(delay // FRAME)
        self._context: Samples = np.zeros((CONTEXT, 2), dtype=np.float32)
        self._drop = CONTEXT_AFTER  # values before the first sample

    def push(self, block: Samples) -> None:
        """Take the next samples, shape (n, 2)."""
        padded = np.concatenate((self._context, block))
        self._context = padded[-CONTEXT:].copy()
        values = np.zeros(len(padded) - CONTEXT, dtype=np.float32)
        for start, peaks in peaks_above(padded, FLOOR):
            np.maximum(peaks[:, 0], peaks[:, 1], out=values[start : start + len(peaks)])
        self._add(values[self._drop :])
        self._drop = max(0, self._drop - len(values))

    def finish(self, frames: int) -> bytes:
        """Return the peaks of so many frames; nothing may be pushed after it."""
        self.push(np.zeros((CONTEXT_AFTER, 2), dtype=np.float32))
        if self._filled:
            self._peaks += to_peak(np.array([self._highest])).tobytes()
        return bytes(self._peaks[:frames].ljust(frames, b"\0"))

    def _add(self, values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        """Take the peaks from each sample up to the next one."""
        missing = FRAME - self._filled
        if len(values) < missing:
            self._highest = max(self._highest, float(values.max(initial=0.0)))
            self._filled += len(values)
            return
        first = max(self._highest, float(values[:missing].max()))
        whole = (len(values) - missing) // FRAME * FRAME
        rest = values[missing + whole :]
        frames = values[missing : missing + whole].reshape(-1, FRAME).max(axis=1)
        self._peaks += to_peak(np.concatenate(([first], frames))).tobytes()
        self._highest, self._filled = float(rest.max(initial=0.0)), len(rest)
