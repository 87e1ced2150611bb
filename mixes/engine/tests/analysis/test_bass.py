"""The curve of bass: its level, and what is no bass."""

import numpy as np
import pytest

from mixes.engine.analysis.bass import BassMeter

RATE = 44_100


def curve_of(hertz, seconds=6):
    """Return the curve of a sine of amplitude 0.5, that is -9 dB."""
    sine = 0.5 * np.sin(2 * np.pi * hertz * np.arange(seconds * RATE) / RATE)
    meter = BassMeter(RATE)
    for block in np.array_split(np.repeat(sine[:, None], 2, axis=1).astype(np.float32), 7):
        meter.push(np.ascontiguousarray(block))
    return meter.curve_db()


@pytest.mark.parametrize("hertz", [40, 60, 90])
def test_bass_has_its_level_every_second(hertz):
    curve = curve_of(hertz)
    assert len(curve) in (5, 6)
    assert curve[1:] == pytest.approx([-9.0] * (len(curve) - 1), abs=0.5)


@pytest.mark.parametrize("hertz", [400, 2000, 10_000])
def test_what_is_higher_is_no_bass(hertz):
    assert max(curve_of(hertz)[1:]) < -45
