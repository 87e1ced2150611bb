"""From sign-up to the finished mix like a user, with real workers behind the page."""

import hashlib
import re
import time

import pytest
from playwright.sync_api import expect

from mixes.engine.tests.signals import write_audio
from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.songs import TITLES, make_song, write_songs

WORK_MS = 90_000  # to analyse five songs or make a mix of them, on a busy machine
PASSWORD = "a needle in the groove"


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("songs"))


signed_up: set[str] = set()


def sign_up(page, email):
    """Make an account; the tests share one site, so each address serves once."""
    assert email not in signed_up, f"{email} is taken: name another address"
    signed_up.add(email)
    page.goto("/")
    page.get_by_role("link", name="Make your first mix").click()
    page.get_by_label("Email").fill(email)
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("[name=password2]").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("sign up|make", re.IGNORECASE)).click()
    expect(page).to_have_url(re.compile(r"/mixes/$"))


def start_mix(page):
    page.get_by_role("button", name="New mix").click()
    expect(page.locator("upload-panel")).to_be_attached()


def rows(page):
    return page.locator("#track-list .track-row .track-name strong")


def wait_until_ready(page, count):
    expect(page.locator("#track-list .track-row .track-wave img")).to_have_count(count, timeout=WORK_MS)


def make(page):
    page.get_by_role("button", name="Make the mix").click()
    expect(page).to_have_url(re.compile(r"/jobs/[0-9a-f-]{36}/$"))


def wait_until_made(page):
    expect(page.locator("mix-player")).to_be_attached(timeout=WORK_MS)
    expect(page).to_have_title(re.compile("^Done"))


def test_from_sign_up_to_the_download(page, songs, site, watched):
    sign_up(page, "ada@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(songs)
    expect(rows(page)).to_have_text(TITLES, timeout=WORK_MS)
    wait_until_ready(page, 5)

    move_by_keyboard(page)
    change_a_join(page)
    hear_a_track(page)

    make(page)
    wait_until_made(page)
    play_and_seek(page)
    compare_download(page, site)
    expect(page.locator("#description")).to_contain_text("0:00 Amber Field")


def move_by_keyboard(page):
    """Move the first song down with Alt+arrow; it is announced, and persists after a reload."""
    row = page.locator("#track-list .track-row").first
    row.get_by_role("button", name=re.compile("^Play")).focus()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    moved = [TITLES[1], TITLES[2], TITLES[0], TITLES[3], TITLES[4]]
    expect(rows(page)).to_have_text(moved)
    expect(page.locator("#announce")).to_contain_text("number 3 of 5")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.reload()
    expect(rows(page)).to_have_text(moved)
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(rows(page)).not_to_have_text(moved)
    page.get_by_role("button", name=re.compile("^Redo")).click()
    expect(rows(page)).to_have_text(moved)


def change_a_join(page):
    """Open the first join, make it a cut, see the chip change, also after a reload."""
    chip = page.locator(".chip-join").first
    before = page.locator("#mix-bar strong").inner_text()
    chip.click()
    panel = page.locator("join-panel")
    expect(panel).to_be_visible()
    panel.locator("input[name=style][value=cut]").check()
    expect(page.locator(".chip-join").first).to_contain_text("cut")
    expect(page.locator("#mix-bar strong")).not_to_have_text(before)
    page.reload()
    expect(page.locator(".chip-join").first).to_contain_text("cut")
    expect(page.locator(".chip-join").first).to_contain_text("set by you")
    expect(page.locator(".chip-join").nth(1)).to_contain_text("smooth")


def hear_a_track(page):
    """Press play on a song, then on a join: the shared player plays the requested sound."""
    for button in (
        page.get_by_role("button", name=f"Play {TITLES[1]}"),
        page.locator("#track-list .join-row .play").nth(1),
    ):
        button.click()
        wait_until_it_plays(page)
        button.click()


def wait_until_it_plays(page):
    """Poll the page from here: its CSP forbids functions made from text."""
    audio = page.locator("audio").first
    until = time.monotonic() + WORK_MS / 1000
    while time.monotonic() < until:
        if audio.evaluate("(a) => !a.paused && a.currentTime > 0.2"):
            return
        page.wait_for_timeout(100)
    pytest.fail("nothing plays")


def see_progress(page):
    """Progress appears within seconds and moves."""
    bar = page.locator("#job-status progress")
    seen = set()
    until = time.monotonic() + WORK_MS / 1000
    while len(seen) < 2:
        assert time.monotonic() < until, f"the progress bar showed {seen} only"
        if bar.count():
            seen |= {bar.get_attribute("value", timeout=1000)} - {None}
        page.wait_for_timeout(150)


def play_and_seek(page):
    """Choose the third chapter: playback continues from there."""
    sound = page.locator("mix-player audio, mix-player video").first
    chapter = page.locator("[data-chapters] a").nth(2)
    start_s = float(chapter.get_attribute("data-start"))
    assert start_s > 30
    chapter.click()
    until = time.monotonic() + WORK_MS / 1000
    while time.monotonic() < until:
        at_s = sound.evaluate("(a) => a.currentTime")
        if start_s - 0.3 <= at_s <= start_s + 20 and sound.evaluate("(a) => !a.seeking && a.readyState >= 2"):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail(f"the player stands at {at_s}, not at {start_s}")
    assert sound.evaluate("(a) => a.seekable.end(0)") == pytest.approx(
        sound.evaluate("(a) => a.duration"), abs=0.1
    )
    sound.evaluate("(a) => a.pause()")
    page.evaluate("scrollTo(0, 0)")  # further down the player is a bar without it
    slider = page.get_by_role("slider", name="Position in the mix")
    slider.focus()
    before_s = sound.evaluate("(a) => a.currentTime")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert sound.evaluate("(a) => a.currentTime") > before_s


def compare_download(page, site):
    """The downloaded MP3 equals the artifact byte for byte, with a sensible name."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("^Download MP3")).click()
    download = waiting.value
    assert re.fullmatch(r"[a-z0-9-]+\.mp3", download.suggested_filename)
    digest = hashlib.sha256(download.path().read_bytes()).hexdigest()
    artifacts = (site.folder / "media" / "artifacts").rglob("*")
    assert digest in {hashlib.sha256(path.read_bytes()).hexdigest() for path in artifacts if path.is_file()}


def test_an_upload_resumes_after_a_network_error_and_after_a_reload(page, site, watched, tmp_path):
    sign_up(page, "bea@example.org")
    start_mix(page)
    long_song = write_audio(tmp_path / "Amber Field - Whole Night.wav", make_song(330.0, 150.0))
    assert long_song.stat().st_size > 3 * (8 << 20), "it takes several pieces"

    sent = []

    def cut_the_second_piece(route):
        offset = route.request.headers.get("upload-offset")
        if route.request.method != "PATCH":
            return route.continue_()
        sent.append(offset)
        return route.abort() if offset != "0" else route.continue_()

    page.route("**/uploads/*/", cut_the_second_piece)
    page.locator("input.upload-files").set_input_files(long_song)
    until = time.monotonic() + WORK_MS / 1000
    while len(sent) < 3 and time.monotonic() < until:
        page.wait_for_timeout(100)
    assert sent[0] == "0" and set(sent[1:]) == {str(8 << 20)}, "a piece that had arrived was sent again"

    page.on("dialog", lambda dialog: dialog.accept())  # leaving during an upload asks for confirmation
    page.unroute("**/uploads/*/")
    page.reload()
    expect(page.locator(".upload-waiting")).to_contain_text("Whole Night.wav")
    again = []
    page.on(
        "request",
        lambda request: (
            again.append(request.headers.get("upload-offset")) if request.method == "PATCH" else None
        ),
    )
    page.locator("input.upload-files").set_input_files(long_song)
    wait_until_ready(page, 1)
    assert again[0] == str(8 << 20), "it restarted from the beginning"
    kept = [path for path in (site.folder / "media" / "tracks").rglob("*") if path.is_file()]
    assert long_song.read_bytes() in [path.read_bytes() for path in kept]
    watched.errors = [error for error in watched.errors if "ERR_FAILED" not in error]


def test_a_running_job_ends_seconds_after_cancel(page, site, tmp_path):
    sign_up(page, "cleo@example.org")
    start_mix(page)
    songs = [
        write_audio(tmp_path / f"Amber Field - Part {number}.flac", make_song(220.0 + 20 * number, 400.0))
        for number in (1, 2)
    ]
    page.locator("input.upload-files").set_input_files(songs)
    wait_until_ready(page, 2)
    make(page)
    see_progress(page)
    pressed = time.monotonic()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_text("You cancelled this.")).to_be_visible(timeout=10_000)
    assert time.monotonic() - pressed < 8
    scratch = site.folder / "media" / "scratch"
    assert not list(scratch.glob("mix-*"))
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Cancel").first).to_be_visible()
    page.get_by_role("button", name="Cancel").first.click()
    expect(page.get_by_text("You cancelled this.")).to_be_visible(timeout=10_000)


def test_everything_works_without_javascript(chromium, site, watched, songs):
    context = open_context(chromium, site, watched, java_script_enabled=False)
    page = context.new_page()
    sign_up(page, "dot@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(songs[:2])
    page.get_by_role("button", name="Add the chosen files").click()
    until = time.monotonic() + WORK_MS / 1000
    while page.locator("#track-list .track-row .track-wave img").count() < 2 and time.monotonic() < until:
        page.wait_for_timeout(500)
        page.reload()
    expect(rows(page)).to_have_text(TITLES[:2])
    page.get_by_role("button", name=f"Move down: {TITLES[0]}").click()
    expect(rows(page)).to_have_text([TITLES[1], TITLES[0]])
    make(page)
    until = time.monotonic() + WORK_MS / 1000
    while not page.get_by_role("link", name=re.compile("^Download MP3")).count() and time.monotonic() < until:
        page.wait_for_timeout(500)
        page.reload()
    compare_download(page, site)
    context.close()
