"""A fragment never contains the sign-in page: scripts open it as a page, and return to their page."""

import pytest
from django.urls import reverse

HTMX = {"HX-Request": "true"}
PAGE = {"HX-Current-URL": "http://testserver/tracks/?page=2"}


def test_a_signed_out_fragment_opens_the_sign_in_page_and_returns(as_nobody):
    answer = as_nobody.get("/tracks/states/", headers=HTMX | PAGE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["HX-Redirect"] == reverse("account_login") + "?next=%2Ftracks%2F%3Fpage%3D2"
    assert "Location" not in answer


def test_a_signed_out_post_does_so_too(as_nobody):
    assert as_nobody.post("/mixes/new/", headers=HTMX)["HX-Redirect"] == reverse("account_login")


@pytest.mark.parametrize(
    "page", ["https://elsewhere.example/", "http://testserver//elsewhere.example/", "javascript:alert(1)", ""]
)
def test_a_page_of_another_site_is_not_returned_to(as_nobody, page):
    answer = as_nobody.get("/tracks/", headers={**HTMX, "HX-Current-URL": page})
    assert answer["HX-Redirect"] == reverse("account_login")


def test_whole_pages_and_other_redirects_are_unchanged(as_nobody, as_alice):
    answer = as_nobody.get("/tracks/")
    assert (answer.status_code, answer["Location"]) == (302, reverse("account_login") + "?next=/tracks/")
    assert as_alice.post("/mixes/new/", headers=HTMX).status_code == 302


@pytest.mark.parametrize(
    ("came_from", "page"),
    [
        ("http://testserver/tracks/?page=2", "?next=%2Ftracks%2F%3Fpage%3D2"),
        ("https://elsewhere.example/tracks/", ""),
        ("", ""),
        ("http://[", ""),
        ("http://testserver//elsewhere.example/", ""),
    ],
)
def test_a_form_sent_signed_out_returns_to_its_page(as_nobody, came_from, page):
    """The form's own URL would be requested by GET after the sign-in, and answer 405."""
    answer = as_nobody.post("/mixes/new/", headers={"Referer": came_from})
    assert (answer.status_code, answer["Location"]) == (302, reverse("account_login") + page)
