"""What "Hear it" plays: always the join that the page shows, whatever was heard before."""

import time

import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import WORK_MS, rows, sign_up, start_mix, wait_until_ready


def test_hear_it_plays_the_join_as_it_is_after_each_change(page, tmp_path):
    sign_up(page, "eve@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(write_songs(tmp_path)[:3])
    wait_until_ready(page, 3)
    page.locator(".chip-join").first.click()
    panel = page.locator("join-panel")
    hear = panel.get_by_role("button", name="Hear it")
    first = hear_other(page, hear, None)

    panel.locator("input[name=style][value=cut]").check()  # while the old one plays, with no wait
    cut = hear_other(page, hear, first)
    panel.locator("input[name=style][value=smooth]").check()
    panel.locator("input[name=overlap]").fill("3")
    panel.locator("input[name=overlap]").press("Tab")
    short = hear_other(page, hear, cut)
    panel.locator("input[name=overlap]").fill("9")
    panel.locator("input[name=overlap]").press("Tab")
    longer = hear_other(page, hear, short)
    assert longer[1] > short[1] + 2, "an overlap of 9 s is heard for longer than one of 3 s"

    hear.click()  # nothing was changed: it pauses, then goes on
    expect(hear).to_have_attribute("aria-pressed", "false")
    hear.click()
    assert heard(page) == longer

    page.locator("#track-list .track-row").nth(1).get_by_role("button", name="Move down").click()
    expect(rows(page)).to_have_text(["Early Light", "Tin Roof", "Slow Water"])
    in_other_order = hear_other(page, hear, longer)
    panel.locator("input[name=style][value=radio]").check()
    in_other_style = hear_other(page, hear, in_other_order)
    panel.get_by_role("button", name="All back to automatic").click()
    expect(panel.locator("input[name=style][value='']")).to_be_checked()
    automatic = hear_other(page, hear, in_other_style)
    page.locator("#mix-settings summary").first.click()
    page.locator("#mix-settings [name=style][value=cut]").check(force=True)
    of_the_mix = hear_other(page, hear, automatic)

    hear.click()
    panel.locator("input[name=style][value=smooth]").check()
    page.locator("track-player audio").evaluate("(a) => { a.play(); }")  # the browser's own button
    until = time.monotonic() + WORK_MS / 1000
    while heard(page)[0] == of_the_mix[0]:
        assert time.monotonic() < until, "the browser's own button plays the old join"


def hear_other(page, hear, before):
    """Press and return what is heard, once it is another sound than `before`."""
    hear.click()
    until = time.monotonic() + WORK_MS / 1000
    while time.monotonic() < until:
        now = heard(page)
        if before is None or now[0] != before[0]:
            return now
    pytest.fail("the old join is heard")


def heard(page):
    """Return the address and the duration of what plays."""
    audio = page.locator("track-player audio")
    until = time.monotonic() + WORK_MS / 1000
    while time.monotonic() < until:
        if audio.evaluate("(a) => !a.paused && a.currentTime > 0.1"):
            return audio.evaluate("(a) => [a.currentSrc, a.duration]")
        page.wait_for_timeout(100)
    pytest.fail("nothing plays")
