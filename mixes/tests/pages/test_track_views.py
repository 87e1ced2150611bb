"""The library's pages: what they show, who may see them, what they do."""

import os
import re
import time
import uuid

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.utils import timezone

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.forms.tracks import prefix_of
from mixes.models import AnalysisJob, MixTrack, Track, Upload
from mixes.pages.track_list import is_moving
from mixes.services import storage
from mixes.services.library import tracks, uploads
from mixes.tests.factories import make_mix_row, make_track_row

HTMX = {"HX-Request": "true"}
PAGES = ["", "row/", "original/"]
ACTIONS = ["delete/", "retry/"]


@pytest.fixture
def track(alice):
    track = make_track_row(alice, "Elvish Theme", artist="Wesnoth", name="05 elvish.mp3")
    path = storage.path_of(track.file)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"as it came")
    return track


def names(response):
    return re.findall(r'<div class="track-name">\s*<strong>(.*?)</strong>', response.content.decode())


def test_the_library_shows_what_a_track_is_and_where_it_is_used(as_alice, alice, track):
    make_mix_row(alice, "Evenings", [track])
    page = as_alice.get("/tracks/").content.decode()
    for words in ("Elvish Theme", "Wesnoth", "3:00", "LUFS, loud", "Evenings", track.waveform["peaks"]):
        assert words.replace("LUFS, loud", "LUFS") in page
    assert "of your 20.0\xa0GB are used" in page
    assert 'hx-trigger="every 2s"' not in page


def test_an_empty_library_says_what_to_do(as_alice):
    page = as_alice.get("/tracks/").content.decode()
    assert "No tracks yet" in page
    (field,) = re.findall(r"<input[^>]*upload-files[^>]*>", page)
    assert all(
        word in field for word in ('type="file"', 'name="files"', " multiple", 'accept="audio/*,.mp3,')
    )


def test_tracks_are_found_by_any_of_their_names(as_alice, alice, track):
    make_track_row(alice, "Battle Epic", artist="Wesnoth", album="Soundtrack")
    assert names(as_alice.get("/tracks/?q=wesnoth elv")) == ["Elvish Theme"]
    assert names(as_alice.get("/tracks/?q=soundtr")) == ["Battle Epic"]
    assert names(as_alice.get("/tracks/?q=05")) == ["Elvish Theme"]
    assert "No track matches “&lt;b&gt;”" in as_alice.get("/tracks/?q=<b>").content.decode()


def test_tracks_can_be_sorted(as_alice, alice):
    for title, seconds in (("B", 100), ("C", 300), ("a", 200)):
        make_track_row(alice, title, seconds)
    make_track_row(alice, "Later", state="listening")
    assert names(as_alice.get("/tracks/?order=title")) == ["a", "B", "C", "Later"]
    assert names(as_alice.get("/tracks/?order=longest")) == ["C", "a", "B", "Later"]
    assert names(as_alice.get("/tracks/?order=newest")) == names(as_alice.get("/tracks/?order=; drop"))


def test_the_library_comes_in_pages(as_alice, alice):
    for _ in range(tracks.PAGE_SIZE + 3):
        make_track_row(alice)
    assert len(names(as_alice.get("/tracks/"))) == tracks.PAGE_SIZE
    assert len(names(as_alice.get("/tracks/?page=2"))) == 3
    assert len(names(as_alice.get("/tracks/?page=nine"))) == tracks.PAGE_SIZE


def test_a_longer_library_costs_no_more_queries(as_alice, alice, django_assert_num_queries):
    make_mix_row(alice, tracks=2)
    make_track_row(alice, state="listening")
    uploads.create_upload(alice, "x.mp3", 10, mix=None)
    as_alice.get("/tracks/")
    with django_assert_num_queries(10):
        as_alice.get("/tracks/")
    make_mix_row(alice, tracks=20)
    for _ in range(5):
        make_track_row(alice, state="listening")
        uploads.create_upload(alice, "x.mp3", 10, mix=None)
    with django_assert_num_queries(10):
        as_alice.get("/tracks/")


def test_htmx_gets_only_the_list_and_history_restores_get_the_page(as_alice, track):
    part = as_alice.get("/tracks/", headers=HTMX)
    assert part.content.lstrip().startswith(b'<track-list id="track-list"')
    assert "HX-Request" in part["Vary"]
    whole = as_alice.get("/tracks/", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert whole.content.lstrip().startswith(b"<!DOCTYPE html>")


def test_untrusted_names_are_escaped(as_alice, alice):
    make_track_row(alice, '<script>alert("x")</script>', artist="' onmouseover=x")
    page = as_alice.get("/tracks/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# States


def test_rows_poll_only_while_work_is_pending(as_alice, alice):
    upload = uploads.create_upload(alice, "x.mp3", 1_000, mix=None)
    page = as_alice.get("/tracks/").content.decode()
    assert "Waiting for its file" in page
    assert "every 2s" not in page
    storage.upload_path(upload.pk).write_bytes(b"x" * 400)
    page = as_alice.get("/tracks/").content.decode()
    assert "Uploading 40 %" in page
    assert f"track={upload.track_id}" in page
    assert "every 2s" in page


def test_states_report_changes_and_polling_stops_at_the_end(as_alice, alice):
    listening = make_track_row(alice, state="listening")
    AnalysisJob.objects.create(
        owner=alice, track=listening, version=ANALYSIS_VERSION, queue="short", progress=420, dedupe_key="x"
    )
    address = f"/tracks/states/?track={listening.pk}"
    answer = as_alice.get(address, headers=HTMX).content.decode()
    assert "Listening, 42 %" in answer
    assert "every 2s" in answer
    Track.objects.filter(pk=listening.pk).update(state="refused", problem="It is silent.")
    answer = as_alice.get(address, headers=HTMX).content.decode()
    assert "It is silent." in answer
    assert "Retry" in answer
    assert "every 2s" not in answer


def test_a_deleted_track_leaves_the_list(as_alice, as_bob, track):
    gone = uuid.uuid4()
    answer = as_alice.get(f"/tracks/states/?track={gone}&track=nonsense", headers=HTMX).content.decode()
    assert f'<div id="track-{gone}" hx-swap-oob="delete">' in answer
    assert "Elvish" not in as_bob.get(f"/tracks/states/?track={track.pk}", headers=HTMX).content.decode()


def test_an_interrupted_upload_can_be_removed_without_scripts(as_alice, as_bob, alice):
    upload = uploads.create_upload(alice, "x.mp3", 1_000, mix=None)
    address = f"/uploads/{upload.pk}/remove/"
    assert address in as_alice.get("/tracks/").content.decode()
    assert as_bob.post(address).status_code == 404
    assert as_alice.get(address).status_code == 405
    assert as_alice.post(address).headers["Location"] == "/tracks/"
    assert not Upload.objects.exists()
    assert as_alice.post(address).status_code == 404


# Names


def edit(client, track, title="New", number="3", **headers):
    prefix = f"t{track.pk.hex[:8]}"
    fields = {"title": title, "artist": " Some\u202ebody ", "album": "", "track_number": number}
    data = {f"{prefix}-{name}": value for name, value in fields.items()}
    return client.post(f"/tracks/{track.pk}/", data, headers=headers)


def test_names_are_edited_on_a_page_of_their_own(as_alice, track):
    assert b'value="Elvish Theme"' in as_alice.get(f"/tracks/{track.pk}/").content
    assert edit(as_alice, track).headers["Location"] == "/tracks/"
    track.refresh_from_db()
    assert (track.title, track.artist, track.track_number, track.tags_edited) == ("New", "Somebody", 3, True)


def test_names_edited_from_a_mix_lead_back_to_its_row(as_alice, alice, track):
    mix = make_mix_row(alice, "Evenings", [track])
    item = MixTrack.objects.get(mix=mix)
    address = f"/tracks/{track.pk}/?mix={mix.pk}&row={item.pk}"
    assert address.replace("&", "&amp;") in as_alice.get(f"/mixes/{mix.pk}/").content.decode()
    back = f"/mixes/{mix.pk}/#row-{item.pk}"
    assert f'href="{back}"' in as_alice.get(address).content.decode()
    form = {f"{prefix_of(track)}-title": "Elvish Dance"}
    assert as_alice.post(address, form).url == back


@pytest.mark.parametrize("query", ["", "?mix=https://example.org/", "?mix=//example.org"])
def test_names_edited_from_anywhere_else_lead_to_the_library(as_alice, track, query):
    form = {f"{prefix_of(track)}-title": "Elvish Dance"}
    assert as_alice.post(f"/tracks/{track.pk}/{query}", form).url == "/tracks/"


def test_names_are_edited_in_place(as_alice, track):
    form = as_alice.get(f"/tracks/{track.pk}/", headers=HTMX).content.decode()
    assert form.lstrip().startswith(f'<li class="track-row is-open" id="track-{track.pk}">')
    row = edit(as_alice, track, **HTMX).content.decode()
    assert f'<li class="track-row" id="track-{track.pk}">' in " ".join(row.split())
    assert "<strong>New</strong>" in row
    assert b"<strong>New</strong>" in as_alice.get(f"/tracks/{track.pk}/row/", headers=HTMX).content


@pytest.mark.parametrize(
    ("title", "number"), [("", "1"), ("\u200b", "1"), ("T", "0"), ("T", "10000"), ("T", "x")]
)
def test_invalid_names_are_reported(as_alice, track, title, number):
    for headers in ({}, HTMX):
        response = edit(as_alice, track, title, number, **headers)
        assert response.status_code == 422
        assert b"errorlist" in response.content
    track.refresh_from_db()
    assert track.title == "Elvish Theme"


# Bin


def test_a_track_that_no_mix_uses_goes_to_the_bin_at_once(as_alice, track):
    response = as_alice.post(f"/tracks/{track.pk}/delete/")
    assert response.headers["Location"] == "/tracks/"
    track.refresh_from_db()
    assert track.deleted_at
    assert names(as_alice.get("/tracks/")) == []
    assert storage.path_of(track.file).exists()


def test_deleting_a_used_track_first_lists_its_mixes(as_alice, alice, track):
    mix = make_mix_row(alice, "Evenings", [make_track_row(alice), track])
    question = as_alice.post(f"/tracks/{track.pk}/delete/")
    assert b"Evenings" in question.content
    assert MixTrack.objects.filter(mix=mix).count() == 2
    as_alice.post(f"/tracks/{track.pk}/delete/", {"confirmed": "1"})
    assert [item.position for item in MixTrack.objects.filter(mix=mix)] == [0]
    assert Track.objects.get(pk=track.pk).deleted_at


def test_deleting_in_place_removes_the_row_and_shows_a_toast(as_alice, track):
    response = as_alice.post(f"/tracks/{track.pk}/delete/", headers=HTMX)
    assert b"is in the bin" in response.content
    assert b"<li" not in response.content


def test_a_track_is_restored_from_the_bin(as_alice, as_bob, track):
    tracks.bin_track(track)
    address = f"/tracks/{track.pk}/restore/"
    assert as_bob.post(address).status_code == 404
    assert as_alice.get(address).status_code == 405
    assert as_alice.post(address).headers["Location"] == "/bin/"
    assert names(as_alice.get("/tracks/")) == ["Elvish Theme"]
    assert as_alice.post(address).status_code == 404


def test_undo_in_the_toast_goes_back_to_the_tracks(as_alice, track):
    page = as_alice.post(f"/tracks/{track.pk}/delete/", follow=True).content.decode()
    assert f'formaction="/tracks/{track.pk}/restore/" name="undo" value="1"' in page
    answer = as_alice.post(f"/tracks/{track.pk}/restore/", {"undo": "1"})
    assert answer.headers["Location"] == "/tracks/"
    assert names(as_alice.get("/tracks/")) == ["Elvish Theme"]


def test_restoring_a_track_returns_the_same_file_added_again(alice, track):
    tracks.bin_track(track)
    twin = make_track_row(alice, sha256=track.sha256)
    assert tracks.restore_track(track) == twin
    assert list(Track.objects.all()) == [twin]


def test_an_analysis_is_retried(as_alice, alice):
    refused = make_track_row(alice, state="refused")
    row = as_alice.post(f"/tracks/{refused.pk}/retry/", headers=HTMX).content.decode()
    assert "Listening" in row
    assert "every 2s" in row
    assert AnalysisJob.objects.get().state == "queued"
    assert as_alice.post(f"/tracks/{refused.pk}/retry/").headers["Location"] == "/tracks/"
    assert AnalysisJob.objects.count() == 1


# The original


def test_the_owner_downloads_the_original(as_alice, track):
    response = as_alice.get(f"/tracks/{track.pk}/original/")
    assert b"".join(response) == b"as it came"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="05 elvish.mp3"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_unfinished_upload_cannot_be_downloaded(as_alice, alice):
    upload = uploads.create_upload(alice, "x.mp3", 10, mix=None)
    response = as_alice.get(f"/tracks/{upload.track_id}/original/")
    assert response.headers["Location"] == "/tracks/"
    assert [str(m) for m in get_messages(response.wsgi_request)] == ["This file has not arrived yet."]


# Access


@pytest.mark.parametrize("page", PAGES)
def test_only_the_owner_sees_track_pages(page, track, as_bob, as_nobody, as_alice):
    address = f"/tracks/{track.pk}/{page}"
    assert as_alice.get(address).status_code == 200
    assert as_bob.get(address).status_code == 404
    assert "/accounts/login/" in as_nobody.get(address).headers["Location"]
    assert as_alice.delete(address).status_code == 405
    assert as_alice.get(f"/tracks/{uuid.uuid4()}/{page}").status_code == 404
    assert as_alice.get(f"/tracks/12/{page}").status_code == 404


@pytest.mark.parametrize("action", ACTIONS)
def test_only_the_owner_may_act_on_tracks(action, track, as_bob, as_nobody, as_alice):
    address = f"/tracks/{track.pk}/{action}"
    assert as_bob.post(address).status_code == 404
    assert "/accounts/login/" in as_nobody.post(address).headers["Location"]
    assert as_alice.get(address).status_code == 405
    assert as_alice.post(f"/tracks/{uuid.uuid4()}/{action}").status_code == 404
    assert Track.objects.get(pk=track.pk).deleted_at is None


@pytest.mark.parametrize("address", ["/tracks/", "/tracks/states/"])
def test_lists_show_only_the_users_own_tracks(address, as_nobody, as_alice, as_bob, track):
    assert "/accounts/login/" in as_nobody.get(address).headers["Location"]
    assert as_alice.post(address).status_code == 405
    assert b"Elvish" not in as_bob.get(address).content


def test_tracks_in_the_bin_have_no_page(as_alice, track):
    Track.objects.update(deleted_at=timezone.now())
    assert as_alice.get(f"/tracks/{track.pk}/").status_code == 404


def test_an_upload_counts_as_active_for_half_a_minute(alice):
    upload = uploads.create_upload(alice, "x.mp3", 10, mix=None)
    path = storage.upload_path(upload.pk)
    path.write_bytes(b"x")
    assert is_moving(upload)
    os.utime(path, (time.time() - 40,) * 2)
    assert not is_moving(upload)


def test_a_vanished_row_is_called_a_duplicate_only_if_it_was_one(as_alice, as_bob, track):
    gone = uuid.uuid4()
    address = f"/tracks/states/?track={gone}&track=nonsense"
    assert "not kept twice" not in as_alice.get(address, headers=HTMX).content.decode()
    Track.objects.filter(pk=track.pk).update(copies=[str(uuid.uuid4()), str(gone)])
    assert "not kept twice" in as_alice.get(address, headers=HTMX).content.decode()
    assert "not kept twice" not in as_bob.get(address, headers=HTMX).content.decode()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's own plan")
def test_a_large_library_is_counted_and_ordered_by_its_indexes(alice):
    mine = Track.objects.filter(owner=alice)
    assert "COVERING INDEX track_room_taken" in mine.order_by("size").values("size").explain()
    shown = mine.filter(deleted_at=None)
    for order, index in (("newest", "track_library"), ("title", "track_by_title")):
        plan = shown.order_by(*tracks.ORDERS[order])[:50].explain()
        assert index in plan
        assert "TEMP B-TREE" not in plan


def test_a_search_counts_matches_up_to_a_limit(alice, monkeypatch):
    monkeypatch.setattr(tracks, "MAX_FOUND", 3)
    for number in range(5):
        make_track_row(alice, f"Rain {number}")
    assert tracks.find_tracks(alice, "rain").paginator.count == 3
    assert tracks.find_tracks(alice, "rain 4").paginator.count == 1
    assert tracks.find_tracks(alice).paginator.count == 5
