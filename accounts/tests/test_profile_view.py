"""Account pages."""

import pytest
from django.urls import reverse

from mixes.tests.factories import make_track_row

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", ["profile", "export", "delete"])
def test_pages_require_sign_in(as_nobody, page):
    answer = as_nobody.get(reverse(f"accounts:{page}"))
    assert answer.status_code == 302 and answer.url.startswith(reverse("account_login"))


@pytest.mark.parametrize("page", ["profile", "export", "delete"])
def test_pages_respond_and_refuse_other_methods(as_alice, page):
    assert as_alice.get(reverse(f"accounts:{page}")).status_code == 200
    assert as_alice.delete(reverse(f"accounts:{page}")).status_code == 405


def test_the_profile_shows_the_used_storage(alice, bob, as_alice, settings):
    quarter = settings.LIMITS.storage_bytes // 4
    make_track_row(alice, size=quarter)
    make_track_row(bob, size=9_000_000_000)
    answer = as_alice.get(reverse("accounts:profile"))
    assert answer.context["used_bytes"] == quarter
    assert answer.context["used_percent"] == 25


def test_the_name_is_optional_and_kept(alice, as_alice):
    as_alice.post(reverse("accounts:profile"), {"first_name": "Alice of the Records"})
    alice.refresh_from_db()
    assert alice.get_full_name() == "Alice of the Records"
    as_alice.post(reverse("accounts:profile"), {"first_name": ""})
    alice.refresh_from_db()
    assert alice.get_full_name() == ""


def test_a_name_that_is_too_long_is_shown_again(alice, as_alice):
    assert as_alice.post(reverse("accounts:profile"), {"first_name": "x" * 151}).status_code == 422


def test_without_mail_the_address_is_changed_by_password(alice, as_alice):
    new = {"email": "alice@records.example", "password": "wrong"}
    assert as_alice.post(reverse("account_email"), new).status_code == 422
    new["password"] = "alice likes records"
    assert as_alice.post(reverse("account_email"), new).url == reverse("accounts:profile")
    alice.refresh_from_db()
    assert alice.email == "alice@records.example"
    assert list(alice.emailaddress_set.values_list("email", "verified")) == [(alice.email, False)]


def test_a_taken_address_is_refused_in_any_case(bob, as_alice):
    new = {"email": "BOB@example.org", "password": "alice likes records"}
    answer = as_alice.post(reverse("account_email"), new)
    assert answer.status_code == 422 and "already" in answer.content.decode()


def test_with_mail_the_address_is_confirmed_by_a_message(as_alice, settings, mailoutbox):
    settings.HAS_MAIL = True
    as_alice.post(reverse("account_email"), {"email": "alice@records.example", "action_add": ""})
    assert mailoutbox[0].to == ["alice@records.example"]
