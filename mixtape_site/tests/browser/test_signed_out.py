"""A user signed out elsewhere gets the whole sign-in page, and then returns to the page they were on."""

import re

import pytest

from mixtape_site.tests.browser.test_journey import PASSWORD, sign_up, start_mix


def rename(page):
    field = page.locator("#rename [name=rename]")
    field.evaluate("(field) => { field.value = 'Nights'; field.form.requestSubmit(); }")


def add_a_file(page):
    page.locator(".upload-files").set_input_files({"name": "a.mp3", "mimeType": "audio/mpeg", "buffer": b"1"})


def refresh_the_list(page):
    page.evaluate("document.body.dispatchEvent(new CustomEvent('uploads:changed'))")


@pytest.mark.parametrize(
    ("where", "act"), [("mix", rename), ("mix", add_a_file), ("/tracks/", refresh_the_list)]
)
def test_a_fragment_opens_the_whole_sign_in_page_and_returns(page, watched, where, act):
    sign_up(page, f"{act.__name__}@example.org")
    if where == "mix":
        start_mix(page)
    else:
        page.goto(where)
    path = re.sub(r"^https?://[^/]+", "", page.url)
    page.context.clear_cookies(name="sessionid")
    act(page)
    page.wait_for_url(re.compile(r"\?next=(%2F|/)"))
    assert page.locator("h1").count() == 1
    page.get_by_label("Email").fill(f"{act.__name__}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(re.escape(path.partition("#")[0]) + "$"))
    watched.errors[:] = [error for error in watched.errors if "401" not in error]  # the upload's response
