"""Pages are compressed if the client accepts it; other responses are not."""

import gzip

import pytest

pytestmark = pytest.mark.django_db


def test_a_page_is_compressed(client):
    answer = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"<h1" in gzip.decompress(answer.content)
    assert len(answer.content) < len(client.get("/").content)


def test_other_responses_are_not_compressed(client):
    answer = client.get("/site.webmanifest", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
