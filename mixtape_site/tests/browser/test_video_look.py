"""What people see, in the browser: the switch, the frames, the focus by mouse and by keys."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import sign_up, start_mix, wait_until_ready
from mixtape_site.tests.browser.test_pages import findings


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("songs"), seconds=12.0)[:2]


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "tall.png"
    Image.linear_gradient("L").resize((600, 1200)).save(path)
    return path


def open_look(page, songs, email):
    sign_up(page, email)
    start_mix(page)
    page.locator("input.upload-files").set_input_files(songs)
    wait_until_ready(page, 2)
    page.get_by_label("Steps").get_by_role("link", name="Look & words").click()


def sources(page):
    images = page.locator("#look-frames img")
    return images.evaluate_all("(all) => all.map((image) => image.getAttribute('src'))")


def wait_for_other_frames(page, before):
    expect(page.locator("#look-frames img").first).not_to_have_attribute("src", before[0])
    wait_for_frames(page)


def wait_for_frames(page):
    for image in page.locator("#look-frames img").all():
        expect(image).not_to_have_js_property("naturalWidth", 0)


def reload(page):
    """Reload the page without the browser's time limit for its frames, which the server may still draw."""
    page.reload(wait_until="domcontentloaded")
    wait_for_frames(page)


def test_the_video_is_switched_on_and_its_frames_follow_each_change(page, songs, picture):
    open_look(page, songs, "agnes@example.org")
    first = page.locator("look-editor input:visible").first
    expect(first).to_have_attribute("name", "look-make_mp4")
    expect(page.locator("#look-frames")).to_contain_text("No video is made")
    first.check()
    expect(page.locator("#look-frames .notice")).to_have_count(0)
    expect(page.locator("#look-frames img")).to_have_count(1)

    page.get_by_label("Show each song's name").check()
    expect(page.locator("#look-frames img")).to_have_count(2)  # the first song, and the second till the end
    before = sources(page)
    page.get_by_label("Seconds that a song's name is shown").fill("3")
    page.keyboard.press("Tab")
    expect(page.locator("#look-frames img")).to_have_count(3)
    before = sources(page)
    page.get_by_label("Shape and size").select_option("1080x1920")
    wait_for_other_frames(page, before)
    ratio = page.locator("#look-frames img").first.evaluate("(i) => i.naturalWidth / i.naturalHeight")
    assert abs(ratio - 9 / 16) < 0.01

    page.locator("input.picture-file").set_input_files(picture)
    expect(page.locator("#look-picture")).to_contain_text("Your own")
    page.get_by_label("Shape and size").select_option("1920x1080")
    page.get_by_label("Picture in the frame").select_option("fill")
    expect(page.locator("#saved")).to_contain_text("Saved")
    drag_up(page)
    focus = page.get_by_label("Focus, % from above")
    expect(focus).to_have_value(re.compile("^[6-9][0-9]$"))
    before = sources(page)
    focus.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    wait_for_other_frames(page, before)
    reload(page)
    expect(page.get_by_label("Focus, % from above")).to_have_value(re.compile("^[6-9][0-9]$"))
    expect(page.get_by_label("Make a video")).to_be_checked()


def drag_up(page):
    """Drag the picture up by a third of its height: what lies below comes into sight."""
    before = sources(page)
    image = page.locator("#look-frames img").first
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()
    wait_for_other_frames(page, before)


def test_the_look_is_saved_without_javascript(chromium, site, watched, page, songs):
    open_look(page, songs, "clara@example.org")
    address, state = page.url, page.context.storage_state()
    context = open_context(chromium, site, watched, java_script_enabled=False, storage_state=state)
    plain = context.new_page()
    plain.goto(address)
    plain.get_by_label("Make a video").check()
    plain.get_by_label("Title on the picture").select_option("never")
    before = sources(plain)
    plain.get_by_role("button", name="Save and look").click()
    assert sources(plain) != before
    expect(plain.get_by_label("Make a video")).to_be_checked()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_accessible_and_fits(chromium, site, watched, songs, width, scheme, tmp_path):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "bypass_csp": True}
    context = open_context(chromium, site, watched, **options)
    page = context.new_page()
    open_look(page, songs, f"look-{width}-{scheme}@example.org")
    page.get_by_label("Make a video").check()
    page.get_by_label("Show each song's name").check()
    expect(page.locator("#look-frames img")).to_have_count(2)
    wait_for_frames(page)
    reload(page)
    assert findings(page, "look") == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.screenshot(path=tmp_path / "look.png", full_page=True)
    context.close()
