"""Helpers that act as the browser between the site and Google."""

from urllib.parse import urlsplit

import requests
from django.contrib.messages import get_messages
from django.urls import reverse

from youtube_integration.models import YouTubeCredential


def follow_google(address):
    """Follow Google's consent page and return the path it redirects to."""
    back = requests.get(address, allow_redirects=False, timeout=10)
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["Location"])
    return f"{parts.path}?{parts.query}"


def begin(client, **form):
    """Press Connect; return the path Google redirects to."""
    return follow_google(client.post(reverse("youtube:connect"), form).url)


def connect(client, **form):
    """Connect a channel; return the site's message."""
    return words_of(client.get(begin(client, **form)))


def words_of(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def connected(user, client):
    connect(client)
    return YouTubeCredential.objects.get(user=user)
