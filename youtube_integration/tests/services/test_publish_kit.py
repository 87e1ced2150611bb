"""The publish kit, which needs no Google: its files, its streaming, its page."""

import io
import zipfile

import pytest

from mixes.leases import State
from mixes.services import storage
from mixes.tests.factories import make_job_row, make_mix_row
from youtube_integration.services import publish_kit, thumbnails
from youtube_integration.tests.pages.test_publish_pages import text_of, url
from youtube_integration.tests.results import VIDEO, video_of

pytestmark = pytest.mark.django_db


def test_the_kit_has_all_files_byte_by_byte(as_alice, job):
    answer = as_alice.get(url("kit_zip", job))
    sent = b"".join(answer)
    assert answer["Content-Length"] == str(len(sent)) and answer["Content-Type"] == "application/zip"
    assert "filename*=utf-8''evenings-in-the-n%C3%B6rth-youtube.zip" in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(sent)) as archive:
        assert archive.testzip() is None
        files = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert files.pop("evenings-in-the-nörth.mp4") == VIDEO
    assert files.pop("thumbnail.jpg") == as_alice.get(url("thumbnail", job)).content
    assert files.pop("description.txt") == "Nörth\n\n0:00 A\n1:00 B\n2:00 C\n".encode()
    assert files.pop("title.txt") == "Evenings in the Nörth\n".encode()
    assert files.pop("tags.txt").decode() == "Evenings in the Nörth, mix, mixtape, music, Band\n"
    assert list(files) == ["README.txt"]


def test_the_announced_length_is_exact_at_any_size(monkeypatch, job):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 3000)  # as if the files were gigabytes
    with_long_numbers = publish_kit.Kit(job)
    assert with_long_numbers.length == len(b"".join(with_long_numbers))


def test_the_kit_is_streamed(job):
    with storage.path_of(video_of(job).file).open("r+b") as video:
        video.truncate(64 << 20)
    pieces = [len(piece) for piece in publish_kit.Kit(job)]
    assert sum(pieces) > 64 << 20 and max(pieces) < 3 << 20


def test_the_page_of_the_kit_has_all_texts_to_copy(as_alice, job):
    page = text_of(as_alice.get(url("kit", job)))
    for wanted in ("kit-title-text", "kit-description-text", "kit-tags-text", url("kit_zip", job)):
        assert wanted in page
    assert page.count("<copy-button") == 3


def test_a_kit_without_a_result_has_texts_only(as_alice, alice):
    job = make_job_row(make_mix_row(alice, make_mp4=True), State.RUNNING)
    assert "0:00 " in text_of(as_alice.get(url("kit", job)))
    assert as_alice.get(url("kit_zip", job)).status_code == 404


def test_a_kit_with_a_deleted_video_is_refused(as_alice, job):
    storage.path_of(video_of(job).file).unlink()
    assert as_alice.get(url("kit_zip", job)).status_code == 404


def test_thumbnail_and_kit_are_drawn_once_and_never_for_their_heads(as_alice, job, monkeypatch):
    drawn = []
    draw = thumbnails.draw_thumbnail
    monkeypatch.setattr(thumbnails, "draw_thumbnail", lambda job: drawn.append(job) or draw(job))
    for name in ("thumbnail", "kit_zip"):
        answer = as_alice.head(url(name, job))
        assert answer.status_code == 200 and answer.content == b""
    assert drawn == []
    pictures = [as_alice.get(url("thumbnail", job)).content for _ in range(3)]
    b"".join(as_alice.get(url("kit_zip", job)))
    assert drawn == [job] and len(set(pictures)) == 1
    job.title = "Another name"
    job.save()
    assert as_alice.get(url("thumbnail", job)).content != pictures[0]
    assert len(drawn) == 2


def test_the_picture_is_not_drawn_twice(as_alice, job):
    answer = as_alice.get(url("thumbnail", job))
    again = as_alice.get(url("thumbnail", job), headers={"If-None-Match": answer["ETag"]})
    assert (answer["Content-Type"], again.status_code, again.content) == ("image/jpeg", 304, b"")
