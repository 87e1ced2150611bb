"""Limits and rate limits per user, and their sentences."""

import dataclasses
import io
from base64 import b64encode

import pytest
from django.contrib import admin
from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from mixes import tasks
from mixes.leases import OPEN
from mixes.models import AnalysisJob, Artwork, Mix, Preview, Track
from mixes.services import analyses, rate_limits
from mixes.services.library import tracks
from mixes.services.rendering import previews
from mixes.tests.factories import make_artwork_row, make_mix_row, make_track_row
from mixtape_site.configuration.limits import Limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def limit(settings):
    def limit(**limits):
        settings.LIMITS = dataclasses.replace(settings.LIMITS, **limits)

    return limit


def said(response):
    """Return the messages of the page after a redirect."""
    return response.content.decode().replace("\xa0", " ")


def begin(client):
    metadata = f"filename {b64encode(b'a.mp3').decode()}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": metadata}
    return client.post("/uploads/", b"", content_type="application/octet-stream", headers=headers)


# Limits


def test_the_limits_are_wide_enough_for_years_of_use():
    limits = Limits()
    assert (limits.mixes_per_user, limits.tracks_per_user, limits.pictures_per_user) == (2000, 20_000, 2000)


@pytest.mark.parametrize("way", ["mix_create", "mix_duplicate", "mix_demo"])
def test_a_mix_beyond_the_limit_is_refused_with_a_sentence(way, alice, as_alice, bob, as_bob, limit):
    mix = make_mix_row(alice, tracks=0)
    make_mix_row(alice, tracks=0, deleted_at="2026-01-01T00:00:00Z")  # those in the bin count
    limit(mixes_per_user=2)
    address = reverse(f"mixes:{way}", args=[mix.pk] if way == "mix_duplicate" else [])
    page = said(as_alice.post(address, follow=True))
    assert "You have 2 mixes, including those in the bin" in page and "Nothing you have is lost" in page
    assert Mix.objects.count() == 2
    assert as_bob.post(reverse("mixes:mix_create")).status_code == 302  # limits are per user
    assert Mix.objects.filter(owner=bob).count() == 1


def test_a_track_beyond_the_limit_is_refused_by_every_upload_path(alice, as_alice, limit):
    make_track_row(alice)
    make_track_row(alice, deleted_at="2026-01-01T00:00:00Z")
    limit(tracks_per_user=2)
    answer = begin(as_alice)
    assert answer.status_code == 413 and "Your library has 2 tracks" in said(answer)
    file = SimpleUploadedFile("a.mp3", b"x" * 10)
    assert "Your library has 2 tracks" in said(
        as_alice.post(reverse("mixes:upload_form"), {"files": file}, follow=True)
    )
    assert Track.objects.count() == 2


def test_a_picture_beyond_the_limit_is_refused(alice, as_alice, limit):
    make_artwork_row(alice)
    limit(pictures_per_user=1)
    buffer = io.BytesIO()
    Image.new("RGB", (300, 500)).save(buffer, "PNG")
    mix = make_mix_row(alice, tracks=0)
    file = SimpleUploadedFile("cover.png", buffer.getvalue())
    page = said(as_alice.post(reverse("mixes:artwork", args=[mix.pk]), {"picture": file}, follow=True))
    assert "You have added 1 picture, and that is the most you can add." in page
    assert Artwork.objects.count() == 1


def test_the_number_of_waiting_previews_is_limited(alice, as_alice, limit):
    mix = make_mix_row(alice, tracks=4)
    first, second, third, _last = mix.items.order_by("position")
    limit(previews_waiting=2)
    ask = {"Accept": "application/json"}
    answers = [
        as_alice.post(reverse("mixes:join_preview", args=[mix.pk, item.pk]), headers=ask)
        for item in (first, second, third, first)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 200]  # an open job is returned
    assert "Try again in a moment" in answers[2].json()["sentence"]
    assert Preview.objects.filter(kind="join").count() == 2
    track = as_alice.post(reverse("mixes:track_preview", args=[first.track_id]), headers=ask)
    assert track.status_code == 409 and "Try again in a moment" in track.json()["sentence"]


def test_one_user_who_asks_for_300_tracks_has_20_open_and_another_users_song_is_next(alice, bob, as_alice):
    songs = [make_track_row(alice, f"song {n}", sha256=f"{n:064}") for n in range(300)]
    for song in songs:
        as_alice.post(reverse("mixes:track_preview", args=[song.pk]))
    assert Preview.objects.filter(owner=alice, state__in=OPEN).count() == 20
    previews.request_track_ahead(songs[-1])
    assert Preview.objects.filter(owner=alice, state__in=OPEN).count() == 20
    song = make_track_row(bob, state="analysing")
    analyses.request_analysis(song)
    owners = [tasks.claim_best("short")[1].owner for _ in range(3)]
    assert bob in owners


def test_previews_made_ahead_leave_room_for_those_that_are_asked_for(alice, as_alice):
    songs = [make_track_row(alice, f"song {n}", sha256=f"{n:064}") for n in range(12)]
    for song in songs:
        previews.request_track_ahead(song)
    assert Preview.objects.filter(state__in=OPEN).count() == 10
    answer = as_alice.post(reverse("mixes:track_preview", args=[songs[11].pk]))
    assert answer.status_code == 302 and Preview.objects.filter(state__in=OPEN).count() == 11


def test_repeated_retries_analyse_a_track_once(alice, as_alice):
    track = make_track_row(alice, state="refused")
    for _ in range(5):
        as_alice.post(reverse("mixes:track_retry", args=[track.pk]))
        tracks.retry_analysis(Track.objects.get(pk=track.pk))
    assert AnalysisJob.objects.filter(state__in=OPEN).count() == 1


# Rate limits


def test_upload_creation_is_rate_limited_and_the_client_waits(alice, as_alice, as_bob, limit):
    limit(announced_per_minute=3)
    answers = [begin(as_alice) for _ in range(4)]
    assert [answer.status_code for answer in answers] in ([201] * 3 + [429], [201] * 4)  # over a full minute
    while answers[-1].status_code == 201:
        answers.append(begin(as_alice))
    assert answers[-1]["Retry-After"] == "60" and "nothing was lost" in said(answers[-1])
    assert begin(as_bob).status_code == 201


def test_the_rate_limit_ends_after_a_minute(alice, monkeypatch):
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6000.0)
    rate_limits.check_rate(alice, "test", 1)
    with pytest.raises(rate_limits.TooFast):
        rate_limits.check_rate(alice, "test", 1)
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6060.0)
    rate_limits.check_rate(alice, "test", 1)


def test_sign_ups_are_rate_limited(as_nobody, settings):
    settings.SIGNUP_OPEN = True
    form = {"password1": "x", "password2": "x"}
    answers = [as_nobody.post(reverse("account_signup"), {**form, "email": f"{n}@x.org"}) for n in range(22)]
    assert answers[0].status_code == 200 and answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] and "Nothing was lost" in said(answers[-1])


def test_password_resets_are_rate_limited_per_address(alice, as_nobody, settings):
    settings.HAS_MAIL = True
    alice.emailaddress_set.create(email=alice.email, verified=True, primary=True)
    for _ in range(12):
        as_nobody.post(reverse("account_reset_password"), {"email": alice.email})
    assert 1 <= len(mail.outbox) <= 5


def test_many_addresses_do_not_evict_rate_limit_counts(alice, monkeypatch):
    """Attempts at other passwords must not make room for more attempts at alice's."""
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6000.0)
    rate_limits.check_rate(alice, "test", 1)
    for number in range(5_000):
        cache.set(f"other-{number}", 1, 60)
    with pytest.raises(rate_limits.TooFast):
        rate_limits.check_rate(alice, "test", 1)


# The admin


@pytest.mark.parametrize("typed", ["a " * 100, "a " * 3000, "x" * 50_000, '"an open quote', "%_\\ ' ; --"])
def test_the_admin_survives_any_search(typed, alice, as_alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert as_alice.get(address, {"q": typed}).status_code == 200, model


def test_the_first_words_of_a_search_still_count(alice, as_alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    make_mix_row(alice, "Evenings in the North", tracks=0)
    make_mix_row(alice, "Mornings", tracks=0)
    page = said(as_alice.get(reverse("admin:mixes_mix_changelist"), {"q": "evenings north " + "the " * 500}))
    assert "Evenings in the North" in page and "Mornings" not in page
