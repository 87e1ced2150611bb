"""Google client: request bodies, upload sessions, tokens, errors and imports."""

import ast
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mixes.engine.errors import Cancelled
from youtube_integration.google import client
from youtube_integration.google.request_bodies import FileWindow, SingleReadBody
from youtube_integration.google.responses import read_refusal, read_session
from youtube_integration.google.types import (
    FileChanged,
    GrantLost,
    Refused,
    SessionState,
    Unreachable,
    VideoDetails,
)
from youtube_integration.tests.publications import ALL_SCOPES, give_tokens

DETAILS = VideoDetails("T", "D", ("a", "b c"), altered_content=True, notify_subscribers=False)


@pytest.fixture
def api(google):
    return client.connect_api(give_tokens(google, ALL_SCOPES), lambda tokens: None)


def test_a_body_is_read_once_and_again_only_after_a_seek():
    body = SingleReadBody(b"abcdef")
    assert [body.read(4), body.read(4), body.read(4)] == [b"abcd", b"ef", b""]
    with pytest.raises(ConnectionResetError):
        body.read(4)
    body.seek(0)
    assert body.read() == b"abcdef"


def test_a_window_shows_its_part_of_a_file_and_stops_when_asked():
    stops, reported = [], []
    window = FileWindow(io.BytesIO(b"0123456789"), 3, 5, lambda: bool(stops), reported.append)
    assert (len(window), window.read(2), window.read(9), window.read(9)) == (5, b"34", b"567", b"")
    assert reported == [0, 2, 5]
    stops.append(True)
    window.seek(0)
    with pytest.raises(Cancelled):
        window.read(1)


def test_a_file_that_shrank_is_not_sent():
    with pytest.raises(FileChanged):
        FileWindow(io.BytesIO(b"0123"), 2, 5, lambda: False, lambda sent: None).read(5)


def test_a_session_is_opened_with_all_details_of_the_video(google, api):
    api.open_session(DETAILS, size=7, file_name="mixtape-1.mp4")
    (session,) = google.sessions.values()
    assert session.resource == {
        "snippet": {"title": "T", "description": "D", "tags": ["a", "b c"], "categoryId": "10"},
        "status": {
            "privacyStatus": "private",
            "selfDeclaredMadeForKids": False,
            "containsSyntheticMedia": True,
        },
    }
    assert (session.size, session.file_name) == (7, "mixtape-1.mp4")


def test_a_session_url_of_another_host_is_refused(google, api):
    place = google.base
    google.base = "http://127.0.0.2:9"
    with pytest.raises(Refused, match="foreignSession"):
        api.open_session(DETAILS, size=7, file_name="x.mp4")
    google.base = place


def test_stopping_ends_a_chunk_at_once(google, api):
    address = api.open_session(DETAILS, size=2**24, file_name="x.mp4")
    google.fail("chunk", pause_s=0.1)  # the whole chunk would take 25 s
    until_s = time.monotonic() + 0.3
    file = io.BytesIO(bytes(2**24))
    with pytest.raises(Cancelled):
        api.send_chunk(
            address,
            file,
            offset=0,
            length=2**24,
            size=2**24,
            should_stop=lambda: time.monotonic() > until_s,
        )
    assert time.monotonic() - until_s < 2.0
    assert api.query_session(address, size=2**24).offset < 2**24  # on another connection


def test_a_refresh_is_reported_and_the_chunk_sent_whole(google):
    reported = []
    api = client.connect_api(give_tokens(google), reported.append)
    address = api.open_session(DETAILS, size=9, file_name="x.mp4")
    google.expire_tokens()
    whole = {"offset": 0, "length": 9, "size": 9, "should_stop": lambda: False}
    state = api.send_chunk(address, io.BytesIO(b"123456789"), **whole)
    assert state.offset == 9 and state.video_id in google.videos
    assert [tokens.access in google.access for tokens in reported] == [True]
    assert "ya29" not in repr(reported)


def test_an_old_token_is_refreshed_before_it_is_used(google):
    tokens = give_tokens(google)
    fresh = client.refresh(tokens)
    assert fresh.access != tokens.access and fresh.access in google.access
    assert fresh.refresh == tokens.refresh and fresh.expires_at.utcoffset() is not None
    google.end_grants()
    with pytest.raises(GrantLost, match="invalid_grant"):
        client.refresh(tokens)


def test_revoking_succeeds_also_for_a_token_google_no_longer_knows(google):
    tokens = give_tokens(google)
    assert client.revoke(tokens.refresh) and client.revoke(tokens.refresh)
    google.fail("revoke", status=503, reason="backendError")
    with pytest.raises(Unreachable):
        client.revoke(tokens.refresh)


def test_a_server_that_is_down_is_unreachable(google, settings):
    settings.YOUTUBE_ROOT_URL = "http://127.0.0.1:9"
    api = client.connect_api(give_tokens(google), lambda tokens: None)
    with pytest.raises(Unreachable):
        api.channel()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({}, SessionState(0)),
        ({"range": "bytes=0-0"}, SessionState(1)),
        ({"range": "bytes=0-524287"}, SessionState(524288)),
        ({"range": "nonsense"}, SessionState(0)),
    ],
)
def test_a_session_answer_is_parsed(answer, state):
    assert read_session(308, answer, b"", 9) == state


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"error": "x"}', b'{"error": {"errors": []}}', b"null"]
)
def test_an_error_without_googles_format_keeps_its_status(content):
    error = read_refusal(502, {}, content)
    assert (error.status, error.reason) == (502, "")


def test_the_reason_and_the_limit_are_read_from_the_details_of_an_error():
    info = {"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": "defaultPerMinutePerProject"}}
    details = [{"@type": "type.googleapis.com/google.rpc.Help", "links": []}, info]
    error = read_refusal(403, {}, json.dumps({"error": {"message": "M", "details": details}}).encode())
    assert (error.reason, error.message) == ("RATE_LIMIT_EXCEEDED", "M")
    assert error.limit == "defaultPerMinutePerProject"


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b"[]", b"null", b'{"id": ""}', b'{"id": 1}'])
def test_a_success_without_a_video_is_no_answer(content):
    with pytest.raises(Unreachable):
        read_session(200, {}, content, 9)


@pytest.mark.parametrize("count", [0, 5, 50, 51, 121])
def test_all_playlists_are_listed(google, api, count):
    google.playlists = {f"PL{number}": f"Number {number}" for number in range(count)}
    assert [(one.id, one.title) for one in api.playlists()] == list(google.playlists.items())


@pytest.mark.parametrize("content", ["", "<html>", "[]", "{}", "null"])
def test_a_call_without_an_answer_is_unreachable(google, api, content):
    google.fail("channels", content=content)
    with pytest.raises(Unreachable):
        api.channel()


def test_nothing_else_imports_googles_libraries():
    libraries = {"google", "googleapiclient", "google_auth_httplib2", "google_auth_oauthlib", "httplib2"}
    libraries |= {"requests", "oauthlib", "requests_oauthlib"}
    root = Path(client.__file__).parents[1]
    importers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "tests" not in path.parts and imported_by(path) & libraries
    }
    assert importers == {"google/client.py"}


def imported_by(path):
    """Return the top-level names of the modules that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def test_a_process_that_does_not_publish_does_not_load_googles_libraries():
    """They take 40 MB; URLs and system checks must not import them."""
    code = (
        "import django, sys; django.setup(); from django.core.management import call_command; "
        "call_command('check'); sys.exit('googleapiclient' in sys.modules or 'google.auth' in sys.modules)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "mixtape_site.settings"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
