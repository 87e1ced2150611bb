"""Sessions are listed with the name of their browser."""

import pytest

from accounts.templatetags.browsers import browser_name

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (CHROME, "Chrome on Linux"),
        (f"{CHROME} Edg/141.0.0.0", "Edge on Linux"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Android 16; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "Firefox on Android"),
        ("curl/8.16.0", "curl/8.16.0"),
        ("", "Unknown browser"),
    ],
)
def test_a_user_agent_gets_a_readable_name(user_agent, words):
    assert browser_name(user_agent) == words
