"""The set-up page shows operators what to enter at Google and what is missing; other users get a 404."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mixes.models import WorkerNode
from mixes.queues import PUBLISH
from mixtape_site.configuration.addresses import SiteAddress
from youtube_integration.pages.setup_page import check_address, setup_page
from youtube_integration.security.token_keys import key_path
from youtube_integration.tests.journeys import connected

pytestmark = pytest.mark.django_db
URI = "http://127.0.0.1:8000/youtube/callback/"
SIGN_IN_URI = "http://127.0.0.1:8000/accounts/google/login/callback/"


@pytest.fixture
def as_operator(alice, as_alice):
    alice.is_staff = True
    alice.save()
    return as_alice


def levels(sheet):
    return [finding.level for finding in sheet.findings]


def texts_of(sheet):
    return " ".join(finding.text for finding in sheet.findings)


def test_it_is_for_operators(as_bob, as_nobody):
    assert as_bob.get(reverse("youtube:setup")).status_code == 404
    assert as_nobody.get(reverse("youtube:setup")).status_code == 302


def test_it_shows_the_exact_addresses(as_operator):
    page = as_operator.get(reverse("youtube:setup")).content.decode()
    assert f">{URI}<" in page and f">{SIGN_IN_URI}<" in page
    assert "auth/youtube.upload" in page and "http://127.0.0.1:8000/privacy/" in page


def test_without_keys_it_names_the_variables(db):
    sheet = setup_page()
    assert not sheet.is_ready
    assert "GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET" in texts_of(
        sheet
    ) and "GOOGLE_CLIENT_SECRETS_FILE" in texts_of(sheet)


def test_it_is_ready_with_keys_and_a_worker(google, settings):
    assert "No worker for publishing" in texts_of(setup_page())
    WorkerNode.objects.create(queue=PUBLISH, host="here", pid=1, heartbeat_at=timezone.now())
    sheet = setup_page()
    assert sheet.is_ready, sheet
    assert "Compare both addresses" in texts_of(sheet)
    WorkerNode.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    assert not setup_page().is_ready


def test_a_file_of_keys_is_compared_with_the_sites_addresses(google, settings):
    settings.GOOGLE_REDIRECT_URIS = (URI,)
    assert f"does not list {SIGN_IN_URI}:" in texts_of(setup_page())
    settings.GOOGLE_REDIRECT_URIS = (URI, SIGN_IN_URI)
    assert "lists both" in texts_of(setup_page())


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("https://mixtape.example.org", "ok"),
        ("http://localhost:8000", "ok"),
        ("http://127.0.0.1:8000", "ok"),
        ("http://mixtape.example.org", "wrong"),
        ("http://192.168.1.7:8000", "wrong"),
        ("https://192.168.1.7", "wrong"),
        ("https://mixtape", "wrong"),
        ("https://mixtape.local", "wrong"),
    ],
)
def test_addresses_that_google_refuses_are_reported(settings, url, level):
    settings.SITE = SiteAddress.read(url, bind="127.0.0.1", port=8000)
    settings.SITE_URL = settings.SITE.url
    (finding,) = check_address()
    assert finding.level == level, finding


def test_the_keys_are_checked_at_google_on_request_only(google, as_operator, settings):
    as_operator.get(reverse("youtube:setup"))
    assert google.log == []
    page = as_operator.get(reverse("youtube:setup"), {"ask": "google"}).content.decode()
    assert "knows these keys" in page
    settings.GOOGLE_CLIENT_SECRET = "GOCSPX-mistyped"
    assert "does not know these keys" in texts_of(setup_page(ask_google=True))
    settings.GOOGLE_OAUTH_TOKEN_URI = "http://127.0.0.1:9/token"
    assert "could not be reached" in texts_of(setup_page(ask_google=True))


def test_a_lost_key_is_reported(alice, as_alice, google):
    connected(alice, as_alice)
    assert "opens all of them" in texts_of(setup_page())
    key_path().unlink()
    assert "1 stored secrets cannot be opened" in texts_of(setup_page())
    key_path().write_text("nonsense")
    sheet = setup_page()
    assert "is not 32 bytes" in texts_of(sheet) and "nonsense" not in texts_of(sheet)


def test_connecting_from_another_host_name_is_refused(as_alice, google):
    answer = as_alice.post(reverse("youtube:connect"), headers={"host": "localhost:8000"})
    assert answer.url == reverse("youtube:channel")
    assert as_alice.post(reverse("youtube:connect"), headers={"host": "127.0.0.1:8000"}).url.startswith(
        "http"
    )
