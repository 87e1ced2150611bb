"""A show in the browser: three actions make its second episode; by keyboard alone; without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import (
    WORK_MS,
    make,
    rows,
    sign_up,
    start_mix,
    wait_until_ready,
)
from mixtape_site.tests.browser.test_pages import findings


@pytest.fixture(scope="module")
def fourteen(tmp_path_factory):
    """Fourteen files with other names and contents."""
    songs = []
    for number in range(3):
        for path in write_songs(tmp_path_factory.mktemp("songs"), seconds=6.0 + number):
            songs.append(path.rename(path.with_name(path.name.replace("Amber", f"Amber {number}"))))
    return songs[:14]


def save_as_show(page):
    page.get_by_label("More for this mix").click()
    page.get_by_role("button", name="Save as a show").click()
    expect(page).to_have_url(re.compile(r"/shows/[0-9a-f-]{36}/$"))


def test_the_second_episode_takes_three_actions(page, fourteen):
    sign_up(page, "hedy@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(fourteen[0])
    wait_until_ready(page, 1)
    save_as_show(page)
    page.goto("/mixes/")

    actions = []
    page.get_by_role("button", name="New episode").click()
    actions.append("New episode")
    page.locator("input.upload-files").set_input_files(fourteen)
    actions.append("choose files")
    wait_until_ready(page, 14)
    make(page)
    actions.append("Make")

    assert len(actions) == 3
    expect(page.locator("h1")).to_contain_text("#1 - ")
    page.goto("/mixes/")
    expect(page.locator("section", has_text="Shows").first).to_contain_text("#2 - ")


def test_a_show_is_changed_by_keyboard_alone(page):
    sign_up(page, "mary@example.org")
    start_mix(page)
    page.get_by_label("More for this mix").focus()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if "Save as a show" in page.evaluate("document.activeElement.innerText"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/shows/[0-9a-f-]{36}/$"))
    page.get_by_label("Name of the show").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("Night Bus")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Night Bus")


def test_a_show_works_without_javascript(chromium, site, watched, page, fourteen):
    sign_up(page, "joan@example.org")
    context = open_context(
        chromium, site, watched, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto("/mixes/")
    plain.get_by_role("button", name="New mix").click()
    plain.locator("details.label-menu summary").click()
    plain.get_by_role("button", name="Save as a show").click()
    plain.get_by_label("Name of the show").fill("Tape hour")
    plain.get_by_role("button", name="Save the show").click()
    plain.get_by_role("button", name="New episode", exact=True).click()
    expect(plain.locator("h1")).to_contain_text("Tape hour #1")
    plain.locator("input.upload-files").set_input_files(fourteen[:2])
    plain.get_by_role("button", name="Add the chosen files").click()
    expect(rows(plain)).to_have_count(2, timeout=WORK_MS)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_of_a_show_are_accessible_and_fit(chromium, site, watched, width, scheme, tmp_path):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "bypass_csp": True}
    context = open_context(chromium, site, watched, **options)
    page = context.new_page()
    sign_up(page, f"show-{width}-{scheme}@example.org")
    start_mix(page)
    save_as_show(page)
    shown = page.url
    for address in ("/mixes/", shown, f"{shown}intro/", "/shows/import/"):
        page.goto(address, wait_until="networkidle")
        assert findings(page, address) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        page.screenshot(path=tmp_path / f"{address.strip('/').rsplit('/', 1)[-1]}.png", full_page=True)
    context.close()
