"""Take the pictures in docs/screenshots: `make screenshots`.

Starts a site with temporary folders, makes a mix of generated songs, and captures every page at two widths,
light and dark.
"""

import io
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import make_songs, write_song
from mixtape_site.tests.browser.conftest import ROOT, Site, running_browser, running_site

FOLDER = ROOT / "docs" / "screenshots"
WIDTHS = {1280: 1400, 360: 1900}  # pixels: width, and the maximum height that is captured
SCHEMES = ("light", "dark")
QUALITY = 86
SONG_S, SEED = 150.0, 11
NAMES = (
    ("Low Tide Choir", "Harbour Lights"),
    ("Pocket Orchestra", "Slow Ferry"),
    ("The Sine Waves", "Glass Meadow"),
    ("Amber Field", "Northern Signals"),
    ("Velvet Compass", "Winter Orbit"),
    ("Low Tide Choir", "Home by Four"),
)
TITLE = "Evenings in the North"
PATIENCE_MS = 240_000.0
# Colours cross-fade, and a busy machine draws late: two frames later both are done
SETTLED = """async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  await frame();
  await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await frame();
  await frame();
}"""
PASSWORD = "a needle in the groove"  # of accounts in the temporary folders


def main() -> None:
    """Take all pictures, into the given folder or docs/screenshots."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as scratch, running_browser() as browser:
        songs = list(write_songs(Path(scratch)))
        site_folder = Path(scratch) / "site"
        site_folder.mkdir()
        with running_site(site_folder) as site:
            site.wait_for("The demo mix is made", seconds=PATIENCE_MS / 1000)
            take_journey(open_page(browser, site), songs, folder)
            take_admin(open_page(browser, site), site, folder)
    for path in sorted(folder.glob("*.webp")):
        sys.stdout.write(f"{path.name}: {path.stat().st_size // 1024} kB\n")


def write_songs(folder: Path) -> Iterator[Path]:
    """Write the songs, with file names as people choose them."""
    ffmpeg = find_ffmpeg()
    for number, song in enumerate(make_songs(len(NAMES), seconds=SONG_S, seed=SEED)):
        artist, title = NAMES[number]
        shorter = 10 * number % 24  # all lengths differ
        song = replace(
            song,
            artist=artist,
            title=title,
            intro_bars=6 + number % 3 * 4,
            body_bars=song.body_bars - shorter,
            outro_bars=4 + number % 4 * 3,
            level_db=-2.0 * (number % 4),
        )
        yield write_song(ffmpeg, song, folder / f"{song.file_stem}.mp3")


def open_page(browser: Browser, site: Site) -> Page:
    context = browser.new_context(
        base_url=site.url, reduced_motion="reduce", locale="en-GB", viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def take_journey(page: Page, songs: list[Path], folder: Path) -> None:
    """Walk from the first page to the result like a user."""
    page.goto("/")
    take(page, folder, "home")
    sign_up(page)
    page.get_by_role("button", name="Add a demo mix").click()
    expect(page.locator("#track-list .track-wave :is(img, svg)")).to_have_count(3)
    page.goto("/mixes/")
    page.get_by_role("button", name="New mix").click()
    mix = arrange(page, songs)
    take(page, folder, "mix")
    page.locator(".chip-join").nth(1).click()
    page.locator("join-panel input[name=style][value=radio]").check()
    expect(page.locator(".chip-join").nth(1)).to_contain_text("radio")
    take(page, folder, "join")
    page.goto(f"{mix}look/")
    take(page, folder, "look")
    make(page, folder)
    page.goto(f"{mix}versions/")
    take(page, folder, "versions")
    for name, address in (("mixes", "/mixes/"), ("tracks", "/tracks/"), ("account", "/account/")):
        page.goto(address)
        take(page, folder, name)


def sign_up(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.locator("[name=email]").fill("ada@example.org")
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("[name=password2]").fill(PASSWORD)
    page.locator("[name=password2]").press("Enter")
    page.wait_for_url("**/mixes/")


def arrange(page: Page, songs: list[Path]) -> str:
    """Add the songs and the title of the mix; return its URL."""
    page.locator("input.upload-files").set_input_files(songs)
    expect(page.locator("#track-list .track-wave :is(img, svg)")).to_have_count(len(songs))
    page.locator(".label-menu summary").click()
    page.locator(".menu-list [data-rename]").click()
    page.locator("#rename [name=rename]").fill(TITLE)
    page.locator("#rename [name=rename]").press("Enter")
    expect(page.locator("h1")).to_have_text(TITLE)
    page.locator("#mix-settings summary").first.click()
    page.get_by_label(re.compile("MP4 video")).check()
    expect(page.locator("#mix-settings summary").first).to_contain_text("MP4")
    page.reload()
    return page.url


def make(page: Page, folder: Path) -> None:
    """Make the mix; capture its page while it is made and when it is done."""
    page.get_by_role("button", name="Make the mix").click()
    expect(page.locator("#job-status")).to_contain_text(re.compile(r"\b[3-9]\d %"))
    take(page, folder, "job")
    expect(page.locator("mix-player")).to_be_attached()
    page.wait_for_load_state("networkidle")
    take(page, folder, "result")


def take_admin(page: Page, site: Site, folder: Path) -> None:
    """Become operator with the link in the terminal, and open the job list."""
    page.goto(site.wait_for(r"http://\S+/account/first/\S+").group())
    page.locator("[name=email]").fill("operator@example.org")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/mixes/")
    page.goto("/admin/mixes/mixjob/")
    take(page, folder, "admin")


def take(page: Page, folder: Path, name: str) -> None:
    """Capture the page in both widths and colour schemes."""
    page.wait_for_load_state("load")
    for width, most in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 740})
        page.wait_for_timeout(150)
        height = min(most, page.evaluate("() => document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": width, "height": max(height, 640)})
        page.evaluate("() => scrollTo(0, 0)")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.evaluate(SETTLED)
            picture = Image.open(io.BytesIO(page.screenshot()))
            picture.convert("RGB").save(folder / f"{name}-{width}-{scheme}.webp", quality=QUALITY, method=6)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


if __name__ == "__main__":
    main()
