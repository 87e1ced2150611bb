"""Users sign in with their e-mail address."""

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.db import IntegrityError

pytestmark = pytest.mark.django_db
User = get_user_model()


def test_a_user_signs_in_with_the_address_in_any_case():
    alice = User.objects.create_user("Alice@Example.org", "correct horse")
    assert authenticate(username="alice@example.ORG", password="correct horse") == alice
    assert authenticate(username="alice@example.org", password="wrong") is None


def test_addresses_are_unique_in_any_case():
    User.objects.create_user("alice@example.org", "x")
    with pytest.raises(IntegrityError):
        User.objects.create_user("ALICE@example.org", "y")


def test_a_user_without_an_address_is_refused():
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("", "x")


def test_only_an_operator_may_use_the_admin():
    assert User.objects.create_superuser("op@example.org", "x").is_superuser
    assert not User.objects.create_user("alice@example.org", "x").is_staff
