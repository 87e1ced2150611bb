"""The tus protocol as clients use it, and what is kept of interrupted uploads."""

import base64
import os
import socket
import time
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mixes.jobs.analysis_job import replace_by_twin
from mixes.models import AnalysisJob, Mix, Track, Upload
from mixes.services import storage
from mixes.services.editing import arrangement, edits
from mixes.services.library import tracks, uploads
from mixes.services.limits import DiskFull, LimitReached
from mixes.tests.factories import make_track_row
from mixes.views.uploads import upload as upload_view

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"
SONG = bytes(range(256)) * 400  # 102,400 bytes


def encode(text):
    return base64.b64encode(text.encode()).decode()


def begin(client, name="song.mp3", size=102_400, mix=None, before=None, **headers):
    named = {"filename": name, "mix": mix, "before": before}
    metadata = ",".join(f"{key} {encode(str(value))}" for key, value in named.items() if value)
    return client.post(
        "/uploads/",
        data=b"",
        content_type="application/octet-stream",
        headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata, **headers},
    )


def send(client, place, data, offset=0, content_type=PIECE, **headers):
    return client.patch(
        place, data=data, content_type=content_type, headers={**TUS, "Upload-Offset": str(offset), **headers}
    )


def head(client, place, **headers):
    return client.head(place, headers={**TUS, **headers})


@pytest.fixture
def place(as_alice):
    """Return the URL of an upload created by alice."""
    return begin(as_alice)["Location"]


def the_upload():
    return Upload.objects.select_related("track").get()


class Breaking:
    """A connection that breaks after some bytes."""

    def __init__(self, data, error):
        self.data, self.error = data, error

    def read(self, size):
        if not self.data:
            raise self.error
        block, self.data = self.data[:size], self.data[size:]
        return block


def test_the_server_lists_its_capabilities(as_alice, settings):
    response = as_alice.options("/uploads/")
    assert response.status_code == 204
    assert response["Tus-Version"] == response["Tus-Resumable"] == "1.0.0"
    assert response["Tus-Extension"] == "creation,termination,expiration"
    assert response["Tus-Max-Size"] == str(settings.LIMITS.file_bytes)


def test_a_file_uploaded_in_two_chunks_is_analysed(as_alice, place):
    assert send(as_alice, place, SONG[:70_000])["Upload-Offset"] == "70000"
    asked = head(as_alice, place)
    assert (asked["Upload-Offset"], asked["Upload-Length"]) == ("70000", str(len(SONG)))
    assert asked["Cache-Control"] == "no-store"
    assert "GMT" in asked["Upload-Expires"]
    last = send(as_alice, place, SONG[70_000:], 70_000)
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(SONG)))
    track = Track.objects.get()
    assert track.state == Track.State.ANALYSING
    assert storage.path_of(track.file).read_bytes() == SONG
    assert not storage.upload_path(the_upload().pk).exists()
    job = AnalysisJob.objects.get(track=track)
    assert (job.state, job.queue, job.owner) == ("queued", "short", track.owner)


def test_a_track_is_in_its_mix_before_any_byte_arrives(as_alice, alice):
    mix = Mix.objects.create(owner=alice, title="Night")
    for name in ("02 - Band - Second.mp3", "01 - Band - First.mp3"):
        assert begin(as_alice, name, mix=mix.pk).status_code == 201
    tracks = [item.track for item in mix.items.select_related("track")]
    assert [track.title for track in tracks] == ["Second", "First"]
    assert [track.track_number for track in tracks] == [2, 1]
    assert {track.state for track in tracks} == {"uploading"}


@pytest.mark.parametrize(
    ("offset", "data", "headers", "status"),
    [
        (1, SONG[1:], {}, 409),
        (0, SONG + b"more", {}, 413),
        (0, SONG, {"content_type": "application/octet-stream"}, 415),
        ("", SONG, {}, 400),
        ("-1", SONG, {}, 400),
        (0, SONG, {"Tus-Resumable": "0.2.0"}, 412),
    ],
)
def test_invalid_chunks_are_refused(as_alice, place, offset, data, headers, status):
    response = send(as_alice, place, data, offset, **headers)
    assert response.status_code == status
    assert response["Tus-Resumable"] == "1.0.0"
    assert head(as_alice, place)["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "many"}, 400),
        ({"Upload-Length": "-5"}, 400),
        ({"Upload-Length": "0"}, 413),
        ({"Upload-Metadata": "filename *"}, 400),
        ({"Upload-Metadata": ""}, 400),
        ({"Tus-Resumable": "2.0.0"}, 412),
    ],
)
def test_invalid_upload_creations_are_refused(as_alice, headers, status):
    assert begin(as_alice, **headers).status_code == status
    assert not Track.objects.exists()


def test_files_dropped_between_two_songs_come_there_in_order(as_alice, mix):
    second = mix.items.get(position=1)
    for name in ("Dirge.mp3", "Elegy.mp3"):
        begin(as_alice, name=name, mix=mix.pk, before=second.pk)
    assert titles(mix) == ["Aria", "Dirge", "Elegy", "Bolero", "Canon"]
    edits.edit(mix, None, "Removed", lambda a: arrangement.remove(a, second.pk))
    begin(as_alice, name="Fugue.mp3", mix=mix.pk, before=second.pk)
    assert titles(mix)[-1] == "Fugue"
    assert begin(as_alice, name="Gigue.mp3", mix=mix.pk, before="no id").status_code == 400


def titles(mix):
    return [item.track.title for item in mix.items.select_related("track").order_by("position")]


@pytest.mark.parametrize("way", ["pieces", "form"])
def test_the_page_of_a_mix_reports_a_duplicate_once(as_alice, alice, way):
    mix = Mix.objects.create(owner=alice, title="Night")
    if way == "pieces":
        begin(as_alice, mix=mix.pk)
    else:
        as_alice.post("/uploads/form/", {"files": SimpleUploadedFile("a.mp3", b"x"), "mix": str(mix.pk)})
    twin = make_track_row(alice, "Rain")
    state, words = f"/mixes/{mix.pk}/state/", "“Rain” was in your library already, so it is not kept twice."
    assert words not in as_alice.get(state, headers={"HX-Request": "true"}).content.decode()
    replace_by_twin(Track.objects.exclude(pk=twin.pk).get(), twin)
    assert words in as_alice.get(state, headers={"HX-Request": "true"}).content.decode()
    assert words not in as_alice.get(state, headers={"HX-Request": "true"}).content.decode()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Album.ZIP", "ZIP files are no songs. Unpack"),
        ("Album.tar.gz", "GZ files are no songs. Unpack"),
        ("Mix CD.iso", "ISO files are no songs. Unpack"),
        ("list.m3u8", "A playlist only names songs."),
        ("album.cue", "A playlist only names songs."),
    ],
)
def test_archives_and_playlists_are_refused_before_a_byte_comes(as_alice, name, words):
    answer = begin(as_alice, name=name)
    assert answer.status_code == 415
    assert answer.content.decode().startswith(words)
    file = SimpleUploadedFile(name, b"PK")
    page = as_alice.post("/uploads/form/", {"files": file}, follow=True).content.decode()
    assert words in page
    assert not Track.objects.exists()


def test_signed_out_clients_get_an_error_instead_of_a_redirect(as_nobody, place):
    for response in (begin(as_nobody), head(as_nobody, place), send(as_nobody, place, SONG)):
        assert response.status_code == 401
        assert "Location" not in response
    assert begin(as_nobody).content.startswith(b"You are signed out.")


def test_other_users_uploads_and_mixes_do_not_exist(as_bob, place, alice):
    mix = Mix.objects.create(owner=alice, title="Night")
    assert head(as_bob, place).status_code == 404
    assert send(as_bob, place, SONG).status_code == 404
    assert as_bob.delete(place, headers=TUS).status_code == 404
    assert begin(as_bob, mix=mix.pk).status_code == 404
    assert begin(as_bob, mix="no id").status_code == 404
    assert head(as_bob, f"/uploads/{uuid.uuid4()}/").status_code == 404


def test_other_methods_are_refused(as_alice, place):
    assert as_alice.get("/uploads/").status_code == 405
    assert as_alice.get(place).status_code == 405
    assert as_alice.post(place).status_code == 405


def test_chunks_require_the_csrf_token(alice, place):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert send(strict, place, SONG).status_code == 403
    strict.cookies["csrftoken"] = "a" * 32
    assert send(strict, place, SONG, **{"X-CSRFToken": "a" * 32}).status_code == 204


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError()])
def test_an_interrupted_chunk_keeps_the_received_bytes(as_alice, place, error):
    upload = the_upload()
    assert uploads.append_bytes(upload, 0, Breaking(SONG[:5_000], error)) == 5_000
    assert head(as_alice, place)["Upload-Offset"] == "5000"
    assert send(as_alice, place, SONG[5_000:], 5_000).status_code == 204
    assert storage.path_of(Track.objects.get().file).read_bytes() == SONG


def test_a_closed_socket_keeps_the_received_bytes(live_server, alice, as_alice):
    place = begin(as_alice)["Location"]
    host, port = live_server.thread.host, live_server.thread.port
    with socket.create_connection((host, port)) as connection:
        lines = (
            f"PATCH {place} HTTP/1.1",
            f"Host: {host}:{port}",
            f"Cookie: sessionid={as_alice.cookies['sessionid'].value}; csrftoken={'a' * 32}",
            f"X-CSRFToken: {'a' * 32}",
            "Tus-Resumable: 1.0.0",
            "Upload-Offset: 0",
            f"Content-Type: {PIECE}",
            f"Content-Length: {len(SONG)}",
        )
        connection.sendall("\r\n".join((*lines, "", "")).encode() + SONG[:77_777])
    for _ in range(100):
        if Upload.objects.filter(offset=77_777, writer=None).exists():
            break
        time.sleep(0.02)
    assert head(as_alice, place)["Upload-Offset"] == "77777"
    assert send(as_alice, place, SONG[77_777:], 77_777).status_code == 204
    assert storage.path_of(Track.objects.get().file).read_bytes() == SONG


def test_a_refused_chunk_is_drained_so_that_its_sender_reads_the_response(alice, place):
    headers = {**TUS, "Upload-Offset": "7"}
    request = RequestFactory().patch(place, SONG[7:], content_type=PIECE, headers=headers)
    request.user = alice
    assert upload_view(request, the_upload().pk).status_code == 409
    assert request.read(1) == b""


def test_the_offset_never_exceeds_the_file(as_alice, place):
    send(as_alice, place, SONG[:50_000])
    os.truncate(storage.upload_path(the_upload().pk), 20_000)
    assert head(as_alice, place)["Upload-Offset"] == "20000"
    assert send(as_alice, place, SONG[50_000:], 50_000).status_code == 409
    assert send(as_alice, place, SONG[20_000:], 20_000)["Upload-Offset"] == str(len(SONG))


def die_while_writing(silent_s, data=SONG[:3_000]):
    """Leave an upload as a request does whose process was killed that long ago."""
    upload, then = the_upload(), time.time() - silent_s
    path = storage.upload_path(upload.pk)
    path.write_bytes(data)
    os.utime(path, (then, then))
    since = timezone.now() - timedelta(seconds=silent_s + 5)
    Upload.objects.update(writer=uuid.uuid4(), writing_since=since)


def test_two_connections_do_not_write_at_once(as_alice, place):
    die_while_writing(silent_s=1)
    assert send(as_alice, place, SONG[3_000:], 3_000).status_code == 423
    assert head(as_alice, place)["Upload-Offset"] == "3000"


def test_a_dead_writer_is_replaced_and_its_bytes_are_kept(as_alice, place):
    die_while_writing(silent_s=uploads.WRITER_TIMEOUT_S + 1)
    assert head(as_alice, place)["Upload-Offset"] == "3000"
    assert send(as_alice, place, SONG[3_000:], 3_000).status_code == 204
    assert storage.path_of(Track.objects.get().file).read_bytes() == SONG


def test_a_replaced_writer_writes_nothing(as_alice, place, monkeypatch):
    monkeypatch.setattr(uploads, "WRITER_TIMEOUT_S", 0.02)
    upload = the_upload()

    class Asleep:
        left = 2

        def read(self, size):
            time.sleep(0.05)
            Upload.objects.update(writer=uuid.uuid4())
            self.left -= 1
            return b"x" * 10 if self.left else b""

    with pytest.raises(uploads.UploadGone):
        uploads.append_bytes(upload, 0, Asleep())
    assert storage.upload_path(upload.pk).stat().st_size == 0


def test_an_upload_is_finished_on_head_if_its_last_request_died(as_alice, place):
    die_while_writing(silent_s=60, data=SONG)
    assert head(as_alice, place)["Upload-Offset"] == str(len(SONG))
    assert Track.objects.get().state == Track.State.ANALYSING
    assert AnalysisJob.objects.count() == 1


def test_an_upload_is_finished_if_the_process_died_between_file_and_row(as_alice, place):
    upload = the_upload()
    storage.upload_path(upload.pk).write_bytes(SONG)
    storage.store(storage.upload_path(upload.pk), f"tracks/{upload.track_id.hex[:2]}/{upload.track_id.hex}")
    assert head(as_alice, place)["Upload-Offset"] == str(len(SONG))
    assert Track.objects.get().state == Track.State.ANALYSING


def test_a_lost_response_can_be_requested_again(as_alice, place):
    send(as_alice, place, SONG)
    assert head(as_alice, place)["Upload-Offset"] == str(len(SONG))
    assert AnalysisJob.objects.count() == 1


def test_at_most_three_chunks_are_received_at_once(as_alice, settings):
    places = [begin(as_alice, f"{k}.mp3")["Location"] for k in range(settings.LIMITS.patches_at_once + 1)]
    Upload.objects.exclude(pk=places[0].split("/")[2]).update(
        writer=uuid.uuid4(), writing_since=timezone.now()
    )
    assert send(as_alice, places[0], SONG).status_code == 429


def test_an_expired_upload_is_gone(as_alice, place):
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert head(as_alice, place).status_code == 410
    assert send(as_alice, place, SONG).status_code == 410
    assert list(uploads.expired()) == [the_upload()]


def test_every_chunk_extends_the_expiry(as_alice, place, settings):
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    send(as_alice, place, SONG[:10])
    days = (the_upload().expires_at - timezone.now()).total_seconds() / 86_400
    assert days == pytest.approx(settings.LIMITS.upload_days, abs=0.01)


def test_a_discarded_upload_leaves_nothing(as_alice, alice, django_capture_on_commit_callbacks):
    mix = Mix.objects.create(owner=alice, title="Night")
    place = begin(as_alice, mix=mix.pk)["Location"]
    send(as_alice, place, SONG[:1_000])
    path = storage.upload_path(the_upload().pk)
    with django_capture_on_commit_callbacks(execute=True):
        assert as_alice.delete(place, headers=TUS).status_code == 204
    assert not path.exists()
    assert not Track.objects.exists()
    assert not mix.items.exists()
    assert head(as_alice, place).status_code == 404


def test_a_late_cancel_keeps_a_finished_upload(as_alice, place):
    send(as_alice, place, SONG)
    assert as_alice.delete(place, headers=TUS).status_code == 409
    assert Track.objects.get().file


def test_limits_are_reported_in_one_sentence_before_any_byte(as_alice, settings):
    settings.LIMITS = type(settings.LIMITS)(file_bytes=1_000)
    response = begin(as_alice)
    assert response.status_code == 413
    assert response.content.decode().startswith("This file has 100.0\xa0KB; a file may have")
    assert response["Content-Type"].startswith("text/plain")


def test_a_full_disk_is_reported_as_such(as_alice, place, settings):
    settings.LIMITS = type(settings.LIMITS)(free_disk_bytes=1 << 60)
    assert begin(as_alice).status_code == 507


def test_a_disk_that_fills_up_keeps_the_received_bytes(as_alice, place, monkeypatch):
    pwrite = os.pwrite

    def full(file, data, offset):
        if offset >= 65_536:
            raise OSError(28, "No space left on device")
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    assert send(as_alice, place, SONG).status_code == 507
    assert head(as_alice, place)["Upload-Offset"] == "65536"


def test_no_transaction_is_open_while_bytes_arrive(as_alice, place):
    upload = the_upload()

    class Watching:
        left = 3

        def read(self, size):
            assert len(connection.savepoint_ids) == depth
            self.left -= 1
            return b"x" * 10 if self.left else b""

    depth = len(connection.savepoint_ids)
    with CaptureQueriesContext(connection) as queries:
        uploads.append_bytes(upload, 0, Watching())
    assert len(queries) <= 4


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("song.mp3", "song.mp3"),
        ("C:\\Music\\song.mp3", "song.mp3"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\nc\u202egnp.mp3", "ab cgnp.mp3"),
        ("", "file without a name"),
        ("/", "file without a name"),
        ("x" * 400, "x" * 255),
    ],
)
def test_names_of_files_are_shown_as_one_line(given, kept):
    assert uploads.clean_name(given) == kept


def test_interrupted_uploads_are_listed_with_their_received_bytes(as_alice, alice, place):
    send(as_alice, place, SONG[:2_000])
    (waiting,) = uploads.waiting_uploads(alice)
    assert (waiting.name, waiting.size, waiting.received) == ("song.mp3", len(SONG), 2_000)
    assert uploads.waiting_uploads(alice, mix=Mix.objects.create(owner=alice, title="Other")) == []
    Upload.objects.update(writer=uuid.uuid4(), writing_since=timezone.now())
    assert uploads.waiting_uploads(alice) == []


def test_announced_bytes_count_before_they_arrive(alice, settings):
    settings.LIMITS = type(settings.LIMITS)(storage_bytes=250_000)
    uploads.create_upload(alice, "one.mp3", 200_000, mix=None)
    with pytest.raises(LimitReached, match="There is no room for this file"):
        uploads.create_upload(alice, "two.mp3", 60_000, mix=None)


def test_a_mix_rejects_tracks_beyond_its_limit(alice, settings):
    settings.LIMITS = type(settings.LIMITS)(tracks_per_mix=1)
    mix = Mix.objects.create(owner=alice, title="Night")
    uploads.create_upload(alice, "one.mp3", 10, mix=mix)
    with pytest.raises(LimitReached, match="A mix may have 1 track, and this one has"):
        uploads.create_upload(alice, "two.mp3", 10, mix=mix)
    assert Track.objects.count() == 1


def test_the_number_of_open_uploads_is_limited(alice, settings):
    settings.LIMITS = type(settings.LIMITS)(uploads_open=1)
    uploads.create_upload(alice, "one.mp3", 10, mix=None)
    with pytest.raises(LimitReached, match="on its way already"):
        uploads.create_upload(alice, "two.mp3", 10, mix=None)


@pytest.fixture
def with_free_disk(settings, monkeypatch):
    """Return a function that sets how many bytes are free beyond those that are kept free."""

    def set_free(count):
        monkeypatch.setattr(storage, "free_bytes", lambda: settings.LIMITS.free_disk_bytes + count)

    settings.LIMITS = type(settings.LIMITS)(storage_bytes=1 << 60)
    return set_free


def test_disk_space_is_reserved_for_the_announced_uploads_of_a_user(alice, with_free_disk):
    with_free_disk(3_000_000_000)
    uploads.create_upload(alice, "large.wav", 2_000_000_000, mix=None)
    with pytest.raises(DiskFull):
        uploads.create_upload(alice, "large.wav", 2_000_000_000, mix=None)


def test_announced_uploads_of_one_user_reserve_a_tenth_of_the_disk(alice, bob, with_free_disk):
    with_free_disk(15_000_000_000)
    for n in range(7):
        uploads.create_upload(bob, f"{n}.wav", 2_000_000_000, mix=None)
    with pytest.raises(DiskFull):
        uploads.create_upload(bob, "one too many.wav", 2_000_000_000, mix=None)
    uploads.create_upload(alice, "song.mp3", 9_000_000, mix=None)
    with_free_disk(1_500_000_000)
    with pytest.raises(DiskFull):
        uploads.create_upload(alice, "large.wav", 1_400_000_000, mix=None)
    uploads.create_upload(alice, "large.wav", 1_300_000_000, mix=None)


def test_an_upload_that_did_not_move_for_an_hour_reserves_nothing(alice, with_free_disk):
    with_free_disk(3_000_000_000)
    still = uploads.create_upload(alice, "large.wav", 2_000_000_000, mix=None)
    Upload.objects.filter(pk=still.pk).update(expires_at=uploads.next_expiry() - timedelta(minutes=61))
    uploads.create_upload(alice, "another.wav", 2_000_000_000, mix=None)
    assert uploads.sync_offset(Upload.objects.get(pk=still.pk)) == 0  # it can still be sent


def test_an_upload_removed_while_finishing_leaves_nothing(alice):
    upload = uploads.create_upload(alice, "a.mp3", 4, mix=None)
    storage.upload_path(upload.pk).write_bytes(b"song")
    Track.objects.filter(pk=upload.track_id).delete()
    uploads.finish_upload(upload)
    assert list(storage.stored_names((storage.TRACKS, storage.UPLOADS))) == []


def test_an_upload_removed_while_receiving_leaves_nothing(alice):
    upload = uploads.create_upload(alice, "a.mp3", 4, mix=None)

    class Removing:
        pieces = iter([b"so", b""])

        def read(self, size):
            uploads.discard_upload(upload)
            storage.upload_path(upload.pk).write_bytes(b"so")  # as if it had just been opened
            return next(self.pieces)

    uploads.append_bytes(upload, 0, Removing())
    assert list(storage.stored_names((storage.TRACKS, storage.UPLOADS))) == []


def test_a_track_purged_before_its_upload_ended_leaves_nothing(alice, django_capture_on_commit_callbacks):
    upload = uploads.create_upload(alice, "a.mp3", 4, mix=None)
    uploads.append_bytes(upload, 0, Breaking(b"so", OSError()))
    with django_capture_on_commit_callbacks(execute=True):
        tracks.purge_track(upload.track)
    assert list(storage.stored_names((storage.TRACKS, storage.UPLOADS))) == []


def test_a_worker_that_finishes_before_the_last_response_causes_no_error(as_alice, place, monkeypatch):
    take = uploads.append_bytes

    def take_and_find_a_twin(upload, *arguments):
        end = take(upload, *arguments)
        tracks.purge_track(upload.track)  # as for a duplicate
        return end

    monkeypatch.setattr(uploads, "append_bytes", take_and_find_a_twin)
    response = send(as_alice, place, SONG)
    assert response.status_code == 204 and response["Upload-Offset"] == str(len(SONG))
