"""A radio show's way: jingles between the songs, then the songs as files; with its actions counted."""

import zipfile

import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import (
    make,
    sign_up,
    start_mix,
    wait_until_made,
    wait_until_ready,
)
from mixtape_site.tests.browser.test_pages import findings


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("songs"), seconds=12.0)[:4]


def test_jingles_and_songs_take_three_and_one_actions(chromium, site, watched, songs, tmp_path):
    context = open_context(chromium, site, watched, bypass_csp=True)
    page = context.new_page()
    sign_up(page, "radio@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(songs)
    wait_until_ready(page, 4)

    editor = page.url
    page.get_by_role("link", name="From your tracks").first.click()
    jingle = page.locator(".picks li").last
    jingle.get_by_role("checkbox").check()  # 1
    page.get_by_label("Place").select_option("2")  # 2
    assert findings(page, "add") == []
    look_at_all(page, tmp_path / "add")
    page.get_by_role("button", name="Add to the mix").click()  # 3
    expect(page).to_have_url(editor)
    expect(page.locator("body")).to_contain_text("The jingles are between the songs.")
    expect(page.locator("#track-list .track-row")).to_have_count(5)

    make(page)
    wait_until_made(page)
    assert findings(page, "result") == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Songs").click()  # the only action
    archive = zipfile.ZipFile(download.value.path())
    names = [name for name in archive.namelist() if name.endswith(".mp3")]
    assert archive.testzip() is None
    assert len(names) == 4  # the jingle belongs to the song before it
    page.get_by_text("Tracklist as text and data").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download Table").click()
    assert download.value.path().read_text("utf-8").count("\n") == 5
    look_at_all(page, tmp_path / "result")
    context.close()


def look_at_all(page, stem):
    """Take pictures at both widths in both colours; nothing may be wider than the screen."""
    for width in (360, 1280):
        for scheme in ("dark", "light"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            page.screenshot(path=f"{stem}-{width}-{scheme}.png", full_page=True)
