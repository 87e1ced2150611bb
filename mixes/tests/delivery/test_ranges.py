"""Range and conditional requests as players and download managers send them."""

import os

import pytest
from django.http import Http404, StreamingHttpResponse
from django.test import RequestFactory

from mixes.services.delivery.ranges import BLOCK_BYTES, ranged_response

CONTENT = bytes(range(100))
MODIFIED_S = 1_700_000_000
MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:21 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"
OWN_TAG = '"abc"'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "sound.mp3"
    path.write_bytes(CONTENT)
    os.utime(path, (MODIFIED_S, MODIFIED_S))
    return path


def ask(path, method="get", *, options=None, **headers):
    request = getattr(RequestFactory(), method)(
        "/", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return ranged_response(request, path, content_type="audio/mpeg", etag="abc", **(options or {}))


def body(response):
    return b"".join(response) if isinstance(response, StreamingHttpResponse) else response.content


@pytest.mark.parametrize(
    ("wanted", "status", "content_range", "content"),
    [
        (None, 200, None, CONTENT),
        ("bytes=0-", 206, "bytes 0-99/100", CONTENT),
        ("bytes=0-0", 206, "bytes 0-0/100", CONTENT[:1]),
        ("bytes=10-19", 206, "bytes 10-19/100", CONTENT[10:20]),
        ("BYTES=10-19", 206, "bytes 10-19/100", CONTENT[10:20]),
        ("bytes= 10 - 19 ", 206, "bytes 10-19/100", CONTENT[10:20]),
        ("bytes=90-", 206, "bytes 90-99/100", CONTENT[90:]),
        ("bytes=99-", 206, "bytes 99-99/100", CONTENT[99:]),
        ("bytes=90-500", 206, "bytes 90-99/100", CONTENT[90:]),
        ("bytes=-1", 206, "bytes 99-99/100", CONTENT[99:]),
        ("bytes=-30", 206, "bytes 70-99/100", CONTENT[70:]),
        ("bytes=-500", 206, "bytes 0-99/100", CONTENT),
        ("bytes=100-", 416, "bytes */100", b""),
        ("bytes=100-200", 416, "bytes */100", b""),
        ("bytes=999999999999999999-", 416, "bytes */100", b""),
        ("bytes=-0", 416, "bytes */100", b""),
        # malformed or multiple ranges are ignored
        ("bytes=19-10", 200, None, CONTENT),
        ("bytes=0-1,5-6", 200, None, CONTENT),
        ("bytes=-", 200, None, CONTENT),
        ("bytes=", 200, None, CONTENT),
        ("bytes=a-b", 200, None, CONTENT),
        ("bytes=1-2-3", 200, None, CONTENT),
        ("bytes=" + "9" * 5000 + "-", 200, None, CONTENT),
        ("bytes=\u0661-\u0662", 200, None, CONTENT),
        ("seconds=1-2", 200, None, CONTENT),
        ("items=0-5", 200, None, CONTENT),
    ],
)
def test_ranges_are_answered_as_the_standard_says(path, wanted, status, content_range, content):
    response = ask(path, Range=wanted) if wanted else ask(path)
    assert response.status_code == status
    assert response.headers.get("Content-Range") == content_range
    assert body(response) == content
    if status != 416:
        assert response["Content-Length"] == str(len(content))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": OWN_TAG}, 304),
        ({"If_None_Match": '"other", "abc"'}, 304),
        ({"If_None_Match": 'W/"abc"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_None_Match": '"other"', "If_Modified_Since": LATER}, 200),  # ETags take precedence
        ({"If_None_Match": OWN_TAG, "Range": "bytes=0-1"}, 304),
        ({"If_Modified_Since": MODIFIED}, 304),
        ({"If_Modified_Since": LATER}, 304),
        ({"If_Modified_Since": EARLIER}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"Range": "bytes=0-1", "If_Range": OWN_TAG}, 206),
        ({"Range": "bytes=0-1", "If_Range": '"other"'}, 200),
        ({"Range": "bytes=0-1", "If_Range": 'W/"abc"'}, 200),
        ({"Range": "bytes=0-1", "If_Range": MODIFIED}, 206),
        ({"Range": "bytes=0-1", "If_Range": LATER}, 200),
        ({"Range": "bytes=0-1", "If_Range": "yesterday"}, 200),
        ({"Range": "bytes=100-", "If_Range": '"other"'}, 200),
    ],
)
def test_conditions_are_answered_as_the_standard_says(path, headers, status):
    response = ask(path, **headers)
    assert response.status_code == status
    assert body(response) == {304: b"", 206: CONTENT[:2], 200: CONTENT}[status]


def test_head_returns_the_whole_length_without_a_body(path):
    for headers in ({}, {"Range": "bytes=0-1"}):
        response = ask(path, "head", **headers)
        assert (response.status_code, response["Content-Length"], body(response)) == (200, "100", b"")


@pytest.mark.parametrize(
    "headers", [{}, {"Range": "bytes=5-"}, {"Range": "bytes=100-"}, {"If_None_Match": "*"}]
)
def test_every_response_is_private_and_nosniff(path, headers):
    response = ask(path, **headers)
    assert response["Cache-Control"] == "private"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == OWN_TAG
    assert response["Last-Modified"] == MODIFIED
    assert response["Content-Type"] == "audio/mpeg"


@pytest.mark.parametrize(
    ("options", "disposition"),
    [
        ({}, None),
        ({"filename": "mix.mp3"}, 'inline; filename="mix.mp3"'),
        ({"filename": "mix.mp3", "as_attachment": True}, 'attachment; filename="mix.mp3"'),
        (
            {"filename": "夜の道.mp3", "as_attachment": True},
            "attachment; filename*=utf-8''%E5%A4%9C%E3%81%AE%E9%81%93.mp3",
        ),
        ({"filename": 'a"b.mp3', "as_attachment": True}, 'attachment; filename="a\\"b.mp3"'),
    ],
)
def test_downloads_carry_their_names(path, options, disposition):
    assert ask(path, options=options).headers.get("Content-Disposition") == disposition


def test_the_default_etag_is_built_from_size_and_time(path):
    def tag():
        return ranged_response(RequestFactory().get("/"), path, content_type="text/plain")["ETag"]

    before = tag()
    assert tag() == before and before.startswith('"')
    os.utime(path, (MODIFIED_S + 1, MODIFIED_S + 1))
    assert tag() != before


def test_the_file_is_closed_with_the_response(path):
    response = ask(path, Range="bytes=0-1")
    (close,) = response._resource_closers  # response.close() without its database signal
    file = close.__self__._file
    assert not file.closed
    close()
    assert file.closed


def test_long_files_are_sent_in_blocks(tmp_path):
    path = tmp_path / "long.mp4"
    path.write_bytes(b"x" * (2 * BLOCK_BYTES + 5))
    assert [len(block) for block in ask(path)] == [BLOCK_BYTES, BLOCK_BYTES, 5]


def test_an_empty_file_is_sent_as_it_is(tmp_path):
    path = tmp_path / "empty.cue"
    path.touch()
    assert (ask(path).status_code, body(ask(path))) == (200, b"")
    assert ask(path, Range="bytes=0-").status_code == 416


def test_a_missing_file_is_not_found_and_the_page_says_what_to_do(tmp_path):
    with pytest.raises(Http404, match="make it again"):
        ask(tmp_path / "gone.mp3")


def test_nginx_sends_media_files_when_the_site_is_set_up_for_it(path, settings):
    settings.MEDIA_ROOT, settings.ACCEL_PREFIX = path.parent, "/mixtape-media/"
    path = path.rename(path.with_name("soft sound.mp3"))
    response = ask(path, Range="bytes=10-19", options={"filename": "mix.mp3", "as_attachment": True})
    assert response.status_code == 200 and response.content == b""  # nginx reads the range itself
    assert response["X-Accel-Redirect"] == "/mixtape-media/soft%20sound.mp3"
    assert response["Content-Type"] == "audio/mpeg"
    assert response["Content-Disposition"] == 'attachment; filename="mix.mp3"'
    settings.MEDIA_ROOT = path.parent / "elsewhere"
    assert "X-Accel-Redirect" not in ask(path).headers
