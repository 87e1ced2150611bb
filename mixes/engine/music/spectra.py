"""Cut a stream into overlapping windows and give their spectra; none is kept."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.lowering import Mono

Spectra = NDArray[np.float32]  # shape (windows, bins): magnitudes

MOST_WINDOWS = 64  # at once: the memory of larger arrays returns to the system each time


class Windows:
    """Gives the magnitude spectra of a stream: window k has its middle at k * hop samples."""

    def __init__(self, length: int, hop: int, fft: int) -> None:
        self._length, self._hop, self._fft = length, hop, fft
        self._shape = np.hanning(length + 1)[:-1].astype(np.float32)
        self._pending: Mono = np.zeros(length // 2, np.float32)

    def push(self, sound: Mono) -> Iterator[Spectra]:
        """Yield the spectra of the windows that the next samples complete, a few at a time."""
        self._pending = np.concatenate((self._pending, sound))
        while count := min(MOST_WINDOWS, (len(self._pending) - self._length) // self._hop + 1):
            if count < 0:
                return
            yield self._spectra(count)
            self._pending = self._pending[count * self._hop :]

    def finish(self) -> Iterator[Spectra]:
        """Yield the spectra of the last windows, as if silence followed."""
        return self.push(np.zeros(self._length // 2, np.float32))

    def _spectra(self, count: int) -> Spectra:
        views = np.lib.stride_tricks.sliding_window_view(self._pending, self._length)
        cut = views[: (count - 1) * self._hop + 1 : self._hop]
        spectra: Spectra = np.abs(np.fft.rfft(cut * self._shape, self._fft, axis=1))
        return spectra
