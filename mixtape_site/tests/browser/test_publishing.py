"""From connecting a channel to the published video, with real workers and a stand-in for Google."""

import hashlib
import io
import re
import zipfile

import pytest
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import Watched, open_context, running_site
from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import WORK_MS, rows, sign_up, start_mix, wait_until_ready
from mixtape_site.tests.browser.test_pages import SIZES, findings, look_at, sign_in
from youtube_integration.tests.standin import StandIn

OWNER = ("dj@example.org", "a needle in the groove")
PUBLISHED_MS = 120_000  # the mix, its upload, and two polls of YouTube's processing


@pytest.fixture(scope="module")
def google():
    with StandIn() as google:
        google.manner.asks = True
        google.manner.channel_title = "North Evenings"
        yield google


@pytest.fixture(scope="module")
def site(google, tmp_path_factory):
    """A separate site with publishing set up."""
    quiet = {"MIXTAPE_DEMO_ACCOUNT": "False"}
    with running_site(tmp_path_factory.mktemp("publishing"), google.environment() | quiet) as site:
        yield site


@pytest.fixture(scope="module")
def published(chromium, site, google, tmp_path_factory):
    """Publish a mix once; return the URLs of its pages."""
    songs = write_songs(tmp_path_factory.mktemp("songs"))[:3]
    watched = Watched()
    context = open_context(chromium, site, watched)
    page = context.new_page()
    sign_up(page, OWNER[0])
    connect(page)
    make_and_publish(page, songs)
    found = {"publish": page.url}
    fill_in(page)
    page.get_by_role("button", name="Upload it when it is done").click()
    expect(page.get_by_role("heading", name=re.compile("Waits for the mix"))).to_be_visible()
    found["publication"] = page.url
    wait_until_published(page)
    found["job"] = page.get_by_role("link", name="Result").get_attribute("href")
    found["kit"] = f"{found['publish']}kit/"
    context.close()
    # the stand-in has no favicon
    return found, [error for error in watched.errors if google.base not in error]


def connect(page):
    page.goto("/youtube/")
    page.get_by_role("button", name="Connect your channel").click()
    expect(page).to_have_title("Google stand-in")
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name="North Evenings")).to_be_visible()


def make_and_publish(page, songs):
    page.goto("/mixes/")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(songs)
    wait_until_ready(page, len(songs))
    expect(rows(page)).to_have_count(len(songs))
    page.get_by_role("button", name="Make and publish").click()
    expect(page).to_have_url(re.compile(r"/youtube/jobs/[0-9a-f-]{36}/$"))


def fill_in(page):
    """Fill in the form and see it counted and checked by YouTube's rules."""
    title, description = page.get_by_label("Title"), page.get_by_label("Description")
    title.fill("Ü" * 101)
    expect(page.locator("#title-count")).to_have_text(re.compile(r"^\s*101 of 100"))
    expect(page.locator("#title-count")).to_have_class(re.compile("is-over"))
    title.fill("Evenings in the Nörth")
    expect(page.locator("#title-count")).not_to_have_class(re.compile("is-over"))
    ticks = page.locator("#chapter-rules li:not(.is-note)")
    expect(ticks).to_have_count(4)
    text = description.input_value()
    description.fill("0:05 Too late " + "夜" * 10)
    expect(page.locator("#chapter-rules")).to_contain_text("it begins at 0:05")
    expect(page.locator("#description-count [data-count]")).to_have_text("44")
    description.fill(f"{text.strip()}\nThank you for listening\n")
    expect(ticks).to_have_count(4)
    page.get_by_label("Tags").fill("deep house, mix")
    expect(page.locator("#tags-count [data-count]")).to_have_text("16")
    page.get_by_role("radio", name=re.compile("^No")).check()


def wait_until_published(page):
    expect(page.get_by_role("heading", name="On YouTube")).to_be_visible(timeout=PUBLISHED_MS)
    expect(page.get_by_role("link", name="Watch it")).to_have_attribute(
        "href", re.compile(r"https://youtu\.be/")
    )


def test_a_mix_is_published_with_the_chosen_details(published, site, google):
    _found, complaints = published
    assert complaints == []
    (video,) = google.videos.values()
    files = (site.folder / "media" / "artifacts").rglob("*")
    made = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}
    assert video["sha256"] in made, "the bytes of the mix's own MP4"
    assert video["snippet"]["title"] == "Evenings in the Nörth"
    assert "0:00 Amber Field" in video["snippet"]["description"]
    assert video["snippet"]["description"].endswith("Thank you for listening\n")
    assert video["snippet"]["tags"] == ["deep house", "mix"]
    assert video["status"]["privacyStatus"] == "private"
    assert video["status"]["selfDeclaredMadeForKids"] is False
    assert not list((site.folder / "media" / "scratch").glob("publish-*")), "the second name is gone"


def test_the_pages_show_the_publication(chromium, site, watched, published):
    found, _complaints = published
    context = open_context(chromium, site, watched)
    page = context.new_page()
    sign_in(page, OWNER)
    page.goto(found["job"])
    expect(page.locator("#publish")).to_contain_text("On YouTube")
    page.goto(found["publish"])
    expect(page.get_by_text("This mix is on your channel already")).to_be_visible()
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("#preflight")).to_contain_text("North Evenings")
    page.goto(found["kit"])
    with page.expect_download() as waiting:
        page.get_by_role("link", name="All in one ZIP").click()
    with zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes())) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 6
    context.close()


def test_a_refused_title_is_corrected_without_javascript(chromium, site, watched, published, google):
    found, _complaints = published
    context = open_context(chromium, site, watched, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, OWNER)
    page.goto(found["publish"])
    page.get_by_label("Title").fill("Second <try>")
    page.get_by_role("radio", name=re.compile("^No")).check()
    page.get_by_label(re.compile("It is on YouTube already")).check()
    page.get_by_role("button", name="Upload to YouTube").click()
    expect(page.get_by_text("YouTube does not accept < or >.")).to_be_visible()
    watched.errors.clear()  # the browser logs the 422 of the returned form
    assert page.get_by_label("Title").input_value() == "Second <try>"
    page.get_by_label("Title").fill("Second try")
    page.get_by_role("button", name="Upload to YouTube").click()
    expect(page).to_have_url(re.compile(r"/youtube/publications/"))
    page.wait_for_url("**/publications/**", timeout=WORK_MS)
    heading = page.get_by_role("heading", name="On YouTube")  # the page reloads itself
    expect(heading).to_be_visible(timeout=PUBLISHED_MS)
    assert {video["snippet"]["title"] for video in google.videos.values()} >= {"Second try"}
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_of_publishing_is_accessible(chromium, site, watched, published, size, scheme):
    found, _complaints = published
    options = {"viewport": SIZES[size], "color_scheme": scheme, "bypass_csp": True}  # for axe's own script
    context = open_context(chromium, site, watched, **options)
    page, wrong = context.new_page(), []
    sign_in(page, OWNER)
    for path in ("/youtube/", *found.values()):
        wrong += look_at(page, watched, path) + findings(page, path)
    context.close()
    assert wrong == []
