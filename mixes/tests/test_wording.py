"""Numbers in words as pages show them."""

import pytest

from mixes.services.wording import long_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4 * 3600, "4 hours"), (3600, "1 hour"), (5400, "90 minutes"), (60, "1 minute"), (7229.0, "2 hours")],
)
def test_a_limit_is_shown_in_hours_or_minutes(seconds, words):
    assert long_words(seconds) == words
