"""The loudness of a finished mix over time, and what was found at its joins."""

import pytest

from mixes.pages.check_report import join_reports
from mixes.pages.loudness_picture import markers_of, picture_of, range_of

FINDING = {
    "part": "hole",
    "points": 3.0,
    "at_s": 62.0,
    "length_s": 8.0,
    "what": "“B” begins very quietly for 8 s (up to 12 LU under both songs).",
    "way_out": "Let “B” begin earlier, or trim it.",
}


def join(points, at_s=62.0, dip_lu=2.0):
    findings = [{**FINDING, "at_s": at_s}, {**FINDING, "what": "Much is lost.", "way_out": "-"}]
    return {"title": "B", "points": points, "dip_lu": dip_lu, "findings": findings}


def sheet(*joins, curve=(-14.0, -15.0, -24.0, -14.0), step_s=1.0):
    return {"joins": joins, "curve_lufs": curve, "curve_step_s": step_s}


def test_the_curve_runs_through_the_middle_of_what_it_measured():
    picture = picture_of(sheet(), 6.0)
    assert picture.line.startswith("M400.0 20.0L600.0 25.0L800.0 70.0L1000.0 20.0")
    assert picture.area == f"{picture.line}V100H400.0Z"
    assert [(level.percent, level.label) for level in picture.levels] == [(50.0, "\u221220")]


def test_silence_is_drawn_at_the_bottom():
    picture = picture_of(sheet(curve=(-14.0, -70.0)), 6.0)
    assert "600.0 100.0" in picture.line


@pytest.mark.parametrize(
    ("curve", "expected"),
    [((-14.0, -15.0), (-10, -30)), ((-9.0, -70.0), (0, -40)), ((-10.5, -33.0), (-10, -40))],
)
def test_the_range_holds_the_music(curve, expected):
    assert range_of(curve) == expected


def test_a_sheet_without_a_curve_has_no_picture():
    assert picture_of({"joins": [{"dip_lu": 1.0}]}, 60.0) is None
    assert picture_of(sheet(curve=(-14.0,)), 3.0) is None


def test_joins_are_listed_from_what_a_listener_may_notice_on():
    reports = join_reports(sheet(join(0.9), join(1.5, 80.0), join(3.0), join(None), join(0.2, dip_lu=6.0)))
    assert [(report.place, report.is_fault) for report in reports] == [(1, False), (2, True), (4, False)]
    assert reports[0].hear_s == 77.0
    assert reports[1].text == (
        "“B” begins very quietly for 8 s (up to 12 LU under both songs). Much is lost. "
        "Let “B” begin earlier, or trim it."
    )


def test_markers_that_are_near_have_rows_of_their_own():
    joins = [join(3.0, at_s) for at_s in (100.0, 120.0, 140.0, 500.0)]
    markers = markers_of(join_reports(sheet(*joins)), 1000.0)
    assert [marker.row for marker in markers] == [0, 1, 2, 0]
    assert [marker.number for marker in markers] == [1, 2, 3, 4]
    assert markers[3].percent == 50.0
