"""What a browser does between the site and Google, for tests that need no real one."""

from urllib.parse import urlsplit

import requests
from django.contrib.messages import get_messages
from django.urls import reverse

from youtube_integration.models import YouTubeCredential


def follow_google(address):
    """Go to Google and return the path that it sends the browser back to."""
    back = requests.get(address, allow_redirects=False, timeout=10)
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["Location"])
    return f"{parts.path}?{parts.query}"


def begin(client, **form):
    """Press Connect; return where Google sends the browser back to."""
    return follow_google(client.post(reverse("youtube:connect"), form).url)


def connect(client, **form):
    """Connect a channel; return what the site says of it."""
    return words_of(client.get(begin(client, **form)))


def words_of(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def connected(user, client):
    connect(client)
    return YouTubeCredential.objects.get(user=user)
