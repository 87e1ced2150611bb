"""Arithmetic on curves of 100 values a second: local means, flattening, values at places between samples."""

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.onsets import FPS

Values = NDArray[np.float64]  # shape (n,)


def local_mean(values: Values, width: int) -> Values:
    """Return the mean of the `width` values around each value; fewer at both ends."""
    half = width // 2
    sums = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    index = np.arange(len(values))
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    means: Values = (sums[last] - sums[first]) / (last - first)
    return means


def flatten(curve: NDArray[np.float32]) -> Values:
    """Return the curve without its slow level, scaled to a local strength of 1."""
    values = curve.astype(np.float64)
    values -= local_mean(values, FPS)
    strength = np.sqrt(np.maximum(local_mean(values**2, 8 * FPS), 0.0)) + 0.1 * values.std() + 1e-9
    flat: Values = np.maximum(0.0, values) / strength
    return flat


def at_places(curve: NDArray[np.floating], places: Values) -> Values:
    """Return the values next to places, in frames; the first or last value outside the curve."""
    index = np.clip(np.rint(places).astype(np.int64), 0, len(curve) - 1)
    return curve[index].astype(np.float64)


def tops(curve: NDArray[np.floating], places: Values, reach: int = 2) -> Values:
    """Return the highest value within `reach` frames of each place."""
    index = np.rint(places).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    highest: Values = curve[np.clip(index, 0, len(curve) - 1)].max(axis=1).astype(np.float64)
    return highest


def rise(value: float, lowest: float, enough: float) -> float:
    """Return where a value is from `lowest` (0) to `enough` (1); the order may be either way round."""
    return float(np.clip((value - lowest) / (enough - lowest), 0.0, 1.0))
