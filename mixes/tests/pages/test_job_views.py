"""The Make button, and the page of a job from the queue to its result."""

import re
import uuid

import pytest
from django.urls import reverse

from mixes.leases import State
from mixes.models import MixJob
from mixes.services import storage
from mixes.tests.factories import make_artifact_row, make_job_row, make_mix_row

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
KINDS = ("mp3", "mp4", "description", "cue", "chapters", "timeline")
PAGES = ("job_detail", "job_status", "job_timeline")
POSTS = ("job_cancel", "job_retry", "job_delete", "job_mail")


@pytest.fixture
def done(mix):
    return make_job_row(mix, State.DONE, files=KINDS, progress=1000)


def url_of(name, row):
    return reverse(f"mixes:{name}", args=[row.pk])


def text_of(response):
    return response.content.decode()


def of_mixes(captured):
    """Return the queries of the mixes app, without those for session and user."""
    return [query["sql"] for query in captured.captured_queries if '"mixes_' in query["sql"]]


# Making


def test_pressing_make_leads_to_the_job_page(as_alice, mix):
    response = as_alice.post(url_of("mix_make", mix))
    job = MixJob.objects.get()
    assert (response.status_code, response.url) == (302, url_of("job_detail", job))


def test_pressing_it_twice_leads_to_the_same_page(as_alice, mix):
    urls = {as_alice.post(url_of("mix_make", mix)).url for _ in range(2)}
    assert len(urls) == 1 and MixJob.objects.count() == 1


def test_htmx_is_redirected_by_a_header(as_alice, mix):
    response = as_alice.post(url_of("mix_make", mix), headers=HTMX)
    assert response.headers["HX-Redirect"] == url_of("job_detail", MixJob.objects.get())


def test_a_refused_request_is_explained_on_the_mix_page(as_alice, alice):
    empty = make_mix_row(alice, tracks=0)
    response = as_alice.post(url_of("mix_make", empty))
    assert response.url == url_of("mix_detail", empty)
    assert [str(message) for message in response.wsgi_request._messages] == [
        "There is no song to make a mix of yet. Add some first."
    ]


# Access


@pytest.mark.parametrize("name", [*PAGES, *POSTS])
def test_only_the_owner_sees_job_pages(name, as_bob, as_nobody, done):
    method = "get" if name in PAGES else "post"
    assert getattr(as_bob, method)(url_of(name, done)).status_code == 404
    response = getattr(as_nobody, method)(url_of(name, done))
    assert response.status_code == 302 and response.url.startswith(reverse("account_login"))
    assert MixJob.objects.filter(state=State.DONE).exists()


@pytest.mark.parametrize("name", [*PAGES, *POSTS])
def test_each_page_checks_its_method_and_the_job(name, as_alice, done):
    wrong, right = ("post", "get") if name in PAGES else ("get", "post")
    assert getattr(as_alice, wrong)(url_of(name, done)).status_code == 405
    nowhere = reverse(f"mixes:{name}", args=[uuid.uuid4()])
    assert getattr(as_alice, right)(nowhere).status_code == 404


def test_another_users_mix_is_not_made(as_bob, as_nobody, as_alice, mix):
    assert as_bob.post(url_of("mix_make", mix)).status_code == 404
    assert as_nobody.post(url_of("mix_make", mix)).status_code == 302
    assert as_alice.get(url_of("mix_make", mix)).status_code == 405
    assert not MixJob.objects.exists()


# Progress


def test_a_waiting_job_shows_its_place_and_polls_twice_a_second(as_alice, mix):
    job = make_job_row(mix)
    page = text_of(as_alice.get(url_of("job_detail", job)))
    assert "Next in the queue" in page and 'hx-trigger="every 500ms"' in page
    assert f'hx-get="{url_of("job_status", job)}"' in page


def test_a_running_job_shows_stage_percent_and_remaining_time(as_alice, mix):
    job = make_job_row(mix, State.RUNNING, stage="render", progress=425, eta_s=61, attempt=2)
    fragment = text_of(as_alice.get(url_of("job_status", job), headers=HTMX))
    for words in ("Mixing the songs", "42 %", "about 60 s left", "Attempt 2 of 3", 'hx-trigger="every 2s"'):
        assert words in fragment
    assert "<title>42 % - Evenings in the North" in fragment
    assert "<html" not in fragment


def test_a_job_being_cancelled_says_so(as_alice, mix):
    job = make_job_row(mix, State.RUNNING, cancel_requested=True)
    assert "Stopping" in text_of(as_alice.get(url_of("job_status", job), headers=HTMX))


def test_a_poll_of_an_ended_job_reloads_the_page(as_alice, done):
    response = as_alice.get(url_of("job_status", done), headers=HTMX)
    assert response.headers["HX-Refresh"] == "true"
    assert "Done: Evenings in the North" in response.headers["HX-Trigger"]
    assert "hx-trigger" not in text_of(response)


def test_the_status_url_redirects_to_the_page(as_alice, done):
    assert as_alice.get(url_of("job_status", done)).url == url_of("job_detail", done)


def test_without_scripts_an_open_page_refreshes_itself(as_alice, mix):
    job = make_job_row(mix)
    page = text_of(as_alice.get(url_of("job_detail", job)))
    assert re.search(r'<noscript>\s*<meta http-equiv="refresh"', page)


def test_other_open_jobs_are_listed(as_alice, alice, mix):
    make_job_row(make_mix_row(alice, "Morning run"), State.RUNNING, stage="draw", progress=720, eta_s=12)
    page = text_of(as_alice.get(url_of("job_detail", make_job_row(mix))))
    assert "Also running" in page and "Morning run" in page and "Painting the picture · 72 %" in page


def test_a_poll_reads_one_row_without_its_long_columns(as_alice, mix, django_assert_max_num_queries):
    job = make_job_row(mix, State.RUNNING, stage="render", progress=10)
    with django_assert_max_num_queries(20) as captured:
        as_alice.get(url_of("job_status", job), headers=HTMX)
    (query,) = of_mixes(captured)
    assert "snapshot" not in query and "outline" not in query


# The result


def test_a_result_has_player_chapters_checks_downloads_and_description(as_alice, done):
    page = text_of(as_alice.get(url_of("job_detail", done)))
    assert "<title> Done - Evenings in the North" in " ".join(page.split())
    files = {row.kind: row for row in done.artifacts.all()}
    assert f'preload="metadata" src="{url_of("artifact", files["mp4"])}"' in " ".join(page.split())
    for row in files.values():
        assert url_of("artifact_download", row) in page
    assert page.count("data-start=") == 3
    assert "Loudness \u221214.0 LUFS, as YouTube plays it" in page
    assert "description of Evenings in the North, 0:00 first song" in page
    assert "hx-get" not in page.split("<main")[1]
    assert "style=" not in page.split("<main")[1]


def test_a_result_without_video_has_an_audio_player(as_alice, mix):
    job = make_job_row(mix, State.DONE, files=["mp3"])
    page = text_of(as_alice.get(url_of("job_detail", job)))
    assert "<audio controls" in page and "<video" not in page


def test_what_was_found_leads_to_its_place(as_alice, mix):
    first, second, _ = mix.items.order_by("position")
    title = second.track.title
    job = make_job_row(mix, State.DONE, files=["mp3"], notes=[f"Left out: 9 s of “{title}”."])
    timeline = job.snapshot["timeline"]
    join_s = timeline["clips"][1]["start"] / timeline["rate"]
    job.check_sheet["mp3"] |= {
        "clicks": [{"at_s": 61.04, "over_db": 20.0}, {"at_s": join_s, "over_db": 20.0}],
        "joins": [{"start_s": join_s, "overlap_s": 0.0, "title": title, "dip_lu": None}],
        "items": [{"name": "clicks", "verdict": "wrong", "sentence": "A click at 1:01.0."}],
    }
    job.save()
    page = " ".join(text_of(as_alice.get(url_of("job_detail", job))).split())
    sound = url_of("artifact", job.artifacts.get())
    assert f'<a data-hear="58.04" href="{sound}#t=58">1:01.0</a>' in page
    change = reverse("mixes:join", args=[mix.pk, first.pk])
    assert f'<a href="{change}"> Change the join into “{title}” </a>' in page
    assert f'<a data-hear="{join_s}" href="{sound}#t={int(join_s)}">“{title}”</a>' in page


def test_a_result_says_what_became_of_mp3_songs(as_alice, mix):
    job = make_job_row(mix, State.DONE, files=KINDS, progress=1000)
    clips = job.snapshot["timeline"]["clips"]
    clips[0] |= {"gain_step": 0, "grid": -clips[0]["cue_in"] % 1152}
    clips[1] |= {"gain_step": -2, "gain_db": -3.01, "grid": (clips[1]["start"] - clips[1]["cue_in"]) % 1152}
    clips[2] |= {"encoded_because": "it is not an MP3"}
    job.save()
    page = text_of(as_alice.get(url_of("job_detail", job)))
    titles = [clip["title"] for clip in clips]
    wanted = ("copied", "copied, \u22123.0 dB", "encoded, because it is not an MP3")
    for title, words in zip(titles, wanted, strict=True):
        assert f"<li>{title}: {words}</li>" in page


def test_a_changed_arrangement_is_shown(as_alice, mix, done):
    assert "was changed after this" not in text_of(as_alice.get(url_of("job_detail", done)))
    mix.version += 1
    mix.save()
    assert "was changed after this" in text_of(as_alice.get(url_of("job_detail", done)))


def test_a_result_with_a_missing_file_still_has_a_page(as_alice, done):
    for row in done.artifacts.all():
        storage.remove(row.file)
    assert as_alice.get(url_of("job_detail", done)).status_code == 200


def test_a_failure_shows_the_reason_and_what_to_do(as_alice, mix):
    job = make_job_row(mix, State.FAILED, error_text="“Rain”: it is damaged.")
    page = text_of(as_alice.get(url_of("job_detail", job)))
    assert "“Rain”: it is damaged." in page and "Try again" in page and url_of("job_retry", job) in page


def test_names_are_shown_as_they_are_and_never_run(as_alice, alice):
    mix = make_mix_row(alice, "<script>alert(1)</script>")
    page = text_of(as_alice.get(url_of("job_detail", make_job_row(mix, State.DONE, files=["mp3"]))))
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_the_number_of_queries_is_constant(as_alice, alice, mix, done, django_assert_max_num_queries):
    for _ in range(4):
        make_job_row(mix, State.DONE)
        make_job_row(make_mix_row(alice), State.RUNNING)
    with django_assert_max_num_queries(20) as captured:
        as_alice.get(url_of("job_detail", done))
    assert len(of_mixes(captured)) == 5  # the job, its files, its link, other open jobs, earlier results


def test_the_timeline_is_available_as_json(as_alice, done):
    data = as_alice.get(url_of("job_timeline", done)).json()
    assert len(data["clips"]) == 3 and len(data["joins"]) == 2 and len(data["chapters"]) == 3
    assert data["duration_s"] == data["clips"][-1]["start_s"] + data["clips"][-1]["length_s"]


# Actions


def test_a_job_is_cancelled(as_alice, mix):
    job = make_job_row(mix)
    assert as_alice.post(url_of("job_cancel", job)).url == url_of("job_detail", job)
    job.refresh_from_db()
    assert job.state == State.CANCELLED


def test_cancelling_too_late_is_reported(as_alice, done):
    response = as_alice.post(url_of("job_cancel", done), follow=True)
    assert "It had already ended." in text_of(response)


def test_a_failed_job_is_retried(as_alice, mix):
    job = make_job_row(mix, State.FAILED)
    as_alice.post(url_of("job_retry", job))
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_result_is_deleted_and_the_mix_stays(as_alice, mix, done):
    assert as_alice.post(url_of("job_delete", done)).url == url_of("mix_detail", mix)
    assert not MixJob.objects.exists()
    mix.refresh_from_db()


def test_an_open_job_is_not_deleted(as_alice, mix):
    job = make_job_row(mix)
    assert as_alice.post(url_of("job_delete", job)).url == url_of("job_detail", job)
    assert MixJob.objects.exists()


def test_a_mail_can_be_requested_and_cancelled(as_alice, mix):
    job = make_job_row(mix)
    for data, wanted in (({"mail": "1"}, True), ({}, False)):
        as_alice.post(url_of("job_mail", job), data)
        job.refresh_from_db()
        assert job.mail_when_done is wanted


def test_jobs_of_a_binned_mix_are_not_shown(as_alice, mix, done):
    mix.deleted_at = done.finished_at
    mix.save()
    assert as_alice.get(url_of("job_detail", done)).status_code == 404


# Files


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("mp3", "audio/mpeg"),
        ("mp4", "video/mp4"),
        ("description", "text/plain; charset=utf-8"),
        ("cue", "text/plain; charset=utf-8"),
        ("chapters", "application/json+chapters"),
        ("timeline", "application/json"),
    ],
)
def test_files_are_sent_with_their_content_type(as_alice, mix, kind, content_type):
    row = make_artifact_row(make_job_row(mix, State.DONE), kind)
    shown, saved = (as_alice.get(url_of(name, row)) for name in ("artifact", "artifact_download"))
    for response in (shown, saved):
        assert response["Content-Type"] == content_type
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["ETag"] == f'"{row.sha256}"'
        assert b"".join(response) == storage.path_of(row.file).read_bytes()
    assert shown["Content-Disposition"].startswith("inline;")
    assert saved["Content-Disposition"] == f'attachment; filename="{row.name}"'


def test_a_player_can_seek(as_alice, mix):
    row = make_artifact_row(make_job_row(mix, State.DONE), content=bytes(range(100)))
    response = as_alice.get(url_of("artifact", row), headers={"Range": "bytes=10-19"})
    assert response.status_code == 206 and b"".join(response) == bytes(range(10, 20))


@pytest.mark.parametrize("name", ["artifact", "artifact_download"])
def test_only_the_owner_gets_the_files(name, as_alice, as_bob, as_nobody, mix):
    row = make_artifact_row(make_job_row(mix, State.DONE))
    assert as_bob.get(url_of(name, row)).status_code == 404
    assert as_nobody.get(url_of(name, row)).status_code == 302
    assert as_alice.post(url_of(name, row)).status_code == 405
    assert as_alice.get(reverse(f"mixes:{name}", args=[uuid.uuid4()])).status_code == 404
    assert as_alice.head(url_of(name, row)).status_code == 200


def test_a_missing_file_is_not_found(as_alice, mix):
    row = make_artifact_row(make_job_row(mix, State.DONE))
    storage.remove(row.file)
    assert as_alice.get(url_of("artifact", row)).status_code == 404


# Loudness over time


@pytest.fixture
def faulted(mix):
    """A result whose first join begins with a hole at 1:02."""
    job = make_job_row(mix, State.DONE, files=KINDS, progress=1000)
    finding = {
        "part": "hole",
        "points": 3.0,
        "at_s": 62.0,
        "length_s": 8.0,
        "what": "It is quiet for 8 s.",
        "way_out": "Let it begin earlier.",
    }
    joins = [{"title": "Second", "points": 3.0, "dip_lu": 9.0, "findings": [finding]}]
    job.check_sheet["mp3"] |= {"joins": joins, "curve_lufs": [-14.0] * 100, "curve_step_s": 1.0}
    job.save()
    return job


def test_a_finding_is_a_link_to_hear_it_and_one_to_its_join(as_alice, faulted, mix):
    page = text_of(as_alice.get(url_of("job_detail", faulted)))
    sound = faulted.artifacts.get(kind="mp4")
    assert "Loudness over time" in page and "It is quiet for 8 s. Let it begin earlier." in page
    assert page.count(f'href="{url_of("artifact", sound)}#t=59"') == 2
    first = mix.items.order_by("position")[0]
    assert reverse("mixes:join", args=[mix.pk, first.pk]) in page


def test_a_changed_mix_has_no_link_to_its_join(as_alice, faulted, mix):
    mix.version += 1
    mix.save()
    page = text_of(as_alice.get(url_of("job_detail", faulted)))
    assert "It is quiet for 8 s." in page and "Change this join" not in page


def test_a_result_checked_before_has_no_picture_of_loudness(as_alice, done):
    assert "Loudness over time" not in text_of(as_alice.get(url_of("job_detail", done)))
