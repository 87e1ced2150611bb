"""What the API does with tracks, mixes, joins, jobs and their files."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.services import waits
from api.shapes.mixes import Settings, SettingsIn
from api.tests.test_protocol import V1, check_problem, send
from mixes.forms.mixes import MixSettingsForm
from mixes.leases import State
from mixes.models import AnalysisJob, Mix, MixJob, MixTrack, Track, Upload
from mixes.services import storage
from mixes.services.editing import history
from mixes.services.shows import presets
from mixes.tests.factories import make_job_row, make_mix_row, make_track_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def mix(alice):
    songs = [make_track_row(alice, title) for title in ("Aria", "Bolero", "Canon")]
    return make_mix_row(alice, tracks=songs)


def titles(answer):
    return [item["title"] for item in answer.json()["tracks"]]


# Tracks


def test_a_file_becomes_a_track_that_is_listened_to(by_alice, alice):
    file = SimpleUploadedFile("Band - Aria.mp3", b"sound of a song")
    answer = by_alice.post(f"{V1}/tracks/from-form", {"file": file})
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "state"} and answer.json()["state"] == "listening"
    track = Track.objects.get(pk=answer.json()["id"], owner=alice)
    assert storage.path_of(track.file).read_bytes() == b"sound of a song"
    assert AnalysisJob.objects.filter(track=track).count() == 1
    shown = send(by_alice, "GET", f"/tracks/{track.pk}").json()
    assert (shown["title"], shown["artist"], shown["state"], shown["size"]) == (
        "Aria",
        "Band",
        "listening",
        15,
    )


@pytest.mark.parametrize(("name", "status"), [("songs.zip", 415), ("list.m3u", 415)])
def test_what_is_no_song_is_refused_in_words(by_alice, name, status):
    file = SimpleUploadedFile(name, b"bytes")
    check_problem(by_alice.post(f"{V1}/tracks/from-form", {"file": file}), status, "not-music")
    assert not Track.objects.exists()


def test_a_file_beyond_the_limit_is_refused_before_it_is_kept(by_alice, settings):
    settings.LIMITS = replace(settings.LIMITS, file_bytes=10)
    file = SimpleUploadedFile("a.mp3", b"eleven bytes")
    check_problem(by_alice.post(f"{V1}/tracks/from-form", {"file": file}), 413, "refused")
    assert list(storage.uploads_folder().iterdir()) == []


def test_a_resumable_upload_arrives_in_two_parts(by_alice):
    tus = {"Tus-Resumable": "1.0.0"}
    begun = by_alice.post(
        f"{V1}/uploads", headers={**tus, "Upload-Length": "10", "Upload-Metadata": "filename YS5tcDM="}
    )
    assert begun.status_code == 201
    place = begun["Location"]
    assert place.startswith(f"{V1}/uploads/")
    for offset, part in ((0, b"01234"), (5, b"56789")):
        headers = {**tus, "Upload-Offset": str(offset)}
        answer = by_alice.patch(place, part, "application/offset+octet-stream", headers=headers)
        assert (answer.status_code, answer["Upload-Offset"]) == (204, str(offset + 5))
    track = Track.objects.get(pk=begun["Mixtape-Track"])
    assert storage.path_of(track.file).read_bytes() == b"0123456789"
    assert Upload.objects.get().finished_at


def test_the_id_of_a_duplicate_gives_the_track_that_stayed(by_alice, alice):
    stayed, gone = make_track_row(alice, "Aria"), "0b2f4b8e-0000-4000-8000-000000000001"
    Track.objects.filter(pk=stayed.pk).update(copies=[gone])
    assert send(by_alice, "GET", f"/tracks/{gone}").json()["id"] == str(stayed.pk)
    mix = send(by_alice, "POST", "/mixes", {"tracks": [gone]}).json()
    assert [item["track"] for item in mix["tracks"]] == [str(stayed.pk)]


def test_names_of_a_track_change_one_by_one(by_alice, alice):
    track = make_track_row(alice, "Aria", album="First", track_number=3)
    answer = send(by_alice, "PATCH", f"/tracks/{track.pk}", {"title": "Air", "track_number": None})
    assert [answer.json()[name] for name in ("title", "artist", "album", "track_number")] == [
        "Air",
        "Band",
        "First",
        None,
    ]


def test_a_track_in_a_mix_is_removed_only_when_asked_for(by_alice, mix):
    track = mix.items.first().track
    problem = check_problem(send(by_alice, "DELETE", f"/tracks/{track.pk}"), 409, "in-use")
    assert problem["mixes"] == [str(mix.pk)]
    assert send(by_alice, "DELETE", f"/tracks/{track.pk}?from_mixes=true").status_code == 204
    assert Track.objects.get(pk=track.pk).deleted_at and mix.items.count() == 2


def test_the_library_is_searched_and_filtered(by_alice, alice):
    make_track_row(alice, "Aria")
    make_track_row(alice, "Bolero", state=Track.State.REFUSED)
    assert [t["title"] for t in send(by_alice, "GET", "/tracks?q=band+ARI").json()["items"]] == ["Aria"]
    refused = send(by_alice, "GET", "/tracks?state=refused").json()["items"]
    assert [(t["title"], bool(t["problem"])) for t in refused] == [("Bolero", True)]


# Lists


def test_pages_by_cursor_have_every_row_once_while_new_ones_come(by_alice, alice):
    made = [Mix.objects.create(owner=alice, title=str(k)) for k in range(7)]
    same = timezone.now()
    Mix.objects.filter(pk__in=[mix.pk for mix in made[:5]]).update(created_at=same)  # ties
    seen, cursor = [], ""
    while cursor is not None:
        page = send(by_alice, "GET", f"/mixes?limit=2&cursor={cursor}").json()
        assert len(page["items"]) <= 2
        seen += [mix["title"] for mix in page["items"]]
        cursor = page["next"]
        Mix.objects.create(owner=alice, title="new")
    assert sorted(seen) == [str(k) for k in range(7)]


@pytest.mark.parametrize("path", ["/mixes", "/tracks", "/jobs", "/shows", "/publications", "/webhooks"])
def test_a_long_list_takes_no_more_queries_than_a_short_one(path, by_alice, alice):
    counts = []
    for _ in range(2):
        make_job_row(make_mix_row(alice), State.DONE)
        presets.save_as_show(Mix.objects.first())
        send(by_alice, "GET", path)  # notes the use of the token
        with CaptureQueriesContext(connection) as queries:
            assert send(by_alice, "GET", path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3


# Mixes


def test_a_mix_is_created_with_tracks_and_settings(by_alice, alice):
    tracks = [str(make_track_row(alice, title).pk) for title in ("Aria", "Bolero")]
    body = {"title": "Night", "tracks": tracks[::-1], "settings": {"style": "gap", "gap_s": 1.5}}
    answer = send(by_alice, "POST", "/mixes", body)
    assert answer.status_code == 201 and titles(answer) == ["Bolero", "Aria"]
    mix = Mix.objects.get(pk=answer.json()["id"])
    assert (mix.owner, mix.title, mix.style, mix.gap_s) == (alice, "Night", "gap", 1.5)
    assert answer["ETag"] == f'"{mix.version}"'


def test_a_mix_that_is_refused_leaves_nothing(by_alice, alice, settings):
    settings.LIMITS = replace(settings.LIMITS, tracks_per_mix=1)
    tracks = [str(make_track_row(alice).pk) for _ in range(2)]
    check_problem(send(by_alice, "POST", "/mixes", {"tracks": tracks}), 409, "refused")
    assert not Mix.objects.exists()


def test_the_api_has_every_setting_of_the_page():
    of_page = set(MixSettingsForm.base_fields) - {"length", "loudness"}  # two questions about one column each
    assert set(Settings.model_fields) == set(SettingsIn.model_fields) == of_page


def test_only_named_settings_change(by_alice, mix):
    before = send(by_alice, "GET", f"/mixes/{mix.pk}").json()
    changes = {"transition_s": None, "target_lufs": -11.5, "max_play_s": 90, "trim": False}
    answer = send(by_alice, "PATCH", f"/mixes/{mix.pk}", {"settings": changes}).json()
    assert answer["settings"] == {**before["settings"], **changes}
    assert (answer["title"], answer["version"]) == (before["title"], before["version"] + 1)


def test_a_change_of_an_old_version_is_not_made_and_shows_the_present_one(by_alice, mix):
    first = send(by_alice, "GET", f"/mixes/{mix.pk}")
    path, version = f"/mixes/{mix.pk}", {"If-Match": first["ETag"]}
    assert send(by_alice, "PATCH", path, {"title": "B"}, **version)["ETag"] == '"1"'
    answer = send(by_alice, "PATCH", path, {"title": "C"}, **version)
    problem = check_problem(answer, 409, "stale-version")
    assert (problem["current"]["title"], problem["current"]["version"], answer["ETag"]) == ("B", 1, '"1"')
    assert send(by_alice, "PATCH", path, {"title": "C"}, **{"If-Match": "*"}).json()["title"] == "C"


def test_tracks_are_set_in_order_and_keep_what_was_set_for_them(by_alice, alice, mix):
    first, second, _third = mix.items.all()
    MixTrack.objects.filter(pk=second.pk).update(gain_db=-3.0)
    new = make_track_row(alice, "Dirge")
    order = [second.track_id, new.pk, first.track_id, second.track_id]
    answer = send(by_alice, "PUT", f"/mixes/{mix.pk}/tracks", {"tracks": list(map(str, order))})
    assert titles(answer) == ["Bolero", "Dirge", "Aria", "Bolero"]
    items = answer.json()["tracks"]
    assert [items[0]["id"], items[0]["gain_db"], items[2]["id"]] == [str(second.pk), -3.0, str(first.pk)]
    assert items[3]["gain_db"] is None
    mix.refresh_from_db()
    history.undo(mix, mix.version, lambda track: track)
    assert titles(send(by_alice, "GET", f"/mixes/{mix.pk}")) == ["Aria", "Bolero", "Canon"]


def test_a_removed_mix_is_in_the_bin(by_alice, mix):
    assert send(by_alice, "DELETE", f"/mixes/{mix.pk}").status_code == 204
    check_problem(send(by_alice, "GET", f"/mixes/{mix.pk}"), 404, "not-found")
    assert Mix.objects.get(pk=mix.pk).deleted_at


# Joins


def test_joins_are_those_of_the_plan(by_alice, mix):
    first, second, _third = mix.items.all()
    joins = send(by_alice, "GET", f"/mixes/{mix.pk}/joins").json()["items"]
    assert len(joins) == 2
    assert (joins[0]["id"], joins[0]["into"]) == (str(first.pk), str(second.pk))
    assert (joins[0]["overlap"], joins[0]["by_hand"], joins[0]["length"]) == (8.0, {}, "mix")


def test_a_join_is_set_and_set_back(by_alice, mix):
    item = mix.items.first()
    path = f"/mixes/{mix.pk}/joins/{item.pk}"
    answer = send(by_alice, "PATCH", path, {"overlap": 4.5, "gain_a": -6})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["overlap"], answer.json()["gain_a"]) == (4.5, -6.0)
    assert answer.json()["by_hand"] == {"overlap": 4.5, "gain_a": -6.0}
    again = send(by_alice, "PATCH", path, {"gain_a": None}).json()
    assert again["by_hand"] == {"overlap": 4.5}
    assert send(by_alice, "DELETE", path).json()["by_hand"] == {}


def test_a_join_that_its_songs_do_not_allow_is_refused_with_what_is_kept(by_alice, mix):
    path = f"/mixes/{mix.pk}/joins/{mix.items.first().pk}"
    problem = check_problem(send(by_alice, "PATCH", path, {"gain_a": 99}), 422, "invalid")
    assert problem["errors"][0]["field"] == "gain_a" and "It stays" in problem["errors"][0]["sentence"]


def test_there_is_no_join_after_the_last_song(by_alice, mix):
    last = mix.items.last()
    check_problem(
        send(by_alice, "PATCH", f"/mixes/{mix.pk}/joins/{last.pk}", {"overlap": 2}), 404, "not-found"
    )
    check_problem(send(by_alice, "DELETE", f"/mixes/{mix.pk}/joins/{last.pk}"), 404, "not-found")


# Jobs and files


def test_a_job_is_cancelled_and_then_deleted(by_alice, mix):
    job = send(by_alice, "POST", f"/mixes/{mix.pk}/jobs", {}).json()
    assert job["state"] == "queued"
    check_problem(send(by_alice, "DELETE", f"/jobs/{job['id']}"), 409, "refused")
    assert send(by_alice, "POST", f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    assert send(by_alice, "POST", f"/jobs/{job['id']}/retry").json()["state"] == "queued"
    send(by_alice, "POST", f"/jobs/{job['id']}/cancel")
    assert send(by_alice, "DELETE", f"/jobs/{job['id']}").status_code == 204
    assert not MixJob.objects.exists()


def test_a_failed_job_says_why(by_alice, mix):
    job = make_job_row(mix, State.FAILED)
    shown = send(by_alice, "GET", f"/jobs/{job.pk}").json()
    assert (shown["state"], shown["error"]) == ("failed", "The disk is full.")


def test_files_of_a_job_come_with_ranges(by_alice, mix):
    job = make_job_row(mix, State.DONE, files=("mp3", "cue"))
    found = {one["kind"]: one for one in send(by_alice, "GET", f"/jobs/{job.pk}/artifacts").json()["items"]}
    assert set(found) == {"mp3", "cue"}
    mp3 = found["mp3"]
    whole = by_alice.get(mp3["url"])
    content = b"".join(whole)
    assert (whole.status_code, whole["Content-Type"], len(content)) == (200, "audio/mpeg", mp3["size"])
    part = by_alice.get(mp3["url"], headers={"Range": "bytes=4-9"})
    assert (part.status_code, b"".join(part)) == (206, content[4:10])
    assert part["Content-Range"] == f"bytes 4-9/{len(content)}"
    same = by_alice.get(mp3["url"], headers={"If-None-Match": f'"{mp3["sha256"]}"'})
    assert same.status_code == 304
    assert by_alice.head(mp3["url"])["Content-Length"] == str(len(content))
    checks = send(by_alice, "GET", f"/jobs/{job.pk}/checks").json()
    assert checks["mp3"]["verdict"] == "ok"


# Waiting


@pytest.mark.django_db(transaction=True)
def test_a_waiting_request_ends_when_the_job_does(by_alice, mix, monkeypatch):
    monkeypatch.setattr(waits, "LOOK_EVERY_S", 0.01)
    job, looks = make_job_row(mix), []

    def look(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            MixJob.objects.update(state=State.DONE, check_sheet={}, finished_at=timezone.now())

    monkeypatch.setattr(waits.time, "sleep", look)
    assert send(by_alice, "GET", f"/jobs/{job.pk}?wait=30").json()["state"] == "done"
    assert len(looks) == 3
    assert waits._waiting.total() == 0


def test_without_a_free_place_the_state_is_answered_at_once(by_alice, alice, mix, monkeypatch):
    job = make_job_row(mix)
    monkeypatch.setattr(waits.time, "sleep", lambda seconds: pytest.fail("it waited"))
    with waits.place(alice.pk), waits.place(alice.pk):
        assert send(by_alice, "GET", f"/jobs/{job.pk}?wait=30").json()["state"] == "queued"


def test_places_are_shared_by_all_users():
    held = [waits.place(user) for user in (1, 1, 2, 2, 3, 3)]
    assert all(place.__enter__() for place in held)
    with waits.place(4) as is_free:
        assert not is_free
    held.pop().__exit__(None, None, None)
    with waits.place(4) as is_free:
        assert is_free
    for place in held:
        place.__exit__(None, None, None)
    assert not waits._waiting


def test_fewer_threads_wait_than_the_web_server_has():
    from mixtape_site import server

    assert server.threads / 4 >= waits.MOST_OF_ALL
    assert waits.MOST_OF_ONE < waits.MOST_OF_ALL
