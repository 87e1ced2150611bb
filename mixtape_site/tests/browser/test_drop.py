"""What is dropped beside songs, and the bars at the foot of a mix's page."""

import re

from playwright.sync_api import expect

from mixtape_site.tests.browser.songs import TITLES, write_songs
from mixtape_site.tests.browser.test_journey import (
    WORK_MS,
    rows,
    sign_up,
    start_mix,
    wait_until_it_plays,
    wait_until_ready,
)

UPLOADING = ("POST", "PATCH", "PUT")
DROP = """(name) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([new Uint8Array(2000000)], name));
  const zone = document.querySelector("upload-panel");
  for (const type of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true }));
  }
}"""


def test_a_playlist_gives_the_order_and_what_is_no_song_gets_no_row(page, tmp_path):
    sign_up(page, "fay@example.org")
    start_mix(page)
    songs = write_songs(tmp_path, 8.0)[:3]
    playlist = tmp_path / "list.m3u8"
    lines = [
        "C:\\Music\\" + songs[2].name,
        songs[0].name.upper(),
        "gone.mp3",
        songs[1].name.replace(" ", "%20"),
    ]
    playlist.write_text("#EXTM3U\r\n" + "\r\n".join(lines))
    others = [tmp_path / name for name in ("Album.zip", "cover.jpg", "empty.pls")]
    for other in others:
        other.write_bytes(b"PK\3\4")
    files = page.locator("input.upload-files")
    assert ".webm" in files.get_attribute("accept")

    files.set_input_files([playlist])
    toasts = page.locator("#toasts")
    expect(toasts).to_contain_text("A playlist only names songs. Drop it together with its songs: list.m3u8")
    files.set_input_files([*songs, playlist, *others])
    expect(toasts).to_contain_text("Unpack it first, and add the songs in it: Album.zip")
    expect(toasts).to_contain_text("Left out, because it is no music: cover.jpg")
    expect(toasts).to_contain_text("In the order of list.m3u8.")
    expect(toasts).to_contain_text("It names songs that you did not drop: gone.mp3")
    expect(rows(page)).to_have_text([TITLES[2], TITLES[0], TITLES[1]])
    wait_until_ready(page, 3)
    twin = tmp_path / ("Copy of " + songs[1].name)
    twin.write_bytes(songs[1].read_bytes())
    files.set_input_files([twin])
    expect(toasts).to_contain_text(
        f"“{TITLES[1]}” was in your library already, so it is not kept twice.", timeout=WORK_MS
    )

    rename(page)
    see_both_bars(page)


def rename(page):
    page.locator("#mix-head summary").click()
    page.locator(".menu-list [data-rename]").click()
    page.locator("#rename [name=rename]").fill("By the sea")
    page.keyboard.press("Enter")
    expect(page.locator("#mix-head h1")).to_have_text(re.compile("By the sea"))
    expect(page.locator("#mix-head summary")).to_be_focused()


def see_both_bars(page):
    """The player and the footer bar stand one above the other wherever the page is scrolled."""
    page.get_by_role("button", name=f"Play {TITLES[0]}").click()
    wait_until_it_plays(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 830})
        height = page.evaluate("document.documentElement.scrollHeight")
        for above in (height, 900, 860, 830, 0):
            page.evaluate("(y) => scrollTo({top: y, behavior: 'instant'})", height - above)
            player, bar = page.locator("track-player").bounding_box(), page.locator("#mix-bar").bounding_box()
            assert player["y"] + player["height"] <= bar["y"] + 1, (width, above)
            assert bar["y"] + bar["height"] <= 831, (width, above)
        audio = page.locator("track-player audio").bounding_box()
        assert audio["width"] > 0.55 * 390


def test_an_archive_is_refused_before_a_byte_is_sent(page, tmp_path):
    sign_up(page, "gil@example.org")
    start_mix(page)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method in UPLOADING else None)
    for name in ("Album.zip", "Album.RAR"):
        (tmp_path / name).write_bytes(b"PK\3\4" + bytes(2_000_000))
    toasts = page.locator("#toasts")
    page.locator("input.upload-files").set_input_files([tmp_path / "Album.zip"])
    expect(toasts).to_contain_text("Unpack it first, and add the songs in it: Album.zip")
    page.evaluate(DROP, "Album.RAR")
    expect(toasts).to_contain_text("Unpack it first, and add the songs in it: Album.RAR")
    expect(rows(page)).to_have_count(0)
    assert sent == []
