"""Every page in Chromium: no console errors, no serious axe findings, no horizontal scrolling."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from mixtape_site.tests.browser.conftest import open_context

SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 360, "height": 740}}
SERIOUS = ("serious", "critical")
DEMO_S = 120
SIGNED_OUT = ("/", "/accounts/login/", "/accounts/signup/", "/privacy/", "/terms/", "/nowhere/")
SIGNED_IN = (
    "/mixes/",
    "{mix}",
    "{mix}look/",
    "{mix}add/",
    "{mix}names/",
    "{mix}order/",
    "{mix}versions/",
    "{song}",
    "{join}",
    "{mix}order/",
    "{job}",
    "/tracks/",
    "/tracks/?q=nothing+has+this+name",
    "{track}",
    "/bin/",
    "/account/",
    "/accounts/password/change/",
    "/accounts/sessions/",
)


@pytest.fixture(scope="module")
def demo(site):
    """Return the demo account's address and password once its mix is made."""
    site.wait_for("The demo mix is made", seconds=DEMO_S)
    found = re.search(r"sign in as (\S+) with the password (\S+)", site.log)
    return found.group(1), found.group(2)


@pytest.fixture(scope="module")
def addresses(chromium, site, demo):
    """Return the URLs of the demo mix, its first join, its job and a track."""
    context = chromium.new_context(base_url=site.url)
    page = context.new_page()
    sign_in(page, demo)
    mix = first_link(page, r"/mixes/[0-9a-f-]{36}/")
    page.goto(mix)
    found = {
        "mix": mix,
        "join": first_link(page, r"/mixes/[0-9a-f-]{36}/joins/[0-9a-f-]{36}/"),
        "song": f"{mix}songs/{page.locator('.track-row').first.get_attribute('data-item')}/",
        "job": first_link(page, r"/jobs/[0-9a-f-]{36}/"),
    }
    page.goto("/tracks/")
    found["track"] = first_link(page, r"/tracks/[0-9a-f-]{36}/")
    context.close()
    return found


def first_link(page, pattern):
    links = page.locator("a[href]").evaluate_all("(links) => links.map((a) => a.getAttribute('href'))")
    return next(link for link in links if re.fullmatch(pattern, link))


def sign_in(page, account):
    email, password = account
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/mixes/")


def look_at(page, watched, path):
    """Open a page and return its layout problems."""
    before = len(watched.errors)
    answer = page.goto(path, wait_until="networkidle")
    if path == "/nowhere/":
        assert answer.status == 404
        del watched.errors[before:]  # the browser logs the status itself
    else:
        assert answer.status == 200, path
    wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    return [f"{path} is {wide} px wider than the screen"] if wide > 0 else []


def findings(page, path):
    """Return the serious findings of axe."""
    return [
        f"{path}: {violation['id']} at {violation['nodes'][0]['target']}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_and_fits_the_screen(chromium, site, watched, demo, addresses, size, scheme):
    # axe injects its script into the page, which the CSP rightly forbids
    options = {"viewport": SIZES[size], "color_scheme": scheme, "bypass_csp": True}
    context = open_context(chromium, site, watched, **options)
    page, wrong = context.new_page(), []
    for path in SIGNED_OUT:
        wrong += look_at(page, watched, path) + findings(page, path)
    sign_in(page, demo)
    for template in SIGNED_IN:
        path = template.format(**addresses)
        wrong += look_at(page, watched, path) + findings(page, path)
    context.close()
    assert wrong == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_short_rows_are_accessible(chromium, site, watched, demo, addresses, size, scheme):
    options = {"viewport": SIZES[size], "color_scheme": scheme, "bypass_csp": True}
    context = open_context(chromium, site, watched, **options)
    context.add_cookies([{"name": "rows", "value": "compact", "url": site.url}])
    page = context.new_page()
    page.route("**/rows/", lambda route: None)  # rows stay short
    sign_in(page, demo)
    page.goto(addresses["mix"])
    assert page.locator(".track-row.is-lean").count() > 1
    assert findings(page, "short rows") == []
    context.close()


def test_every_page_obeys_the_csp(chromium, site, watched, demo, addresses):
    context = open_context(chromium, site, watched)
    page = context.new_page()
    for path in SIGNED_OUT:
        look_at(page, watched, path)
    sign_in(page, demo)
    for template in SIGNED_IN:
        look_at(page, watched, template.format(**addresses))
    context.close()


def test_the_first_operator_signs_up_by_the_printed_link_and_sees_the_admin(chromium, site, watched, demo):
    context = open_context(chromium, site, watched)
    page = context.new_page()
    link = re.search(r"http://\S+/account/first/\S+", site.log).group()
    page.goto(link)
    page.locator("[name=email]").fill("operator@example.org")
    page.locator("[name=password]").fill("spins the platters")
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/mixes/")
    for model in ("mixjob", "track", "mix", "upload", "preview", "analysisjob", "artifact", "workernode"):
        look_at(page, watched, f"/admin/mixes/{model}/")
    look_at(page, watched, "/admin/accounts/user/")
    look_at(page, watched, "/admin/django_q/ormq/")
    page.goto("/admin/mixes/mixjob/")
    page.locator("#result_list th a").first.click()
    page.wait_for_load_state("networkidle")
    assert page.goto(link).status in (404, 410), "the link works twice"
    watched.errors = [error for error in watched.errors if "/account/first/" not in error]
    context.close()
