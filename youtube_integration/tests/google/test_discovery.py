"""Every request, and every answer of the stand-in, fits YouTube's own API description.

The fixture `google` checks the requests of all tests; here one publication makes a call of every kind.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from youtube_integration.google import client
from youtube_integration.jobs import upload, work
from youtube_integration.tests.google.discovery import find_faults, is_call, method_of
from youtube_integration.tests.publications import (
    ALL_SCOPES,
    BLOCK,
    connect,
    drive,
    give_tokens,
    make_publication,
)
from youtube_integration.tests.standin.state import Asked

CALLS = {
    "youtube.channels.list",
    "youtube.videos.insert",
    "youtube.videos.list",
    "youtube.thumbnails.set",
    "youtube.playlists.list",
    "youtube.playlistItems.list",
    "youtube.playlistItems.insert",
}
LISTING = {"part": "snippet", "playlistId": "PLmixes"}
VIDEO = {"snippet": {"title": "T", "tags": ["a"]}, "status": {"privacyStatus": "private"}}
OPENING = {"part": "snippet,status", "uploadType": "resumable"}
ITEM = {"snippet": {"playlistId": "PLmixes", "resourceId": {"kind": "youtube#video", "videoId": "v1"}}}


def listing(**query):
    return Asked("GET", "/youtube/v3/playlistItems", query=LISTING | query, outcome=200)


def opening(body=VIDEO, **query):
    return Asked("POST", "/upload/youtube/v3/videos", query=OPENING | query, body=body, outcome=200)


@pytest.mark.django_db
def test_a_publication_calls_youtube_as_described(google, alice, monkeypatch):
    monkeypatch.setattr(upload, "CHUNK_BYTES", BLOCK)
    monkeypatch.setattr(work, "MAX_PAUSE_S", 0.0)
    google.fail("chunk", nth=2, is_answer_lost=True)
    google.fail("status", loses_session=True)  # so that the channel is searched
    google.manner.allowed_countries = ("DE",)
    publication = make_publication(
        connect(google, alice, ALL_SCOPES),
        size=BLOCK + 1,
        thumbnail=True,
        playlist="PLmixes",
        playlist_state="wanted",
        tags=["a", "b c"],
        publish_at=timezone.now() + timedelta(days=3),
    )
    drive(publication)
    google.playlists |= {f"PL{number}": f"Number {number}" for number in range(60)}
    client.connect_api(give_tokens(google), lambda tokens: None).playlists()
    calls = [asked for asked in google.log if is_call(asked)]
    assert publication.state == "done"
    assert {method_of(asked)["id"] for asked in calls} == CALLS
    assert [fault for asked in calls for fault in find_faults(asked)] == []


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (Asked("GET", "/youtube/v3/films"), "no method GET /youtube/v3/films"),
        (Asked("DELETE", "/youtube/v3/channels"), "no method DELETE"),
        (Asked("GET", "/youtube/v3/playlistItems"), "part is missing"),
        (listing(maxResult="5"), "maxResult is unknown"),
        (listing(maxResults="51"), "maxResults must not be '51'"),
        (listing(alt="yaml"), "alt must not be 'yaml'"),
        (listing(part="snippet,fileDetails"), "there is no part fileDetails"),
        (opening(uploadType="resume"), "uploadType is wrong"),
        (opening(notifySubscribers="False"), "notifySubscribers must not be 'False'"),
        (opening(part="snippet"), "part is ['snippet'], the body has ['snippet', 'status']"),
        (opening({**VIDEO, "status": {"privacyStatus": "secret"}}), "must not be 'secret'"),
        (opening({**VIDEO, "status": {"madeForChildren": True}}), "madeForChildren is unknown"),
        (opening({**VIDEO, "snippet": {"tags": "a,b"}}), "body.snippet.tags is no array"),
        (opening(None), "a body is missing"),
        (
            Asked("POST", "/youtube/v3/playlistItems", query={"part": "id"}, body=ITEM, outcome=200),
            "part is ['id']",
        ),
    ],
)
def test_the_comparison_finds(asked, fault):
    assert any(fault in found for found in find_faults(asked))


def test_a_correct_request_has_no_faults():
    assert find_faults(listing(maxResults="50")) == find_faults(opening(notifySubscribers="true")) == []
