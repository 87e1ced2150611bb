"""Secrets do not appear on debug pages or in the admin; sessions end with a changed password."""

import subprocess
import sys

from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import technical_500_response

from mixtape_site.configuration.worker_environment import KEYLESS, TOKEN_KEYS, without_secrets
from mixtape_site.tests.configuration.test_settings_documents import ROOT

HIDDEN = "canary-4be1"


def test_each_worker_gets_only_the_secrets_it_needs():
    given = dict.fromkeys([TOKEN_KEYS, "GOOGLE_CLIENT_SECRET", "GOOGLE_CLIENT_SECRETS_FILE"], HIDDEN)
    common = {"SECRET_KEY": "s", "DATABASE_URL": "d", "GOOGLE_CLIENT_ID": "i", "PATH": "/bin"}
    everything = {**given, **common, "EMAIL_URL": HIDDEN}
    assert without_secrets("short", everything) == {**common, KEYLESS: "1"}
    assert without_secrets("long", everything) == {**common, "EMAIL_URL": HIDDEN, KEYLESS: "1"}
    assert without_secrets("publish", everything) == everything


def error_page(request):
    """Return Django's debug page, which shows the variables of this function too."""
    try:
        raise ValueError("something else")
    except ValueError:
        return technical_500_response(request, *sys.exc_info()).content.decode()


def test_a_debug_page_shows_no_secret(settings):
    settings.DEBUG = True
    for name in ("SECRET_KEY", "EMAIL_HOST_PASSWORD", "GOOGLE_CLIENT_SECRET", "EMAIL_URL"):
        setattr(settings, name, HIDDEN)
    settings.SECRET_KEY_FALLBACKS = [HIDDEN]
    settings.SOCIALACCOUNT_PROVIDERS = {"google": {"APPS": [{"client_id": "is shown", "secret": HIDDEN}]}}
    environment = {"DATABASE_URL": f"postgres://u:{HIDDEN}@h/d", "EMAIL_URL": HIDDEN, TOKEN_KEYS: HIDDEN}
    page = error_page(RequestFactory(**environment).get("/", headers={"cookie": f"sessionid={HIDDEN}"}))
    assert "something else" in page and "is shown" in page and "DATABASE_URL" in page
    assert [line for line in page.splitlines() if HIDDEN in line] == []


def test_the_admin_has_no_table_with_secrets():
    names = {model.__name__ for model in admin.site._registry}
    assert "SocialAccount" in names
    assert not names & {"SocialApp", "SocialToken", "Session"}
    shown = [
        (model.__name__, field)
        for model, entry in admin.site._registry.items()
        for field in [*entry.list_display, *entry.readonly_fields]
        if str(field).startswith("sealed_")
    ]
    assert shown == []


def test_a_changed_password_ends_all_other_sessions(alice):
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post(reverse("account_login"), {"login": alice.email, "password": "alice likes records"})
        assert client.get("/account/").status_code == 200
    words = {
        "oldpassword": "alice likes records",
        "password1": "alice likes tapes",
        "password2": "alice likes tapes",
    }
    assert here.post(reverse("account_change_password"), words).status_code == 302
    assert here.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_a_password_set_by_an_operator_ends_all_sessions(alice, as_alice):
    assert as_alice.get("/account/").status_code == 200
    alice.set_password("an operator chose this")
    alice.save()
    assert as_alice.get("/account/").status_code == 302


def settings_of(**environment):
    code = (
        "import django; django.setup(); from django.conf import settings as s\n"
        "for what in ('NAME', 'SECURE', 'HTTPONLY', 'SAMESITE', 'PATH', 'DOMAIN'):\n"
        "    print(getattr(s, 'SESSION_COOKIE_' + what), getattr(s, 'CSRF_COOKIE_' + what))\n"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "mixtape_site.settings", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return done.stdout.split()


def test_cookies_are_bound_to_this_host_and_to_tls(tmp_path):
    common = {"MIXTAPE_DATA_DIR": str(tmp_path)}
    secure = settings_of(**common, MIXTAPE_URL="https://mix.example.org")
    both = ["Lax", "Lax", "/", "/", "None", "None"]
    assert secure == ["__Host-sessionid", "__Host-csrftoken", *["True"] * 4, *both]
    plain = settings_of(**common)
    assert plain == ["sessionid", "csrftoken", "False", "False", "True", "True", *both]
