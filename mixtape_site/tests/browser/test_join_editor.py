"""The join editor: dragged by mouse and touch, moved by keys, heard at once; a plain form without scripts."""

import re
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from mixtape_site.tests.browser.conftest import Watched, open_context
from mixtape_site.tests.browser.songs import write_songs
from mixtape_site.tests.browser.test_journey import sign_up, start_mix, wait_until_ready

PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
STATE = """({join, axis}) => ({ends: join.endsAt, begins: join.beginsAt, overlap: join.overlap,
    start: join.bStart, gain: join.gainA, shown: axis.shown, width: axis.width})"""
# seconds from a change until it is heard, and how far the place in the mix jumps with it
CHANGE = """(editor) => {
    const {sound} = editor, place = sound.place, now = sound.context.currentTime, pressed = performance.now();
    editor.join = editor.join.with({overlap: editor.join.overlap + 1});
    editor.changed();
    const {began, from, sources} = sound.voice;
    const wait = began - now + (performance.now() - pressed) / 1000;
    return {wait, jump: from - place, sources: sources.length};
}"""
# largest difference in dB between the gains that are played and those of the server
GAINS = """({join}) => {
    const plan = JSON.parse(document.querySelector('script.join-plan').textContent);
    const last = plan.falling.length - 1, db = (gain) => 20 * Math.log10(Math.max(gain, 1e-3));
    const differences = plan.falling.slice(1, last).flatMap((falling, point) => {
        const t = join.bStart + (plan.overlap * (point + 1)) / last;
        return [db(join.gainOfA(t)) - db(falling), db(join.gainOfB(t)) - db(plan.rising[point + 1])];
    });
    return Math.max(...differences.map(Math.abs));
}"""
# gain of the whole mix 21 s, 10 s and 0 s before its end, without the lift of quiet moments
FADED = """({join}) => [21, 10, 0].map((left) => join.with({ride: []}).mixGain(join.bEnd - left))"""
# how well a piece agrees with the whole copy, shifted by some samples
PIECE = """async ({sound}) => {
    const {openCopy, fetchPiece} = await import('/static/js/join-editor-piece.js');
    const copy = await sound.findAddress.a().then(openCopy);
    const context = new OfflineAudioContext(2, 44100, copy.rate);
    const file = await (await fetch(copy.address)).arrayBuffer();
    const whole = (await context.decodeAudioData(file)).getChannelData(0);
    const {buffer, from} = await fetchPiece(context, copy, 7.3, 11.9);
    const piece = buffer.getChannelData(0), first = Math.round(from * copy.rate);
    const errors = [-1024, -2, -1, 0, 1, 2, 1024].map((shift) => {
        let sum = 0;
        for (let k = 4096; k < 100000; k += 1) sum += (piece[k] - whole[first + k + shift]) ** 2;
        return [shift, sum];
    });
    errors.sort(([, a], [, b]) => a - b);
    return {shift: errors[0][0], from, end: from + buffer.duration};
}"""
# onsets of a song that begins quietly, with strokes at 1.20 s and 2.50 s
ONSETS = """async () => {
    const {onsets, nearestOnset} = await import('/static/js/join-editor-onsets.js');
    const heights = Array.from({length: 400}, (_, k) => 0.02 + (k >= 120 ? 0.5 * 0.9 ** (k - 120) : 0)
        + (k >= 250 ? 0.8 * 0.9 ** (k - 250) : 0));
    const at = (seconds) => heights[Math.floor(seconds * 100)] ?? 0;
    const detail = {extremes: (from) => [-at(from), at(from)]};
    return [onsets(detail, 0, 400), nearestOnset(detail, 2.45, 0.06), nearestOnset(detail, 1.9, 0.06)];
}"""
# beats every 0.5 s from 10 s to 20 s: nearest ones, and the step at a place with and without beats
BEATS = """async () => {
    const {Beats} = await import('/static/js/join-editor-beats.js');
    const beats = new Beats(Array.from({length: 21}, (_, k) => 10 + k / 2));
    return [beats.nearest(12.45, 0.1), beats.nearest(12.25, 0.1), beats.nearest(9, 0.1), beats.stepAt(15.2),
        beats.stepAt(9), beats.cover(20), beats.cover(20.1), new Beats().nearest(1, 5)];
}"""
# for an overlap with B stretched: how far the second of the mix of a place of B is from where it came from
ROUND_TRIP = """({join}) => {
    const club = join.with({stretch: 1.04, overlap: 6});
    return Math.max(...[-3, 0, 2.5, 6, 9].map((late) => {
        const t = club.bStart + late;
        return Math.abs(club.timeOfB(club.placeInB(t)) - t);
    }));
}"""
# the editor with trusted beats of A every 0.5 s, on multiples of 0.5 s
WITH_BEATS = """async (editor) => {
    const {Beats} = await import('/static/js/join-editor-beats.js');
    editor.songs.a.beats = new Beats(Array.from({length: 60}, (_, k) => k / 2), [0, 2, 4]);
    editor.draw();
}"""
SETTLED = "() => !document.querySelector('mix-editor').isBusy()"


@pytest.fixture(scope="module")
def mix(chromium, site, tmp_path_factory):
    """A signed-in user's cookies and the address of their mix of three songs of 24 s."""
    context = open_context(chromium, site, Watched())
    page = context.new_page()
    sign_up(page, f"{uuid.uuid4().hex}@example.org")
    start_mix(page)
    page.locator("input.upload-files").set_input_files(write_songs(tmp_path_factory.mktemp("songs"))[:3])
    wait_until_ready(page, 3)
    expect(page.locator(".join-row")).to_have_count(2)
    yield context.storage_state(), page.url
    context.close()


@pytest.fixture
def open_mix(chromium, site, watched, mix):
    """Return a function that opens the mix's page, with options of the browser."""
    state, address = mix
    contexts = []

    def open_page(**options):
        contexts.append(open_context(chromium, site, watched, storage_state=state, **options))
        page = contexts[-1].new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def open_join(page, number=0):
    """Open a join with nothing set by hand; return its editor."""
    page.locator(".chip-join").nth(number).click()
    editor = page.locator("join-editor")
    expect(editor.locator("canvas")).to_be_visible()
    page.get_by_role("button", name="All back to automatic").click()
    page.wait_for_function(SETTLED)
    return editor


def state(page):
    return page.locator("join-editor").evaluate(STATE)


def drag(page, name, x, y=0):
    """Drag a handle by so many pixels in small steps, then wait until that is saved."""
    box = page.locator(f"[data-handle={name}]").bounding_box()
    left, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(left, top)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(left + x * step / 10, top + y * step / 10)
    page.mouse.up()
    page.wait_for_function(SETTLED)


def wait_for(page, name, value):
    """Wait until a value of the join is as given."""
    near = f"(value) => Math.abs(document.querySelector('join-editor').join.{name} - value) < 0.01"
    page.wait_for_function(near, arg=value)


def undo(page):
    page.locator("#mix-history").get_by_role("button", name=re.compile("^Undo")).click()
    page.wait_for_function(SETTLED)


def test_a_drag_of_100_px_moves_the_start_by_the_right_seconds_and_stays(open_mix):
    page = open_mix()
    open_join(page)
    before = state(page)
    seconds = 100 * before["shown"] / before["width"]
    drag(page, "slide", 100)
    after = state(page)
    assert after["start"] - before["start"] == pytest.approx(seconds, abs=0.03)
    assert after["overlap"] == pytest.approx(before["overlap"] - seconds, abs=0.03)
    assert page.locator("input[name=overlap]").input_value() == f"{after['overlap']:.2f}".rstrip("0")
    expect(page.locator(".chip-join").first).to_contain_text("set by you")
    expect(page.locator("[data-handle=slide]")).to_have_class(re.compile("is-hand"))
    expect(page.locator("[data-handle=begins]")).not_to_have_class(re.compile("is-hand"))

    page.reload()
    page.locator(".chip-join").first.click()
    expect(page.locator("join-editor canvas")).to_be_visible()
    assert state(page) == pytest.approx(after, abs=0.001)
    undo(page)
    wait_for(page, "bStart", before["start"])


def test_each_handle_changes_what_it_stands_for_in_one_step_of_undo(open_mix):
    page = open_mix()
    open_join(page)
    first = state(page)
    for name, x, y, kept, changed in (
        ("ends", -60, 0, ("start", "begins"), ("ends", "overlap")),
        ("begins", 40, 0, ("ends",), ("start", "begins", "overlap")),
        ("both", -50, 0, ("overlap", "begins"), ("start", "ends")),
        ("gain_a", 0, 15, ("start", "ends", "overlap"), ("gain",)),
    ):
        before = state(page)
        drag(page, name, x, y)
        after = state(page)
        assert {key: after[key] for key in kept} == pytest.approx(
            {key: before[key] for key in kept}, abs=0.011
        )
        assert all(abs(after[key] - before[key]) > 0.2 for key in changed), name
    for _ in range(4):
        undo(page)
    wait_for(page, "endsAt", first["ends"])
    assert state(page) == pytest.approx(first, abs=0.011)


def test_a_limit_says_why(open_mix):
    page = open_mix()
    editor = open_join(page)
    drag(page, "ends", 700)
    expect(editor.locator(".join-limit")).to_have_text("The file of “Early Light” ends here.")
    assert state(page)["ends"] == pytest.approx(24.0, abs=0.06)
    drag(page, "begins", -600)
    expect(editor.locator(".join-limit")).to_have_text("The file of “Slow Water” begins here.")
    drag(page, "slide", -900)
    expect(editor.locator(".join-limit")).to_contain_text("half of the shorter song")
    expect(page.locator("join-panel .errorlist")).to_have_count(0)


def test_a_refused_number_is_explained_and_the_picture_stays(open_mix, watched):
    page = open_mix()
    open_join(page)
    before = state(page)
    field = page.locator("input[name=ends_at]")
    field.fill("9:00")
    field.press("Enter")
    expect(page.locator("join-panel .errorlist")).to_contain_text("ends here")
    expect(field).to_be_focused()
    assert state(page) == pytest.approx(before, abs=0.001)
    watched.errors.clear()  # the browser logs the status 422 itself


def test_the_keyboard_reaches_the_same_numbers(open_mix):
    page = open_mix()
    editor = open_join(page)
    before = state(page)
    handle = editor.get_by_role("slider", name="Where Early Light ends")
    handle.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
    page.wait_for_function("() => document.querySelector('input[name=ends_at]').value")
    page.wait_for_function(SETTLED)
    after = state(page)
    assert before["ends"] - after["ends"] == pytest.approx(0.12, abs=0.006)
    words = rf"Early Light ends at 0:{after['ends']:.2f}, overlap {after['overlap']:.2f} s"
    expect(handle).to_have_attribute("aria-valuetext", words)
    expect(handle).to_be_focused()
    page.keyboard.press("Home")
    page.wait_for_function("() => !document.querySelector('input[name=ends_at]').value")
    page.wait_for_function(SETTLED)
    assert state(page)["ends"] == pytest.approx(before["ends"], abs=0.3)

    shown = state(page)["shown"]
    page.keyboard.press("-")
    assert state(page)["shown"] > shown
    page.keyboard.press("]")
    expect(page.locator("join-panel h3")).to_contain_text("Tin Roof")
    page.keyboard.press("[")
    expect(page.locator("join-panel h3")).to_contain_text("Early Light")
    expect(page.locator("join-panel")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("join-panel")).to_have_count(0)
    expect(page.locator(".chip-join").first).to_be_focused()


def test_it_is_heard_at_once_and_each_change_too(open_mix):
    page = open_mix()
    editor = open_join(page)
    editor.get_by_role("button", name="Play the join").press("Enter")
    page.wait_for_function("() => document.querySelector('join-editor').sound.isPlaying")
    began_at = editor.evaluate("({sound}) => sound.voice.from")
    assert began_at == pytest.approx(state(page)["start"] - 5, abs=0.02)
    heard = editor.evaluate(CHANGE)
    assert heard["wait"] < 0.1 and abs(heard["jump"]) < 0.1 and heard["sources"] == 2
    editor.get_by_role("button", name="Second", exact=True).click()
    assert editor.evaluate("(e) => e.sound.voice.sources.length") == 1
    editor.get_by_role("button", name="Play the join").press("Enter")
    assert not editor.evaluate("(e) => e.sound.isPlaying")


def test_it_starts_as_long_before_the_join_as_chosen_in_this_browser(open_mix):
    page = open_mix()
    editor = open_join(page)
    editor.get_by_label("Starts").select_option("10 s before it")
    page.reload()
    editor = open_join(page)
    expect(editor.get_by_label("Starts")).to_have_value("10")
    editor.get_by_role("button", name="Play the join").press("Enter")
    page.wait_for_function("() => document.querySelector('join-editor').sound.isPlaying")
    began_at = editor.evaluate("({sound}) => sound.voice.from")
    assert began_at == pytest.approx(state(page)["start"] - 10, abs=0.02)


def test_the_automatic_join_is_heard_while_a_key_is_held(open_mix):
    page = open_mix()
    editor = open_join(page)
    automatic = state(page)
    drag(page, "ends", -80)
    mine = state(page)
    page.keyboard.down("b")
    page.wait_for_function("() => document.querySelector('join-editor').sound.isPlaying")
    assert state(page) == pytest.approx(automatic, abs=0.1)  # levels follow the loudness of the whole mix
    assert editor.evaluate("({sound, join}) => sound.voice.join === join")
    page.keyboard.up("b")
    assert state(page) == pytest.approx(mine, abs=0.001)
    assert editor.evaluate("({sound, join}) => sound.isPlaying && sound.voice.join === join")


def test_the_view_moves_and_zooms_without_changing_the_join(open_mix):
    page = open_mix()
    editor = open_join(page)
    before = state(page)
    box = editor.locator(".join-stage").bounding_box()
    x, y = box["x"] + 60, box["y"] + 60  # in the lane of the first song
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -150)
    page.keyboard.up("Control")
    page.wait_for_function(
        "(shown) => document.querySelector('join-editor').axis.shown < shown", arg=before["shown"]
    )
    first = editor.evaluate("({axis}) => axis.first")
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.mouse.move(x + 100, y)
    page.mouse.up()
    now = state(page)
    moved = first - editor.evaluate("({axis}) => axis.first")
    assert moved == pytest.approx(100 * now["shown"] / now["width"], abs=0.01)
    assert not editor.evaluate("({sound}) => sound.isPlaying")  # a drag is no press
    editor.get_by_role("button", name="Whole join").click()
    same = ("start", "ends", "begins", "overlap")
    assert {key: state(page)[key] for key in same} == {key: before[key] for key in same}


def test_a_drag_in_the_lane_of_the_second_song_moves_it(open_mix):
    page = open_mix()
    editor = open_join(page)
    before = state(page)
    box = editor.locator(".join-stage").bounding_box()
    x, y = box["x"] + box["width"] * 0.8, box["y"] + 150
    page.mouse.move(x, y)
    page.mouse.down()
    for step in (10, 30, 50):
        page.mouse.move(x - step, y)
    page.mouse.up()
    page.wait_for_function(SETTLED)
    moved = before["start"] - state(page)["start"]
    assert moved == pytest.approx(50 * before["shown"] / before["width"], abs=0.03)


def test_its_gains_are_those_of_the_server(open_mix):
    page = open_mix()
    editor = open_join(page)
    assert editor.evaluate(GAINS) < 0.1


def test_the_fade_out_of_the_mix_is_heard_and_moves_with_its_end(open_mix):
    page = open_mix()
    page.locator("#mix-settings details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    page.get_by_label("Fade out the whole mix").fill("20")
    page.get_by_label("Fade out the whole mix").press("Tab")
    page.wait_for_function(SETTLED)
    editor = open_join(page, 1)
    before = editor.evaluate(FADED)
    assert before == pytest.approx([1.0, 0.5, 0.0], abs=0.001)
    drag(page, "slide", -100)
    assert editor.evaluate(FADED) == pytest.approx(before, abs=0.001)
    undo(page)
    undo(page)


def test_a_piece_begins_where_it_says(open_mix):
    page = open_mix()
    piece = open_join(page).evaluate(PIECE)
    assert piece["shift"] == 0
    assert piece["from"] <= 7.3 and piece["end"] >= 11.9


def test_onsets_are_found_where_something_begins(open_mix):
    page = open_mix()
    open_join(page)
    assert page.evaluate(ONSETS) == [[0, 120, 250], 2.5, None]


def test_beats_are_found_and_stepped_by(open_mix):
    page = open_mix()
    editor = open_join(page)
    assert page.evaluate(BEATS) == [12.5, None, None, 0.5, 1, True, False, None]
    assert editor.evaluate(ROUND_TRIP) < 1e-9


def test_a_handle_snaps_to_trusted_beats_and_moves_by_one(open_mix):
    page = open_mix()
    editor = open_join(page)
    editor.evaluate(WITH_BEATS)
    editor.get_by_label("Snap to beats and onsets").check()
    before = state(page)
    pixels = before["width"] / before["shown"]
    drag(page, "ends", pixels * -0.95)
    ends = state(page)["ends"]
    assert ends == pytest.approx(round(ends * 2) / 2, abs=0.006) and ends < before["ends"]
    editor.evaluate(WITH_BEATS)
    page.locator("[data-handle=ends]").press("PageDown")
    wait_for(page, "endsAt", ends - 0.5)
    page.wait_for_function(SETTLED)
    editor.get_by_label("Snap to beats and onsets").uncheck()
    undo(page)
    undo(page)


def test_a_phone_shows_picture_and_controls_on_one_screen(open_mix):
    page = open_mix(**PHONE)
    page.locator(".chip-join").first.tap()
    panel = page.locator("join-panel.is-sheet")
    expect(panel).to_be_visible()
    page.wait_for_function("() => document.querySelector('join-editor')?.join")
    for control in panel.locator("form input:visible, form select:visible, form button:visible").all():
        control.scroll_into_view_if_needed()
        picture, box = panel.locator(".join-stage").bounding_box(), control.bounding_box()
        assert picture["y"] >= 0 and picture["y"] + picture["height"] <= box["y"] + 1, control
        assert box["y"] + box["height"] <= 640 + 1
    for handle in panel.locator("[data-handle]:visible").all():
        box = handle.bounding_box()
        assert round(box["width"]) >= 44 and round(box["height"]) >= 44
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")

    panel.evaluate("(sheet) => sheet.scrollTo(0, 0)")
    before = state(page)
    swipe(page, "slide", 30)
    page.wait_for_function(SETTLED)
    after = state(page)
    assert after["start"] - before["start"] == pytest.approx(30 * before["shown"] / before["width"], abs=0.05)
    assert panel.evaluate("(sheet) => sheet.scrollTop") == 0
    page.go_back()
    expect(panel).to_have_count(0)
    expect(page.locator(".chip-join").first).to_be_visible()


def swipe(page, name, x):
    """Drag a handle with a finger."""
    box = page.locator(f"[data-handle={name}]").bounding_box()
    left, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": left, "y": top}]})
    for step in range(1, 11):
        point = {"x": left + x * step / 10, "y": top + step}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_without_scripts_the_drawing_and_the_form_are_there(open_mix):
    page = open_mix(java_script_enabled=False)
    page.locator(".chip-join").first.click()
    expect(page.locator("svg.join-wave")).to_be_visible()
    expect(page.locator("join-editor")).to_be_hidden()
    page.locator("input[name=ends_at]").fill("0:21.50")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator(".chip-join").first).to_contain_text("set by you")


@pytest.mark.parametrize("options", [{}, PHONE, {"color_scheme": "dark"}], ids=["wide", "phone", "dark"])
def test_axe_finds_nothing(open_mix, options):
    page = open_mix(bypass_csp=True, **options)
    page.locator(".chip-join").first.click()
    page.wait_for_function("() => document.querySelector('join-editor')?.join")
    found = Axe().run(page, context="join-panel").response["violations"]
    assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []


def test_thirty_joins_leave_no_sound_behind(open_mix):
    page = open_mix()
    open_join(page)
    for _ in range(15):
        page.keyboard.press("Escape")
        for number in (0, 1):
            page.locator(".chip-join").nth(number).click()
            page.wait_for_function("() => document.querySelector('join-editor')?.join")
            page.locator("join-editor [data-act=play]").click()
            page.wait_for_function("() => document.querySelector('join-editor').sound.isPlaying")
            page.locator("join-panel [data-close-panel]").click()
    memory = page.context.new_cdp_session(page)
    memory.send("HeapProfiler.collectGarbage")
    heap = memory.send("Runtime.getHeapUsage")
    assert heap["usedSize"] + heap.get("backingStorageSize", 0) < 60e6
