"""Times as they are shown, and as users type them."""

import pytest

from mixes.engine.timestamps import format_clock, parse_clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("83.5", 83.5),
        ("1:23.45", 83.45),
        (" 2:30 ", 150.0),
        ("1:01:23", 3683.0),
        ("0:07,25", 7.25),
        ("90:00", 5400.0),
    ],
)
def test_times_are_read_in_any_usual_form(text, seconds):
    assert parse_clock(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1", "1:", ":30", "1:2:3:4", "nan", "1e3", "2 min"])
def test_what_is_no_time_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="minutes and seconds"):
        parse_clock(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0:00.00"), (83.456, "1:23.46"), (3683.0, "61:23.00")])
def test_times_are_shown_in_hundredths(seconds, text):
    assert format_clock(seconds) == text
