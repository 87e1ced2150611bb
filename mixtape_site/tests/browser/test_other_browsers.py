"""The journey from sign-up to a finished mix in Firefox and WebKitGTK, where they are installed."""

import pytest

from mixtape_site.tests.browser.conftest import free_port
from mixtape_site.tests.browser.other_browsers import (
    missing,
    running_firefox,
    running_webkit,
    sound_device,
    wait_until,
)
from mixtape_site.tests.browser.songs import TITLES, write_songs

BROWSERS = {"firefox": running_firefox, "webkit": running_webkit}
PASSWORD = "a needle in the groove"
WORK_S = 120.0  # of workers on a busy machine
STEP_S = 20.0
TITLES_SHOWN = """return [...document.querySelectorAll("#track-list .track-row .track-name strong")]
    .map((title) => title.textContent)"""
READY = 'return document.querySelectorAll("#track-list .track-row .track-wave img").length'
JOINS = 'return document.querySelectorAll("#track-list .join-row .chip-join").length'
SETTLED = 'return !document.querySelector("mix-editor").isBusy()'
EDITOR = 'return Boolean(document.querySelector("join-editor")?.join)'
PRESS = """const [selector, key] = arguments, target = document.querySelector(selector);
    target.focus();
    target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
    target.dispatchEvent(new KeyboardEvent("keyup", {key, bubbles: true}))"""
ENDS = 'return document.querySelector("join-editor").join.endsAt'
PLAYS = 'const sound = document.querySelector("join-editor").sound; return sound.isPlaying && sound.place'
HEARD = 'const sound = document.querySelector("mix-player audio"); return !sound.paused && sound.currentTime'
WIDER = "return document.documentElement.scrollWidth - innerWidth"
# errors of scripts and of the policy, from the page's first script on
WATCH = """window.wrong = [];
    addEventListener("error", (event) => window.wrong.push(event.message));
    addEventListener("unhandledrejection", (event) => window.wrong.push(String(event.reason)));
    addEventListener("securitypolicyviolation", (event) => window.wrong.push(event.violatedDirective))"""
WRONG = """const toasts = document.querySelectorAll(".toast-error p");
    return [...(window.wrong ?? []), ...[...toasts].map((words) => words.textContent)]"""


@pytest.fixture(params=BROWSERS)
def browser(request, tmp_path):
    if absent := missing(request.param):
        pytest.skip(f"not installed here: {absent}")
    with (
        sound_device(tmp_path) as environment,
        BROWSERS[request.param](tmp_path, free_port(), environment) as driver,
    ):
        driver.name = request.param
        yield driver


@pytest.mark.other_browsers
def test_the_journey(browser, site, tmp_path):
    sign_up(browser, site)
    address = add_songs(browser, write_songs(tmp_path)[:3])
    change_the_order(browser, address)
    rename(browser)
    work_on_a_join(browser)
    assert browser.run(WRONG) == []
    make_and_hear(browser)
    assert browser.run(WRONG) == []


def wait_for(browser, script, *, seconds=STEP_S):
    return wait_until(lambda: browser.run(script), seconds=seconds, what=script)


def sign_up(browser, site):
    browser.open(f"{site.url}/accounts/signup/")
    browser.type("[name=email]", f"{browser.name}@example.org")
    browser.type("[name=password1]", PASSWORD)
    browser.type("[name=password2]", PASSWORD)
    browser.run('document.querySelector("[name=password2]").form.requestSubmit()')
    wait_for(browser, 'return location.pathname === "/mixes/"')


def add_songs(browser, songs):
    """Begin a mix and send songs into it; return its address."""
    browser.run("""document.querySelector('form[action$="/mixes/new/"] button').click()""")
    wait_for(browser, 'return Boolean(document.querySelector("upload-panel input.upload-files"))')
    browser.run(WATCH)
    browser.type("input.upload-files", "\n".join(map(str, songs)))
    wait_until(lambda: browser.run(READY) == len(songs), seconds=WORK_S, what="the songs")
    wait_until(lambda: browser.run(JOINS) == len(songs) - 1, what="the joins")
    assert browser.run(TITLES_SHOWN) == TITLES[: len(songs)]
    assert browser.run(WIDER) <= 0
    return browser.run("return location.href")


def change_the_order(browser, address):
    browser.click(".track-row button[value^=down]")
    moved = [TITLES[1], TITLES[0], TITLES[2]]
    assert browser.run(TITLES_SHOWN) == moved
    wait_for(browser, SETTLED)
    browser.open(address)
    browser.run(WATCH)
    assert browser.run(TITLES_SHOWN) == moved


def rename(browser):
    """Rename the mix where its title stands: it changes at once."""
    browser.click("#mix-head .title-link")
    browser.run('document.querySelector("#rename [name=rename]").value = ""')
    browser.type("#rename [name=rename]", "By the sea\ue007")
    wait_for(browser, 'return document.querySelector("#mix-head h1").textContent.includes("By the sea")')


def work_on_a_join(browser):
    """Open a join, move a handle by keys, hear it."""
    browser.click(".chip-join")
    wait_for(browser, EDITOR)
    before = browser.run(ENDS)
    for _ in range(5):
        browser.run(PRESS, "[data-handle=ends]", "ArrowLeft")
    wait_for(browser, 'return Boolean(document.querySelector("input[name=ends_at]").value)')
    wait_for(browser, SETTLED)
    assert before - browser.run(ENDS) == pytest.approx(0.05, abs=0.011)
    browser.click("join-editor [data-act=play]")
    first = wait_for(browser, PLAYS)
    wait_until(lambda: browser.run(PLAYS) > first, what="the place to move")
    browser.click("join-panel [data-close-panel]")


def make_and_hear(browser):
    browser.run('document.getElementById("make").click()')
    wait_for(browser, 'return Boolean(document.querySelector("mix-player.is-ready"))', seconds=WORK_S)
    browser.run(WATCH)
    browser.click("[data-chapters] li:nth-child(2) a")
    start = float(browser.run('return document.querySelectorAll("[data-chapters] a")[1].dataset.start'))
    at_s = wait_for(browser, HEARD)
    assert start - 0.3 <= at_s <= start + 20
    assert browser.run(WIDER) <= 0
