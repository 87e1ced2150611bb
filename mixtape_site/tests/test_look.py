"""Shared parts of pages: icons, error pages, and nothing that the CSP refuses."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
SPRITE = (Path(settings.BASE_DIR) / "static" / "img" / "icons.svg").read_text()
REFUSED = re.compile(
    r"""\sstyle=["']|\son[a-z]+=["']|<style|hx-on|<script(?![^>]*(\bsrc=|type="application/json"))"""
)


def name_of(path):
    return path.name


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_icon_a_template_names_is_in_the_sprite(path):
    named = set(re.findall(r"icons\.svg' %}#([a-z-]+)\"", path.read_text()))
    assert named <= set(re.findall(r'<symbol id="([a-z-]+)"', SPRITE))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_template_has_nothing_the_csp_refuses(path):
    assert not REFUSED.search(path.read_text())


@pytest.mark.parametrize("name", ["400.html", "500.html", "503.html"])
def test_error_page_renders_without_request_or_manifest(name, settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    assert "<h1>" in render_to_string(name)


@pytest.mark.parametrize("name", ["403.html", "403_csrf.html", "404.html", "413.html", "429.html"])
def test_refusal_page_says_what_happened_and_links_on(name, rf, db):
    page = render_to_string(name, {"user": None}, rf.get("/"))
    assert "<h1>" in page
    assert reverse("home") in page


def test_welcome_page_offers_sign_up_only_when_it_is_open(client, settings):
    settings.SIGNUP_OPEN = True
    assert reverse("account_signup") in client.get("/").content.decode()
    settings.SIGNUP_OPEN = False
    assert reverse("account_signup") not in client.get("/").content.decode()


def test_sign_in_page_offers_a_new_password_only_when_the_site_sends_mail(client, settings, db):
    settings.HAS_MAIL = True
    assert reverse("account_reset_password") in client.get(reverse("account_login")).content.decode()
    settings.HAS_MAIL = False
    assert reverse("account_reset_password") not in client.get(reverse("account_login")).content.decode()


def test_passwords_have_no_help_text_of_their_own():
    assert render_to_string("account/password_reset_help_text.html") == ""


@pytest.mark.parametrize("page", ["privacy", "terms", "robots", "manifest"])
def test_page_of_the_site_opens_for_everybody(client, page):
    assert client.get(reverse(page)).status_code == 200


def test_manifest_is_json_that_names_the_icons(client):
    manifest = client.get(reverse("manifest")).json()
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
