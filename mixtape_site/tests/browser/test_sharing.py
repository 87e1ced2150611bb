"""A link to listen and a podcast feed, made by their owner and used by people without an account."""

import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import feedparser
import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import open_context
from mixtape_site.tests.browser.test_pages import SIZES, addresses, demo, findings, look_at, sign_in

__all__ = ["addresses", "demo"]  # fixtures
PICTURES = os.environ.get("SHARING_PICTURES")


@pytest.fixture
def shared(chromium, site, watched, demo, addresses):
    """Make a link on the page of the demo's result; return its address and the HTML for other sites."""
    context = open_context(chromium, site, watched)
    page = context.new_page()
    sign_in(page, demo)
    page.goto(addresses["job"])
    page.locator("#share-title").scroll_into_view_if_needed()
    page.get_by_role("button", name=re.compile("Make a link|Save, counted")).click()
    link = page.locator("#share-address").inner_text()
    embed = page.locator("#share-embed").text_content()
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/card.png", full_page=True)
    context.close()
    return link.strip(), embed.strip()


def play(page):
    """Press Play and return once the sound goes on."""
    page.get_by_role("button", name="Play", exact=True).first.click()
    expect(page.get_by_role("button", name="Pause", exact=True).first).to_be_visible()
    page.wait_for_function("() => document.querySelector('audio, video').currentTime > 0.2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_listeners_hear_the_mix_on_a_page_that_fits(chromium, site, watched, shared, size, scheme):
    options = {"viewport": SIZES[size], "color_scheme": scheme, "bypass_csp": True}  # for axe's own script
    context = open_context(chromium, site, watched, **options)
    page, wrong = context.new_page(), []
    for path in (shared[0], shared[0] + "embed/"):
        wrong += look_at(page, watched, path) + findings(page, path)
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{'embed' if 'embed' in path else 'listen'}-{size}-{scheme}.png")
        play(page)
    context.close()
    assert wrong == []


@pytest.fixture
def blog():
    """Serve a page from another origin; browsers let no public one show a page of this machine."""

    class Page(BaseHTTPRequestHandler):
        html = ""

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(self.html.encode() if self.path == "/" else b"")

        def log_message(self, *arguments):
            """Say nothing."""

    def serve(html):
        Page.html = html
        return f"http://127.0.0.1:{server.server_port}/"

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield serve
        server.shutdown()


def test_other_sites_show_the_player_and_no_other_page(chromium, site, watched, shared, blog):
    link, embed = shared
    context = open_context(chromium, site, watched)
    page = context.new_page()
    html = f"<!DOCTYPE html><title>Blog</title>{embed}<iframe name=page src='{link}'></iframe>"
    page.goto(blog(html))
    player = page.locator("iframe").first.element_handle().content_frame()
    player.wait_for_url("**/embed/")
    play(player)
    player.locator("[data-chapters] a").nth(1).click()
    player.wait_for_function("() => document.querySelector('audio, video').currentTime > 10")
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/frame.png")
    whole = page.frame("page")
    assert whole.locator("mix-player").count() == 0
    (refused,) = [error for error in watched.errors if "frame-ancestors 'none'" in error]
    watched.errors.remove(refused)
    context.close()


def test_a_show_gets_a_feed_that_a_client_reads_and_plays(chromium, site, watched, demo, addresses):
    context = open_context(chromium, site, watched)
    page = context.new_page()
    sign_in(page, demo)
    page.goto(addresses["mix"])
    page.evaluate("document.querySelector('form[action$=\"/show/\"]').submit()")
    page.get_by_role("button", name="Switch the feed on").click()
    page.get_by_role("button", name=re.compile("into the feed")).first.click()
    expect(page.get_by_text("1 episode is in it.")).to_be_visible()
    assert look_at(page, watched, page.url.partition("#")[0]) == []
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/show.png", full_page=True)
    address = page.locator("#feed-address").inner_text().strip()
    client = chromium.new_context().request
    feed = feedparser.parse(client.get(address).body())
    assert not feed.bozo and len(feed.entries) == 1
    (sound,) = feed.entries[0].enclosures
    answer = client.get(sound.href, headers={"Range": "bytes=0-9999"})
    assert answer.status == 206 and answer.headers["content-range"] == f"bytes 0-9999/{sound.length}"
    assert client.get(feed.feed.image.href).headers["content-type"] == "image/jpeg"
    page.locator("summary", has_text="Get a new address").click()
    page.locator("button[name=renew]").click()
    assert page.locator("#feed-address").inner_text().strip() != address
    assert client.get(address).status == 404
    context.close()
