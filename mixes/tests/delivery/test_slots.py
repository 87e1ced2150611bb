"""Downloads of one user at once: counted while they are sent, refused beyond the limit."""

import pytest

from mixes.services.delivery.ranges import COUNTED_BYTES, ranged_response
from mixes.services.delivery.slots import ARCHIVES, FILES
from mixes.services.delivery.zip_stream import archive_response

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(rf, alice, bob, tmp_path, settings):
    """Ask for a large file, or an archive, as a user who may have two open."""
    settings.LIMITS = type(settings.LIMITS)(downloads_at_once=2, archives_at_once=2)
    path = tmp_path / "long.mp3"
    path.write_bytes(b"x" * (COUNTED_BYTES + 1))

    def ask(kind, user=alice, **headers):
        request = rf.get("/", headers=headers)
        request.user = user
        if kind == "archive":
            return archive_response(request, [b"zip"], {})
        return ranged_response(request, path, content_type="audio/mpeg")

    return ask


@pytest.mark.parametrize(("kind", "slots"), [("file", FILES), ("archive", ARCHIVES)])
def test_a_user_has_a_limit_of_open_downloads(ask, alice, bob, kind, slots):
    first, second, third = (ask(kind) for _ in range(3))
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert third["Retry-After"] == "30" and b"Let one end" in third.content
    assert ask(kind, bob).status_code == 200
    first.close()
    first.close()
    assert ask(kind).status_code == 200 and ask(kind).status_code == 429
    assert slots.count(alice.pk) == 2


def test_small_parts_and_heads_are_not_counted(ask, alice):
    for _ in range(3):
        assert ask("file", Range="bytes=0-99").status_code == 206
    assert FILES.count(alice.pk) == 0


def test_a_server_that_sends_later_keeps_the_download_counted(ask, alice):
    answer = ask("file")
    end = answer.file_to_stream.hold()
    answer.close()
    assert FILES.count(alice.pk) == 1
    end()
    assert FILES.count(alice.pk) == 0
