"""Caches keep no page of a signed-in user."""

import pytest
from django.http import HttpResponse

from mixtape_site.middleware.headers import PrivatePagesMiddleware

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/mixes/", "/tracks/", "/account/", "/nothing-here/"])
def test_pages_of_signed_in_users_are_private_and_asked_for_again(as_alice, path):
    answer = as_alice.get(path)
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "HX-Request", "HX-History-Restore-Request"} <= set(answer["Vary"].split(", "))


def test_a_page_that_asks_for_more_keeps_it(rf, alice):
    request = rf.get("/")
    request._cached_user = alice
    page = HttpResponse(headers={"Cache-Control": "no-store"})
    assert PrivatePagesMiddleware(lambda request: page)(request)["Cache-Control"] == "no-store"


def test_pages_of_visitors_have_no_such_header(as_nobody, db):
    assert "private" not in as_nobody.get("/privacy/").headers.get("Cache-Control", "")
