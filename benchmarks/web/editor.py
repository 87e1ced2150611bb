"""How quickly a mix's page answers in a browser: joins worked on, and many files dropped."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report import Row
from benchmarks.web.figures import WebBench, create_mix, percentile, upload_songs, wait_until_ready

SONGS = 3
CHANGES = 20
PICTURE_MS, HEARD_MS, HEAP_MB = 50.0, 100.0, 60.0
DROPPED = 60  # files
FIRST_ROW_MS, LAYOUT_SHIFT = 500.0, 0.1
BURST_GAP_S, LONGEST_BURST_S = 1.0, 5.0
OPENED = 30  # joins
READY = "() => document.querySelector('join-editor')?.join"
# milliseconds from a change until the picture shows it, and until its sound begins
CHANGE = """async (editor) => {
    const {sound} = editor, began = performance.now(), now = sound.context.currentTime;
    editor.join = editor.join.with({overlap: editor.join.overlap * 0.98});
    editor.changed();
    const heard = performance.now() - began + 1000 * (sound.voice.began - now);
    await new Promise(requestAnimationFrame);
    return {shown: performance.now() - began, heard};
}"""

# note how far things jump without a press, and when the first row is there after files were given
WATCH = """() => {
    window.seen = {shifts: [], begun: 0, row: 0};
    new PerformanceObserver((list) => {
        for (const {hadRecentInput, startTime, value} of list.getEntries()) {
            if (!hadRecentInput) seen.shifts.push([startTime / 1000, value]);
        }
    }).observe({type: "layout-shift"});
    document.addEventListener("change", () => { seen.begun ||= performance.now(); }, {capture: true});
    new MutationObserver(() => {
        if (!seen.row && document.querySelector("#track-list .track-row")) seen.row = performance.now();
    }).observe(document.querySelector("mix-editor"), {childList: true, subtree: true});
}"""
ALL_READY = "(count) => document.querySelectorAll('#track-list .track-wave img').length === count"


def many_files(bench: WebBench) -> Iterator[Row]:
    """Give many short files to the page of an empty mix at once, and wait until all are ready."""
    from playwright.sync_api import sync_playwright

    songs = short_songs(bench)
    mix = create_mix(bench.client)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = signed_in_page(browser, bench)
        page.goto(f"http://127.0.0.1:{bench.site.port}/mixes/{mix}/")
        page.evaluate(WATCH)
        page.locator("input.upload-files").set_input_files(songs)
        page.wait_for_function(ALL_READY, arg=DROPPED, timeout=600_000)
        seen = page.evaluate("() => seen")
        browser.close()
    first_row_ms = seen["row"] - seen["begun"]
    yield Row(
        f"{DROPPED} files given at once until the first row",
        f"< {FIRST_ROW_MS:.0f} ms",
        f"{first_row_ms:.0f} ms",
        reached=first_row_ms < FIRST_ROW_MS,
    )
    shift = layout_shift(seen["shifts"])
    yield Row(
        f"cumulative layout shift until {DROPPED} files are ready",
        f"< {LAYOUT_SHIFT}",
        f"{shift:.3f}",
        reached=shift < LAYOUT_SHIFT,
        note=f"all shifts together {sum(value for _, value in seen['shifts']):.3f}",
    )


def layout_shift(shifts: list[tuple[float, float]]) -> float:
    """Return the largest burst of shifts, given as seconds and values: as browsers define the cumulative one.

    A burst ends after a second without a shift, or after five.
    """
    worst = burst = began_s = last_s = 0.0
    for at_s, value in shifts:
        if at_s - last_s > BURST_GAP_S or at_s - began_s > LONGEST_BURST_S:
            burst, began_s = 0.0, at_s
        burst, last_s = burst + value, at_s
        worst = max(worst, burst)
    return worst


def short_songs(bench: WebBench) -> list[Path]:
    """Write files of a few seconds, each with a tone of its own."""
    folder = bench.folder / "short"
    folder.mkdir()
    songs = [folder / f"{number:02d} Tone {number}.wav" for number in range(DROPPED)]
    for number, song in enumerate(songs):
        tone = f"sine=frequency={200 + 10 * number}:sample_rate=44100:duration=4"
        command = [str(bench.ffmpeg), "-v", "error", "-f", "lavfi", "-i", tone, "-ac", "2", str(song)]
        subprocess.run(command, check=True)
    return songs


def join_editor(bench: WebBench) -> Iterator[Row]:
    """Change an open join that plays, then open and play thirty."""
    from playwright.sync_api import sync_playwright

    mix = create_mix(bench.client)
    upload_songs(bench, mix, SONGS)
    wait_until_ready(bench)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = signed_in_page(browser, bench)
        page.goto(f"http://127.0.0.1:{bench.site.port}/mixes/{mix}/")
        play_join(page, 0)
        changes = [page.locator("join-editor").evaluate(CHANGE) for _ in range(CHANGES)]
        for number in range(OPENED):
            page.locator("join-panel [data-close-panel]").click()
            play_join(page, number % (SONGS - 1))
        heap_mb = used_heap_mb(page)
        browser.close()
    yield row("a change of a join until its picture shows it, p95", [c["shown"] for c in changes], PICTURE_MS)
    yield row("a change of a join until it is heard, p95", [c["heard"] for c in changes], HEARD_MS)
    yield Row(
        f"heap of the page after {OPENED} joins played",
        f"<= {HEAP_MB:.0f} MB",
        f"{heap_mb:.0f} MB",
        reached=heap_mb <= HEAP_MB,
    )


def signed_in_page(browser: Any, bench: WebBench) -> Any:
    """Return a page with the cookies of the benchmark's user."""
    context = browser.new_context()
    pairs = [cookie.split("=", 1) for cookie in bench.client.headers["Cookie"].split("; ")]
    address = f"http://127.0.0.1:{bench.site.port}"
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in pairs])
    return context.new_page()


def play_join(page: Any, number: int) -> None:
    page.locator(".chip-join").nth(number).click()
    page.wait_for_function(READY)
    page.locator("join-editor [data-act=play]").click()
    page.wait_for_function("() => document.querySelector('join-editor').sound.isPlaying", timeout=60_000)


def used_heap_mb(page: Any) -> float:
    """Return the size of scripts' objects and of the sound they hold."""
    memory = page.context.new_cdp_session(page)
    memory.send("HeapProfiler.collectGarbage")
    heap = memory.send("Runtime.getHeapUsage")
    return float(heap["usedSize"] + heap.get("backingStorageSize", 0)) / 1e6


def row(figure: str, values_ms: list[float], target_ms: float) -> Row:
    measured_ms = percentile(values_ms, 95)
    return Row(figure, f"<= {target_ms:.0f} ms", f"{measured_ms:.0f} ms", reached=measured_ms <= target_ms)
