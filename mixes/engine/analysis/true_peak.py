"""True peaks by ITU-R BS.1770-4: the highest values of a signal at four times oversampling.

In: float32 frames, shape (n, 2), with a few frames of context on both sides. Out: for each frame, the peak
from it up to the next frame. Chunks that cannot exceed a given floor are skipped, by a bound that holds for
any signal, so the result does not depend on the cuts between blocks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mixes.engine.samples import Samples

Floats = NDArray[np.float32]

CONTEXT_BEFORE = 5  # frames of context needed before the first measured frame
CONTEXT_AFTER = 6  # ... and after the last one
CONTEXT = CONTEXT_BEFORE + CONTEXT_AFTER
KAISER_BETA = 3.5  # with 12 taps a phase: flat within 0.2 dB up to 0.4 of the rate (17.6 kHz at 44.1 kHz)
CHUNK_FRAMES = 8192  # five scratch arrays of this length fit the cache of one core


def phase_taps(phase: float) -> NDArray[np.float64]:
    """Return the 12 windowed-sinc taps that interpolate `phase` samples after the sixth of 12 samples."""
    distance = phase - np.arange(-CONTEXT_BEFORE, CONTEXT_AFTER + 1)
    window = np.i0(KAISER_BETA * np.sqrt(1 - (distance / CONTEXT_AFTER) ** 2))
    taps: NDArray[np.float64] = np.sinc(distance) * window
    taps /= taps.sum()
    return taps


def max_overshoot(phase: float) -> float:
    """Return the largest deviation from linear interpolation, in units of the largest change between samples.

    The taps add up to 1, so their result is the linear interpolation of the two middle samples plus a
    weighted sum of the 11 changes between neighbours. The deviation is the sum of the absolute weights.
    """
    weights = (np.arange(CONTEXT) >= CONTEXT_BEFORE) - np.cumsum(phase_taps(phase))[:-1]
    weights[CONTEXT_BEFORE] -= phase
    return float(np.abs(weights).sum())


# The taps at 3/4 are those at 1/4 mirrored, so the even and the odd part of the taps at 1/4 give both values:
# even + odd and even - odd. The larger magnitude of the two is |even| + |odd|.
_QUARTER = phase_taps(0.25)
_EVEN = ((_QUARTER + _QUARTER[::-1]) / 2)[:CONTEXT_AFTER].astype(np.float32)
_ODD = ((_QUARTER - _QUARTER[::-1]) / 2)[:CONTEXT_AFTER].astype(np.float32)
_HALF = phase_taps(0.5)[:CONTEXT_AFTER].astype(np.float32)
_OVERSHOOT = 1.0001 * max(max_overshoot(0.25), max_overshoot(0.5))  # with a margin for float32


def peaks_above(padded: Samples, floor: float) -> Iterator[tuple[int, Floats]]:
    """Yield (first frame, peaks) of each chunk that may hold a true peak above `floor` (1.0 is full scale).

    `padded` has shape (CONTEXT_BEFORE + n + CONTEXT_AFTER, 2), is contiguous and finite; frames are counted
    from its frame CONTEXT_BEFORE. `peaks` has shape (m, 2): per channel the largest magnitude of the sample
    and of the values at 1/4, 1/2 and 3/4 of the way to the next one. The next chunk overwrites it.
    """
    frames = len(padded) - CONTEXT
    flat = padded.reshape(-1)
    scratch = np.empty((5, 2 * min(CHUNK_FRAMES, max(frames, 0))), dtype=np.float32)
    for start in range(0, frames, CHUNK_FRAMES):
        stop = min(start + CHUNK_FRAMES, frames)
        chunk = flat[2 * start : 2 * (stop + CONTEXT)]
        if _may_exceed(chunk, floor):
            yield start, _interpolate(chunk, scratch[:, : 2 * (stop - start)]).reshape(-1, 2)


def largest_magnitude(values: Floats) -> float:
    """Return the largest |value|, 0 for an empty array, NaN if it has one. Faster than `abs().max()`."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0


def _may_exceed(chunk: Floats, floor: float) -> bool:
    largest = largest_magnitude(chunk)
    return largest > floor or largest + _OVERSHOOT * largest_magnitude(chunk[2:] - chunk[:-2]) > floor


def _interpolate(chunk: Floats, scratch: Floats) -> Floats:
    """Return the peaks of interleaved stereo, shape (k,), in a row of `scratch`, shape (5, k)."""
    mirrored, term, half, even, odd = scratch
    size = len(half)
    for tap in range(CONTEXT_AFTER):
        early = chunk[2 * tap : 2 * tap + size]
        late = chunk[2 * (CONTEXT - tap) : 2 * (CONTEXT - tap) + size]
        np.add(early, late, out=mirrored)
        _accumulate(half, mirrored, _HALF[tap], term, first=tap == 0)
        _accumulate(even, mirrored, _EVEN[tap], term, first=tap == 0)
        np.subtract(early, late, out=mirrored)
        _accumulate(odd, mirrored, _ODD[tap], term, first=tap == 0)
    for part in (half, even, odd):
        np.abs(part, out=part)
    np.add(even, odd, out=even)
    np.maximum(half, even, out=half)
    np.abs(chunk[2 * CONTEXT_BEFORE : 2 * CONTEXT_BEFORE + size], out=term)
    highest: Floats = np.maximum(half, term, out=half)
    return highest


def _accumulate(total: Floats, values: Floats, weight: np.float32, term: Floats, *, first: bool) -> None:
    """Add `weight * values` to `total`, or store it if `first`; BLAS would round by its number of threads."""
    if first:
        np.multiply(values, weight, out=total)
    else:
        np.multiply(values, weight, out=term)
        np.add(total, term, out=total)
