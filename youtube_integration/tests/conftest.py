"""Fixtures: a stand-in for Google, a connected channel, a finished mix."""

import pytest

from youtube_integration.tests.google.discovery import find_faults, is_call
from youtube_integration.tests.publications import connect
from youtube_integration.tests.results import make_result
from youtube_integration.tests.standin import CLIENT_ID, CLIENT_SECRET, StandIn


@pytest.fixture
def google(settings, monkeypatch):
    """A stand-in for Google, with the site's settings pointing to it; its requests are checked at the end."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # google/client.py sets it; undone after the test
    with StandIn() as google:
        for name, value in google.addresses().items():
            setattr(settings, name, value)
        settings.GOOGLE_CLIENT_ID = CLIENT_ID
        settings.GOOGLE_CLIENT_SECRET = CLIENT_SECRET
        settings.PUBLISHING = True
        yield google
        assert [fault for asked in google.log if is_call(asked) for fault in find_faults(asked)] == []


@pytest.fixture
def credential(google, alice):
    """Alice's connected channel."""
    return connect(google, alice)


@pytest.fixture
def job(alice):
    """A finished mix of alice with its video."""
    return make_result(alice)
