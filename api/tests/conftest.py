"""Clients that send a token."""

import pytest
from django.test import Client

from api.services import tokens, waits


@pytest.fixture(autouse=True)
def no_places_taken():
    waits._waiting.clear()


def client_of(user, *scopes, **options):
    """Return a client with a new token of `user`, and without any cookie."""
    _token, secret = tokens.create_token(user, "test", scopes, days=options.get("days"))
    client = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)
    client.secret = secret
    return client


@pytest.fixture
def by_alice(alice):
    return client_of(alice, "read", "write", "publish")


@pytest.fixture
def by_bob(bob):
    return client_of(bob, "read", "write", "publish")


@pytest.fixture
def by_nobody(db):
    return Client(raise_request_exception=False)
