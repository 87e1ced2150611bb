"""The page of an account's tokens, and the command that makes one."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from api.models import ApiToken
from api.services import tokens, webhooks

pytestmark = pytest.mark.django_db
PAGE = "/account/access/"


def me(secret):
    return Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me")


def test_a_new_token_is_shown_once_and_works(as_alice, alice):
    answer = as_alice.post(PAGE, {"name": "NAS", "scopes": ["read", "write"], "days": "30"})
    (secret,) = re.findall(r"mxt_[\w-]{20,}", answer.content.decode())
    assert me(secret).json()["email"] == alice.email
    assert "no-store" in answer["Cache-Control"]
    page = as_alice.get(PAGE).content.decode()
    assert secret not in page and secret[:10] in page and "NAS" in page
    token = ApiToken.objects.get()
    assert round((token.expires_at - token.created_at) / timedelta(days=1)) == 30


def test_a_token_for_ever_has_no_end(as_alice):
    as_alice.post(PAGE, {"name": "NAS", "scopes": ["read"], "days": "0"})
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    "form", [{}, {"name": "x", "scopes": ["all"], "days": "30"}, {"name": "x", "days": "7"}]
)
def test_a_form_with_errors_makes_no_token(as_alice, form):
    assert as_alice.post(PAGE, form).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_removed_token_ends_at_once(as_alice, alice):
    token, secret = tokens.create_token(alice, "NAS", ["read"], days=None)
    assert me(secret).status_code == 200
    as_alice.post(reverse("access:token_remove", args=[token.pk]))
    assert me(secret).status_code == 401


def test_there_is_a_limit_of_tokens_in_words(as_alice, alice, monkeypatch):
    monkeypatch.setattr(tokens, "MOST_TOKENS", 1)
    tokens.create_token(alice, "NAS", ["read"], days=None)
    answer = as_alice.post(PAGE, {"name": "x", "scopes": ["read"], "days": "30"})
    assert answer.status_code == 422 and "Remove one first" in answer.content.decode()


def test_the_account_leads_to_the_page(as_alice):
    assert f'href="{PAGE}"' in as_alice.get(reverse("accounts:profile")).content.decode()


def test_the_command_prints_the_token_alone_to_its_output(alice):
    out, err = io.StringIO(), io.StringIO()
    call_command("token", "ALICE@example.org", "--scopes", "publish", stdout=out, stderr=err)
    assert me(out.getvalue().strip()).json()["scopes"] == ["read", "publish"]
    assert "mxt_" not in err.getvalue()


@pytest.mark.parametrize(("email", "scopes"), [("nobody@example.org", "read"), ("alice@example.org", "all")])
def test_the_command_refuses_what_it_does_not_know(alice, email, scopes):
    with pytest.raises(CommandError, match="There is no"):
        call_command("token", email, "--scopes", scopes)


def test_the_export_of_an_account_names_its_tokens_and_webhooks_without_their_secrets(as_alice, alice):
    _token, secret = tokens.create_token(alice, "NAS", ["read"], days=None)
    endpoint, signs = webhooks.create_endpoint(alice, "https://hooks.example.org/", ["job.done"])
    archive = zipfile.ZipFile(io.BytesIO(b"".join(as_alice.post(reverse("accounts:export"), {}))))
    ((token,), (webhook,)) = (json.loads(archive.read(f"{name}.json")) for name in ("tokens", "webhooks"))
    assert (token["name"], webhook["url"]) == ("NAS", endpoint.url)
    texts = b"".join(archive.read(name) for name in archive.namelist()).decode()
    hidden = (secret, signs, tokens.digest_of(secret), endpoint.sealed_secret)
    assert not [one for one in hidden if one in texts]
