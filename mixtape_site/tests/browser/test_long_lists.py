"""The page of a mix: keyboard, menus, undo, uploads in sight. Its songs are rows without files."""

import re

import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import sign_up

MAKE = """
from accounts.models import User
from mixes.tests.factories import make_mix_row, make_track_row
owner = User.objects.get(email={email!r})
songs = [make_track_row(owner, f"Song {{k}}", 60.0 + k) for k in range(1, {count} + 1)]
print("MIX", make_mix_row(owner, "Long night", songs, transition_s=None).pk)
"""

NOTE = """
from mixes.engine.mixing.joins import QUIET_TAILS
from mixes.models import Mix
mix = Mix.objects.get(owner__email={email!r})
mix.plan["notes"] = [f"{{QUIET_TAILS}}: the last 3 s of “Song 2”.", "Left out: “Song 5”."]
mix.save()
"""

# two files dragged over the upper edge of a row, or dropped there
DRAG = """(row, name) => {
    const data = new DataTransfer(), {top, left} = row.getBoundingClientRect();
    for (const song of ["one.mp3", "two.mp3"]) data.items.add(new File(["no sound"], song));
    const where = {clientX: left + 40, clientY: top + 2, bubbles: true, cancelable: true};
    row.dispatchEvent(new DragEvent(name, {dataTransfer: data, ...where}));
}"""

MAKE_RESULT = """
from accounts.models import User
from mixes.leases import State
from mixes.tests.factories import make_job_row, make_mix_row
owner = User.objects.get(email={email!r})
print("JOB", make_job_row(make_mix_row(owner, tracks=12), State.DONE, files=("mp3",)).pk)
"""


def open_mix(page, site, email, count):
    """Sign up and open a mix of `count` ready songs."""
    sign_up(page, email)
    made = site.manage("shell", "-c", MAKE.format(email=email, count=count))
    page.goto(f"/mixes/{re.search(r'MIX (.+)', made.stdout)[1]}/")


def numbers(page):
    return page.locator(".track-row .track-name strong").all_text_contents()


def test_undo_speaks_and_has_keys(page, site):
    open_mix(page, site, "una@example.org", 4)
    page.locator(".track-row").nth(1).locator("button[value^=up]").click()
    expect(page.locator("#announce")).to_contain_text("Song 2 is now number 1 of 4")
    expect(page.locator("#saved")).to_have_text("Saved")
    page.keyboard.press("Control+z")
    expect(page.locator("#announce")).to_have_text("Undone: Changed the order")
    assert numbers(page) == ["Song 1", "Song 2", "Song 3", "Song 4"]
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#announce")).to_have_text("Done again: Changed the order")
    assert numbers(page)[0] == "Song 2"


def test_the_title_is_renamed_where_it_stands(page, site):
    open_mix(page, site, "tia@example.org", 2)
    page.locator("#mix-head .title-link").click()
    page.keyboard.type("Nope")
    page.keyboard.press("Escape")
    expect(page.locator("#mix-head .title-link")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("By the sea")
    page.keyboard.press("Enter")
    expect(page.locator("#mix-head h1")).to_have_text(re.compile("By the sea"))
    expect(page).to_have_title(re.compile("^By the sea · Mixtape$"))


def test_a_join_opens_under_the_bar_and_a_menu_above_the_foot(chromium, site, watched):
    context = open_context(chromium, site, watched, viewport={"width": 360, "height": 640})
    page = context.new_page()
    open_mix(page, site, "joy@example.org", 6)
    expect(page.get_by_role("link", name="Look & words").last).to_be_visible()
    page.set_viewport_size({"width": 800, "height": 640})  # on a phone the join is a sheet of its own
    chip = page.locator(".chip-join").nth(3)
    chip.click()
    expect(page.locator(".join-panel")).to_be_visible()
    head = page.locator(".order-head").bounding_box()
    assert chip.bounding_box()["y"] >= head["y"] + head["height"]
    chip.click()
    page.set_viewport_size({"width": 360, "height": 640})
    menu = page.locator(".track-row").nth(3).locator("details.menu")
    bar = page.locator("#mix-bar").bounding_box()["y"]
    menu.evaluate("(menu, bar) => scrollBy(0, menu.getBoundingClientRect().bottom - bar + 4)", bar)
    menu.locator("summary").click()
    box = menu.locator(".menu-list").bounding_box()
    assert box["y"] + box["height"] <= bar
    context.close()


def test_a_note_leads_to_its_song_and_its_join(page, site):
    open_mix(page, site, "ned@example.org", 6)
    site.manage("shell", "-c", NOTE.format(email="ned@example.org"))
    page.reload()
    page.locator(".mix-notes summary").click()
    page.locator(".mix-notes").get_by_role("link", name="“Song 5”").click()
    expect(page.locator(".track-row").nth(4)).to_be_in_viewport()
    page.locator(".mix-notes summary").click()
    page.locator(".mix-notes").get_by_role("link", name="“Song 2”").click()
    expect(page.locator(".join-row").nth(1).locator(".join-panel")).to_be_visible()
    expect(page.locator(".join-panel")).to_have_count(1)


def test_notes_fit_on_a_phone(chromium, site, watched):
    context = open_context(chromium, site, watched, viewport={"width": 360, "height": 640})
    page = context.new_page()
    open_mix(page, site, "may@example.org", 6)
    site.manage("shell", "-c", NOTE.format(email="may@example.org"))
    page.reload()
    page.locator(".mix-notes summary").click()
    box = page.locator(".mix-notes .menu-list").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    assert box["y"] + box["height"] <= page.locator("#mix-bar").bounding_box()["y"] + 1
    context.close()


def test_dropped_files_are_rows_at_once_and_can_be_cancelled_in_the_footer(page, site, tmp_path):
    open_mix(page, site, "ufo@example.org", 2)
    page.route("**/uploads/", lambda route: None)  # nothing is announced
    page.locator("input.upload-files").set_input_files(write_songs(tmp_path, 4.0)[:3])
    coming = page.locator(".track-row.is-coming")
    expect(coming).to_have_count(3)
    expect(coming.first.locator(".track-num")).to_have_text("3")
    foot = page.locator(".upload-foot")
    expect(foot).to_contain_text("Sending 0 of 3")
    foot.get_by_role("button", name="Cancel").click()
    expect(coming).to_have_count(0)
    expect(foot).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")


def test_songs_dropped_between_two_rows_come_there(page, site, tmp_path):
    open_mix(page, site, "lea@example.org", 4)
    second = page.locator(".track-row").nth(1)
    second.evaluate(DRAG, "dragover")
    expect(page.locator(".is-drop-place")).to_have_count(1)
    expect(page.get_by_text("Drop to add before the marked song")).to_be_visible()
    held = []
    page.route("**/uploads/", lambda route: held.append(route))  # nothing is announced yet
    second.evaluate(DRAG, "drop")
    expect(page.locator(".is-drop-place")).to_have_count(0)
    expect(page.locator(".track-row .track-name strong")).to_have_text(
        ["Song 1", "one.mp3", "two.mp3", "Song 2", "Song 3", "Song 4"]
    )
    expect(page.locator(".track-num")).to_have_text(["1", "2", "3", "4", "5", "6"])
    page.route("**/uploads/", lambda route: route.continue_())
    held[0].continue_()
    expect(page.locator(".track-row:not(.is-coming) .track-name strong")).to_have_text(
        ["Song 1", "one", "two", "Song 2", "Song 3", "Song 4"]
    )


def test_a_range_of_songs_is_ticked(page, site):
    open_mix(page, site, "ria@example.org", 6)
    page.goto(page.url + "names/")
    boxes = page.locator("input[name=pick]")
    boxes.nth(1).check()
    boxes.nth(3).click(modifiers=["Shift"])
    page.keyboard.press("Shift+ArrowDown")
    expect(boxes.nth(4)).to_be_focused()
    page.keyboard.press("ArrowDown")
    assert [box.is_checked() for box in boxes.all()] == [False, True, True, True, True, False]
    expect(page.locator("[data-picked]")).to_have_text("4")
    page.get_by_role("button", name="Take out of the mix").click()
    expect(page.locator("[data-picked]")).to_have_text("0")
    expect(boxes).to_have_count(2)


def test_a_stream_of_upload_events_does_not_put_the_list_off(page, site):
    open_mix(page, site, "evi@example.org", 3)
    asked = []
    page.on("request", lambda request: request.url.endswith("/state/") and asked.append(request.url))
    page.evaluate(
        "setInterval(() => document.dispatchEvent(new CustomEvent('uploads:changed')), 50)"
    )  # to the end of the test
    for _ in range(200):
        page.wait_for_timeout(50)
        if len(asked) >= 2:
            return
    pytest.fail("the list waits for the end of the events")


def test_a_long_list_by_keyboard(page, site):
    open_mix(page, site, "kay@example.org", 40)
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Make the mix")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("j")
    third = page.locator(".track-row").nth(2)
    expect(third).to_be_focused()
    expect(third.locator("button[value^=down]")).to_have_count(1)
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#announce")).to_have_text("Song 3 is now number 4 of 40")
    expect(page.locator("#saved")).to_have_text("Saved")
    page.keyboard.press("Enter")
    expect(page.locator(".join-panel")).to_be_visible()
    page.keyboard.press("?")
    page.get_by_label("Use single keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    page.locator(".mix-map").click(position={"x": 1000, "y": 20})
    expect(page.locator(".track-row").nth(36)).to_be_in_viewport()
    page.reload()
    assert numbers(page)[2:4] == ["Song 4", "Song 3"]


def test_the_player_of_a_result_stays_in_sight_once_it_was_played(page, site, watched):
    sign_up(page, "pia@example.org")
    made = site.manage("shell", "-c", MAKE_RESULT.format(email="pia@example.org"))
    page.route("**/artifacts/**", lambda route: route.abort())  # its file holds no sound
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(f"/jobs/{re.search(r'JOB (.+)', made.stdout)[1]}/")
    panel = page.locator("mix-player .player")
    expect(panel).to_be_visible()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(panel).not_to_be_in_viewport()
    page.locator("mix-player audio").dispatch_event("play")
    expect(panel).to_be_in_viewport()
    assert panel.bounding_box()["height"] <= 80
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("mix-player")).not_to_have_class(re.compile("is-away"))
    watched.errors.clear()  # of the file that was not loaded
