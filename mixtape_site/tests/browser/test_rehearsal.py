"""A mix is heard before it is made: all joins one after the other, or the whole of it from any place."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import WORK_MS, sign_up, start_mix, wait_until_ready

HEARD = """(bar) => ({plays: bar.isPlaying, at: bar.at, place: bar.place, pieces: bar.pieces.length,
    sounds: bar.decks.filter((deck) => deck && !deck.audio.paused).length})"""


@pytest.fixture
def mix(page, tmp_path):
    """The page of a mix of three songs of 24 s."""
    sign_up(page, f"{uuid.uuid4().hex}@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(write_songs(tmp_path)[:3])
    wait_until_ready(page, 3)
    expect(page.locator(".join-row")).to_have_count(2)
    return page


def heard(page, **wanted):
    """Wait until what is heard is as wanted; return it."""
    for _ in range(WORK_MS // 100):
        now = page.locator("mix-rehearsal").evaluate(HEARD)
        if now["plays"] and all(now[name] == value for name, value in wanted.items()):
            return now
        page.wait_for_timeout(100)
    pytest.fail(f"heard {now} instead of {wanted}")


def test_all_joins_are_heard_one_after_the_other(mix):
    bar = mix.locator("mix-rehearsal")
    expect(bar).to_be_hidden()  # nothing plays by itself
    mix.get_by_role("button", name="Hear all joins").click()
    heard(mix, at=0, pieces=2)
    expect(bar.get_by_role("status")).to_have_text("Join 1 of 2")
    expect(mix.locator(".is-sounding .chip-join")).to_contain_text("join into Slow Water")
    bar.get_by_role("button", name="Next").click()
    heard(mix, at=1, sounds=1)
    expect(bar.get_by_role("status")).to_have_text("Join 2 of 2")
    expect(bar.get_by_role("button", name="Next")).to_be_disabled()
    bar.get_by_role("button", name="Pause").click()
    expect(mix.locator(".is-sounding")).to_have_count(0)
    bar.get_by_role("button", name="Previous").click()
    heard(mix, at=0)
    bar.get_by_role("button", name="Close").click()
    expect(bar).to_be_hidden()


def test_a_song_passes_into_its_join_without_a_break(mix):
    mix.get_by_role("button", name="Play the mix").click()
    first = heard(mix, at=0)
    bar = mix.locator("mix-rehearsal")
    end = bar.evaluate("(bar) => bar.pieces[0].end_s")
    for _ in range(50):  # the join has to be made first
        if bar.evaluate("(bar) => bar.decks.filter((deck) => deck?.audio.readyState > 2).length") == 2:
            break
        mix.wait_for_timeout(100)
    bar.evaluate("(bar, seconds) => bar.seek(seconds)", end - 1)
    now = heard(mix, at=1)
    assert first["pieces"] == 5
    assert end - 0.1 <= now["place"] < end + 1.5


def test_it_plays_from_any_place_and_only_one_player_is_heard(mix):
    mix.get_by_role("button", name="Play the mix").click()
    heard(mix, at=0)
    seek = mix.get_by_role("slider", name="Place in the mix")
    last = int(float(seek.get_attribute("max"))) - 4
    seek.fill(str(last))
    now = heard(mix, at=4)
    assert last - 0.5 <= now["place"] <= last + 3
    mix.get_by_role("button", name=re.compile("^Play Early Light")).click()
    expect(mix.locator("track-player audio")).to_have_js_property("paused", False, timeout=WORK_MS)
    assert not mix.locator("mix-rehearsal").evaluate("(bar) => bar.isPlaying")
