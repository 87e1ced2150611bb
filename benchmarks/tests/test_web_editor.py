"""How the benchmark of a mix's page counts layout shifts."""

import pytest

from benchmarks.web.editor import layout_shift


@pytest.mark.parametrize(
    ("shifts", "worst"),
    [
        ([], 0.0),
        ([(10.0, 0.04), (10.5, 0.05), (12.0, 0.06)], 0.09),  # a second without a shift ends a burst
        ([(k * 0.9, 0.01) for k in range(12)], 0.06),  # and so do five seconds
    ],
)
def test_the_largest_burst_counts(shifts, worst):
    assert layout_shift(shifts) == pytest.approx(worst)
