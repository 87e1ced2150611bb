"""Pages of the site itself: machine-readable ones, and error pages."""

import json

import pytest
from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, reverse

from mixes.services.library.form_uploads import expects_files
from mixtape_site import urls, views

handler400, handler403, handler404, handler500 = (
    urls.handler400,
    urls.handler403,
    urls.handler404,
    urls.handler500,
)


@expects_files(3, limit="file_bytes")
def read_form(request):
    return HttpResponse(f"{len(request.POST)} {len(request.FILES)}")


def fail(request, kind):
    raise {
        "busy": OperationalError("database is locked"),
        "bug": ZeroDivisionError(),
        "no": PermissionDenied(),
    }[kind]


urlpatterns = [path("fail/<str:kind>", fail), path("form", read_form), path("", include(urls))]


@pytest.fixture
def failing(settings):
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def test_healthz_makes_no_query(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert answer.status_code == 200 and answer.json() == {"ok": True}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("url", ["/healthz", "/readyz", "/favicon.ico", "/"])
def test_these_pages_accept_get_only(client, db, url):
    assert client.post(url).status_code == 405


@pytest.mark.parametrize("url", ["/", "/mixes/", "/account/", "/nowhere/"])
def test_the_footer_shows_the_version(as_nobody, as_alice, settings, url):
    settings.VERSION = "7.8.9"
    for client in (as_nobody, as_alice):
        page = client.get(url, follow=True).content.decode()
        assert "Mixtape 7.8.9" in page.partition('<footer class="site-foot">')[2]


@pytest.mark.parametrize(
    "url", ["/", "/privacy/", "/terms/", "/robots.txt", "/site.webmanifest", "/favicon.ico"]
)
def test_public_pages_need_no_user(as_nobody, url):
    assert as_nobody.get(url).status_code == 200


def test_robots_txt_excludes_user_pages(client):
    text = client.get("/robots.txt").content.decode()
    assert "Disallow: /mixes/" in text and "Disallow: /account/" in text


def test_the_manifest_is_json(client):
    assert json.loads(client.get("/site.webmanifest").content)["start_url"] == "/"


def test_a_locked_database_answers_503(failing, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = failing.get("/fail/busy")
    assert answer.status_code == 503 and answer["Retry-After"] == "5"


def test_a_database_lost_before_the_view_answers_503(alice, rf):
    try:
        raise OperationalError("server closed the connection")
    except OperationalError:
        assert views.server_error(rf.get("/")).status_code == 503


def test_a_server_error_page_needs_no_database(failing, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = failing.get("/fail/bug")
    assert answer.status_code == 500 and "<h1>" in answer.content.decode()
    assert len(answer["X-Request-ID"]) == 12 and answer["X-Request-ID"] in answer.content.decode()


def test_other_errors_have_our_own_pages(failing, db):
    assert failing.get("/fail/no").status_code == 403
    assert "Mixtape" in failing.get("/nowhere").content.decode()


def test_a_body_that_is_too_big_gets_its_own_page(failing, db, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = failing.post("/form", {"text": "x" * 200})
    assert answer.status_code == 413


def test_too_many_files_get_their_own_page(failing, alice, settings, tmp_path):
    failing.force_login(alice)
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    song = tmp_path / "a.mp3"
    song.write_bytes(b"x")
    files = {f"file{n}": song.open("rb") for n in range(3)}
    assert failing.post("/form", files).status_code == 413


def test_a_form_without_its_csrf_token_gets_its_own_page(db):
    answer = Client(enforce_csrf_checks=True).post(reverse("account_login"), {})
    assert answer.status_code == 403 and "<h1>" in answer.content.decode()


def test_every_page_has_the_security_headers(as_nobody):
    answer = as_nobody.get("/")
    csp = answer["Content-Security-Policy"]
    assert "default-src 'none'" in csp and "script-src 'self'" in csp and "unsafe" not in csp
    assert "frame-ancestors 'none'" in csp and "base-uri 'none'" in csp
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]


def test_cookies_are_httponly_and_samesite(alice, as_nobody):
    as_nobody.post(reverse("account_login"), {"login": alice.email, "password": "alice likes records"})
    session = as_nobody.cookies["sessionid"]
    assert session["httponly"] and session["samesite"] == "Lax"


def breaks_of_policy(text):
    """Return what the Content-Security-Policy would block in a page."""
    tags = [tag.split(">")[0] for tag in text.split("<script")[1:]]
    inline = [tag for tag in tags if "src=" not in tag and "application/json" not in tag]
    return inline + [word for word in (" style=", "<style", " onclick=", "javascript:") if word in text]


def test_the_admin_obeys_the_same_csp(db):
    operator = get_user_model().objects.create_superuser("op@example.org", "x")
    client = Client()
    client.force_login(operator)
    lists = [
        reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist") for model in site._registry
    ]
    for url in [reverse("admin:index"), reverse("admin:password_change"), *lists]:
        answer = client.get(url)
        assert answer.status_code == 200 and "script-src 'self'" in answer["Content-Security-Policy"]
        assert breaks_of_policy(answer.content.decode()) == [], url


def test_a_body_error_is_distinguished_from_a_plain_bad_request(rf, db):
    assert views.bad_request(rf.get("/"), RequestDataTooBig()).status_code == 413
    assert views.bad_request(rf.get("/"), ValueError()).status_code == 400
