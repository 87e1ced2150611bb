"""A suggested order in the browser: chosen by keyboard, taken, taken back; without JavaScript; on a phone."""

import re

import pytest
from playwright.sync_api import expect

from mixes.engine.tests.signals import RATE, write_audio
from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.songs import make_song
from mixtape_site.tests.browser.test_journey import rows, sign_up, start_mix, wait_until_ready
from mixtape_site.tests.browser.test_pages import findings

FILES = ("1 Ada - One.flac", "2 Ada - Two.flac", "3 Bo - Three.flac")
NOW, SUGGESTED = ["One", "Two", "Three"], ["One", "Three", "Two"]


@pytest.fixture(scope="module")
def trio(tmp_path_factory):
    """Three songs, the first two by the same artist."""
    folder = tmp_path_factory.mktemp("trio")
    return [
        write_audio(folder / name, make_song(220.0 * (number + 2), 10.0), RATE)
        for number, name in enumerate(FILES)
    ]


def start_trio(page, email, trio):
    sign_up(page, email)
    start_mix(page)
    page.locator("input.upload-files").set_input_files(trio)
    wait_until_ready(page, 3)


def test_an_order_is_chosen_by_keyboard_and_taken_back(page, trio):
    start_trio(page, "order@example.org", trio)
    page.get_by_label("Sort", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Suggest an order").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/order/$"))
    page.get_by_label("“Ada - One” stays first").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Suggest").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("first=1"))
    expect(page.locator("#order-summary")).to_have_text("1 join fits better, 0 worse.")
    expect(page.get_by_label("“Ada - One” stays first")).to_be_checked()
    page.get_by_role("button", name="Take this order").focus()
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_text(SUGGESTED)
    page.get_by_role("button", name="Undo: Took the suggested order").click()
    expect(rows(page)).to_have_text(NOW)


def test_an_order_is_taken_without_javascript(chromium, site, watched, page, trio):
    start_trio(page, "order-plain@example.org", trio)
    address = page.url.split("#")[0]
    context = open_context(
        chromium, site, watched, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto(f"{address}order/?first=1")
    plain.get_by_role("button", name="Take this order").click()
    expect(rows(plain)).to_have_text(SUGGESTED)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_accessible_and_fits(chromium, site, watched, trio, width, scheme, tmp_path):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "bypass_csp": True}
    context = open_context(chromium, site, watched, **options)
    page = context.new_page()
    start_trio(page, f"order-{width}-{scheme}@example.org", trio)
    page.goto(f"{page.url.split('#')[0]}order/?first=1", wait_until="networkidle")
    page.get_by_text("Songs that stay together").click()
    assert findings(page, "order") == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.screenshot(path=tmp_path / "order.png", full_page=True)
    context.close()
