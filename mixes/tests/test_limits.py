"""How many and how often: what one person may have and ask for, and the sentence where that ends."""

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

from mixes.leases import OPEN
from mixes.models import AnalysisJob, Artwork, Mix, Preview, Track
from mixes.services import rate_limits
from mixes.services.library import tracks
from mixes.tests.factories import make_artwork_row, make_mix_row, make_track_row
from mixtape_site.configuration.limits import Limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def limit(settings):
    def limit(**limits):
        settings.LIMITS = dataclasses.replace(settings.LIMITS, **limits)

    return limit


def said(response):
    """What the page after a redirect says."""
    return response.content.decode().replace("\xa0", " ")


def begin(client):
    told = f"filename {b64encode(b'a.mp3').decode()}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": told}
    return client.post("/uploads/", b"", content_type="application/octet-stream", headers=headers)


# How many


def test_the_limits_are_wide_enough_for_years_of_use():
    limits = Limits()
    assert (limits.mixes_per_user, limits.tracks_per_user, limits.pictures_per_user) == (2000, 20_000, 2000)


@pytest.mark.parametrize("way", ["mix_create", "mix_duplicate", "mix_demo"])
def test_a_mix_too_many_is_refused_with_a_sentence(way, alice, as_alice, bob, as_bob, limit):
    mix = make_mix_row(alice, tracks=0)
    make_mix_row(alice, tracks=0, deleted_at="2026-01-01T00:00:00Z")  # those in the bin count
    limit(mixes_per_user=2)
    address = reverse(f"mixes:{way}", args=[mix.pk] if way == "mix_duplicate" else [])
    page = said(as_alice.post(address, follow=True))
    assert "You have 2 mixes, those in the bin among them" in page and "Nothing you have is lost" in page
    assert Mix.objects.count() == 2
    assert as_bob.post(reverse("mixes:mix_create")).status_code == 302  # everybody has limits of their own
    assert Mix.objects.filter(owner=bob).count() == 1


def test_a_track_too_many_is_refused_whichever_way_it_comes(alice, as_alice, limit):
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


def test_a_picture_too_many_is_refused(alice, as_alice, limit):
    make_artwork_row(alice)
    limit(pictures_per_user=1)
    buffer = io.BytesIO()
    Image.new("RGB", (300, 500)).save(buffer, "PNG")
    mix = make_mix_row(alice, tracks=0)
    file = SimpleUploadedFile("cover.png", buffer.getvalue())
    page = said(as_alice.post(reverse("mixes:artwork", args=[mix.pk]), {"picture": file}, follow=True))
    assert "You have added 1 picture, and that is as many as there may be." in page
    assert Artwork.objects.count() == 1


def test_joins_wait_in_line_only_so_many_at_once(alice, as_alice, limit):
    mix = make_mix_row(alice, tracks=4)
    first, second, third, _last = mix.items.order_by("position")
    limit(previews_waiting=2)
    ask = {"Accept": "application/json"}
    answers = [
        as_alice.post(reverse("mixes:join_preview", args=[mix.pk, item.pk]), headers=ask)
        for item in (first, second, third, first)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 200]  # what waits already is told of
    assert "Try again in a moment" in answers[2].json()["sentence"]
    assert Preview.objects.filter(kind="join").count() == 2


def test_a_track_is_listened_to_once_however_often_that_is_asked_for(alice, as_alice):
    track = make_track_row(alice, state="refused")
    for _ in range(5):
        as_alice.post(reverse("mixes:track_retry", args=[track.pk]))
        tracks.retry_analysis(Track.objects.get(pk=track.pk))
    assert AnalysisJob.objects.filter(state__in=OPEN).count() == 1


# How often


def test_announcing_uploads_is_slowed_down_and_the_client_waits(alice, as_alice, as_bob, limit):
    limit(announced_per_minute=3)
    answers = [begin(as_alice) for _ in range(4)]
    assert [answer.status_code for answer in answers] in ([201] * 3 + [429], [201] * 4)  # over a full minute
    while answers[-1].status_code == 201:
        answers.append(begin(as_alice))
    assert answers[-1]["Retry-After"] == "60" and "nothing was lost" in said(answers[-1])
    assert begin(as_bob).status_code == 201


def test_a_minute_later_it_goes_on(alice, monkeypatch):
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6000.0)
    rate_limits.check_rate(alice, "test", 1)
    with pytest.raises(rate_limits.TooFast):
        rate_limits.check_rate(alice, "test", 1)
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6060.0)
    rate_limits.check_rate(alice, "test", 1)


def test_signing_up_is_slowed_down(as_nobody, settings):
    settings.SIGNUP_OPEN = True
    form = {"password1": "x", "password2": "x"}
    answers = [as_nobody.post(reverse("account_signup"), {**form, "email": f"{n}@x.org"}) for n in range(22)]
    assert answers[0].status_code == 200 and answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] and "Nothing was lost" in said(answers[-1])


def test_asking_for_a_new_password_is_slowed_down_for_one_address(alice, as_nobody, settings):
    settings.HAS_MAIL = True
    alice.emailaddress_set.create(email=alice.email, verified=True, primary=True)
    for _ in range(12):
        as_nobody.post(reverse("account_reset_password"), {"email": alice.email})
    assert 1 <= len(mail.outbox) <= 5


def test_many_addresses_do_not_wash_out_what_was_counted(alice, monkeypatch):
    """Guesses at others' passwords must not make room for more guesses at alice's."""
    monkeypatch.setattr(rate_limits.time, "time", lambda: 6000.0)
    rate_limits.check_rate(alice, "test", 1)
    for number in range(5_000):
        cache.set(f"somebody-{number}", 1, 60)
    with pytest.raises(rate_limits.TooFast):
        rate_limits.check_rate(alice, "test", 1)


# The admin


@pytest.mark.parametrize("typed", ["a " * 100, "a " * 3000, "x" * 50_000, '"an open quote', "%_\\ ' ; --"])
def test_the_admin_answers_whatever_is_searched_for(typed, alice, as_alice):
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
