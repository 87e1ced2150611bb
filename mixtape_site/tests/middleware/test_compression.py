"""Pages come compressed to whoever takes that; what is not a page comes as it is."""

import gzip

import pytest

pytestmark = pytest.mark.django_db


def test_a_page_is_compressed(client):
    answer = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"<h1" in gzip.decompress(answer.content)
    assert len(answer.content) < len(client.get("/").content)


def test_other_answers_are_left_as_they_are(client):
    answer = client.get("/site.webmanifest", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
