"""Benchmarks of the site, each with its target."""

import asyncio
import re
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.report import Row
from benchmarks.web import rows
from benchmarks.web.site import Answer, Client, Site, rss_mb, sign_in

PAGE_MS, PAGE_REPEATS = 50.0, 60
POLLERS, POLL_S, POLL_MS, SLOWER = 200, 2.0, 150.0, 1.2
UPLOAD_MB_S, UPLOAD_MB, CHUNK_MB, MEMORY_MB = 200.0, 1_000, 8, 60.0
SONGS, READY_S, PRESS_S = 20, 20.0, 2.0
MIXED_SONGS = 8  # half an hour of mix
FIRST_PAGE_KB = 100.0
LONG_MIXES = {60: (40, 60), 200: (40, 80), 500: (100, 200)}  # songs: kB and ms of CPU that an edit may cost
EDIT_REPEATS, POLL_CPU_MS = 12, 20.0
PATIENCE_S = 600.0
FORM = "application/x-www-form-urlencoded"
HTMX = {"HX-Request": "true"}  # requests a fragment


@dataclass(slots=True)
class WebBench:
    """Shared state of the benchmarks."""

    site: Site
    folder: Path
    ffmpeg: Path
    songs: list[Path]
    lengths_s: tuple[float, ...]  # of the songs
    client: Client = field(init=False)
    job: str = ""  # id of a finished job

    def __post_init__(self) -> None:
        self.client = sign_in("bench@example.org", self.site.port)

    @property
    def owner(self) -> Any:
        from django.contrib.auth import get_user_model

        return get_user_model().objects.get(email="bench@example.org")


def first_page(bench: WebBench) -> Iterator[Row]:
    """Load the first page in a fresh browser and count the bytes received."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        received: list[float] = []
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        page.goto(f"http://127.0.0.1:{bench.site.port}/", wait_until="networkidle")
        browser.close()
    kb = sum(received) / 1000
    note = f"{len(received)} answers, headers, fonts and scripts included"
    yield Row(
        "first page over the wire",
        f"<= {FIRST_PAGE_KB:.0f} kB",
        f"{kb:.0f} kB",
        reached=kb <= FIRST_PAGE_KB,
        note=note,
    )


def songs(bench: WebBench) -> Iterator[Row]:
    """Upload songs and wait until all are analysed; then make the mix and wait for progress."""
    mix = create_mix(bench.client)
    ended_s = upload_songs(bench, mix, SONGS)
    wait_until_ready(bench)
    ready_s = time.perf_counter() - ended_s
    yield Row(
        f"last byte of {SONGS} songs until all are ready",
        f"<= {READY_S:.0f} s",
        f"{ready_s:.1f} s",
        reached=ready_s <= READY_S,
    )
    pressed_s = time.perf_counter()
    job = make(bench.client, mix)
    until_s = pressed_s + PATIENCE_S
    while time.perf_counter() < until_s:
        answer = expect(bench.client.get(f"/jobs/{job}/status/", **HTMX), 200, 286)
        if has_progress(answer):
            break
        time.sleep(0.1)
    seconds = time.perf_counter() - pressed_s
    yield Row(
        "press of Make until progress is on the page",
        f"<= {PRESS_S:.0f} s",
        f"{seconds:.1f} s",
        reached=seconds <= PRESS_S,
    )
    wait_for_job(job)
    bench.job = job


def has_progress(answer: Answer) -> bool:
    from html.parser import HTMLParser

    values: list[float] = []

    class Finder(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            value = dict(attrs).get("value")
            if tag == "progress" and value:
                values.append(float(value))

    Finder().feed(answer.body.decode())
    return any(value > 0 for value in values)


def polling(bench: WebBench) -> Iterator[Row]:
    """Render alone and while 200 pages poll their fragment every two seconds; twice, alternately."""
    mix = create_mix(bench.client)
    upload_songs(bench, mix, MIXED_SONGS)
    wait_until_ready(bench)
    run_job(bench, mix)
    alone, polled, times = [], [], []
    for _ in range(2):
        alone.append(run_job(bench, mix))
        job = make(bench.client, mix)
        pollers = Pollers(bench.site.port, f"/jobs/{job}/status/")
        polled.append(wait_for_job(job))
        times += pollers.stop()
    p95_ms = percentile([seconds * 1000 for seconds in times], 95)
    slower = statistics.mean(polled) / statistics.mean(alone)
    yield Row(
        f"{POLLERS} clients polling while a mix renders, p95",
        f"<= {POLL_MS:.0f} ms",
        f"{p95_ms:.0f} ms",
        reached=p95_ms <= POLL_MS,
        note=f"{len(times)} answers, median {statistics.median(times) * 1000:.0f} ms",
    )
    yield Row(
        "render during the polls",
        f"<= {SLOWER:.1f} x",
        f"{slower:.2f} x",
        f"{statistics.mean(alone):.1f} s alone",
        reached=slower <= SLOWER,
        note="alone "
        + ", ".join(f"{s:.1f}" for s in alone)
        + " s; polled "
        + ", ".join(f"{s:.1f}" for s in polled)
        + " s",
    )


class Pollers:
    """Clients that poll one fragment every two seconds, each on a persistent connection.

    One thread with bare sockets: real readers' cost is on their own machines, not next to the render.
    """

    def __init__(self, port: int, path: str) -> None:
        self.port = port
        cookies = sign_in("bench@example.org", port).headers["Cookie"]
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\nHX-Request: true\r\n\r\n"
        ).encode()
        self.times: list[float] = []
        self.over = False
        self.thread = threading.Thread(target=asyncio.run, args=(self.poll_all(),))
        self.thread.start()

    async def poll_all(self) -> None:
        await asyncio.gather(*(self.poll(number) for number in range(POLLERS)))

    async def poll(self, number: int) -> None:
        await asyncio.sleep(POLL_S * number / POLLERS)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while not self.over:
            began_s = time.perf_counter()
            writer.write(self.request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 OK" not in head.split(b"\r\n", 1)[0]:
                raise RuntimeError(f"A poll was answered with {head[:200]!r}.")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            self.times.append(time.perf_counter() - began_s)
            await asyncio.sleep(max(0.0, POLL_S - self.times[-1]))
        writer.close()

    def stop(self) -> list[float]:
        self.over = True
        self.thread.join()
        return self.times


def uploads(bench: WebBench) -> Iterator[Row]:
    """Send a gigabyte in chunks over one connection, and watch the web server's memory."""
    pids = bench.site.web_pids()
    before_mb = rss_mb(pids)
    size, chunk = UPLOAD_MB * 1_000_000, bytes(CHUNK_MB << 20)
    location = create_upload(bench.client, "zeros.wav", size)
    peak_mb, offset, began_s = before_mb, 0, time.perf_counter()
    while offset < size:
        piece = chunk[: size - offset]
        expect(patch(bench.client, location, offset, piece), 204)
        offset += len(piece)
        if offset // len(chunk) % 16 == 0:
            peak_mb = max(peak_mb, rss_mb(pids))
    mb_s = UPLOAD_MB / (time.perf_counter() - began_s)
    yield Row(
        "upload on loopback", f">= {UPLOAD_MB_S:.0f} MB/s", f"{mb_s:.0f} MB/s", reached=mb_s >= UPLOAD_MB_S
    )
    yield Row(
        "web server's memory during the upload",
        f"<= {MEMORY_MB:.0f} MB more",
        f"{peak_mb - before_mb:.0f} MB more",
        reached=peak_mb - before_mb <= MEMORY_MB,
        note=f"{before_mb:.0f} MB before",
    )


def pages(bench: WebBench) -> Iterator[Row]:
    """Request each page repeatedly with a full database; count its queries with full and empty tables."""
    few = queries(bench, page_paths())
    ids = rows.fill(bench.owner, song_analysis(bench))
    paths = page_paths(**ids, job=bench.job)
    many = queries(bench, paths)
    for name, path in paths.items():
        times = [expect(bench.client.get(path), 200).seconds * 1000 for _ in range(PAGE_REPEATS)][3:]
        p95_ms = percentile(times, 95)
        constant = name not in few or many[name] <= few[name]
        yield Row(
            f"page: {name}",
            f"p95 <= {PAGE_MS:.0f} ms",
            f"{p95_ms:.0f} ms, {many[name]} queries",
            reached=p95_ms <= PAGE_MS and constant,
            note="" if constant else f"{few[name]} queries with few rows",
        )


def long_mixes(bench: WebBench) -> Iterator[Row]:
    """Change a join of mixes of 60, 200 and 500 songs; count bytes and the CPU time of this process."""
    from django.test import Client as Tester

    from mixes.models import Mix

    analysis = song_analysis(bench)
    tester = Tester(SERVER_NAME="127.0.0.1", headers={"HX-Request": "true"})
    tester.force_login(bench.owner, "django.contrib.auth.backends.ModelBackend")
    for count, (most_kb, most_ms) in LONG_MIXES.items():
        pk = rows.make_long_mix(bench.owner, analysis, count)
        page = tester.get(f"/mixes/{pk}/", headers={"HX-Request": ""}).content
        shown = "".join(re.findall(r'data-digest="(\w{8})"', page.decode()))
        item = Mix.objects.get(pk=pk).items.order_by("position")[count // 2]
        sizes_kb, times_ms = [], []
        for repeat in range(EDIT_REPEATS):
            fields = {"length": "set", "overlap": str(2 + repeat % 8), "style": "smooth", "shown": shown}
            fields["version"] = str(Mix.objects.get(pk=pk).version)
            began_s = time.process_time()
            answer = tester.post(f"/mixes/{pk}/joins/{item.pk}/", fields)
            times_ms.append((time.process_time() - began_s) * 1000)
            sizes_kb.append(len(answer.content) / 1000)
        kb, ms = max(sizes_kb), statistics.median(times_ms[1:])
        yield Row(
            f"a join edited among {count} songs",
            f"<= {most_kb} kB, {most_ms} ms",
            f"{kb:.0f} kB, {ms:.0f} ms of CPU",
            reached=kb <= most_kb and ms <= most_ms,
            note=f"the page has {len(page) / 1000:.0f} kB",
        )
        fields = {"seen": re.findall(r'data-seen="(\w+)"', answer.content.decode())[0]}
        began_s = time.process_time()
        for _ in range(EDIT_REPEATS):
            if tester.post(f"/mixes/{pk}/state/", fields).status_code != 204:
                raise RuntimeError("A poll found something new.")
        ms = (time.process_time() - began_s) * 1000 / EDIT_REPEATS
        yield Row(
            f"a poll with nothing new, {count} songs",
            f"<= {POLL_CPU_MS:.0f} ms",
            f"{ms:.0f} ms of CPU",
            reached=ms <= POLL_CPU_MS,
        )


def page_paths(mix: str = "", long_mix: str = "", job: str = "") -> dict[str, str]:
    """Return the paths of pages by name; pages of a mix only when there is one."""
    paths = {
        "my mixes": "/mixes/",
        "my mixes, searched": "/mixes/?q=Mix",
        "tracks": "/tracks/",
        "tracks, searched": "/tracks/?q=song",
        "bin": "/bin/",
        "account": "/account/",
    }
    if mix:
        paths |= {
            "a mix of 20 tracks": f"/mixes/{mix}/",
            "a mix of 60 tracks": f"/mixes/{long_mix}/",
            "look and words": f"/mixes/{mix}/look/",
        }
    if job:
        paths["a finished job"] = f"/jobs/{job}/"
    return paths


def queries(bench: WebBench, paths: dict[str, str]) -> dict[str, int]:
    """Count the queries of each page in this process, on the same database."""
    from django.db import connection
    from django.test import Client as Tester
    from django.test.utils import CaptureQueriesContext

    tester = Tester(SERVER_NAME="127.0.0.1")
    tester.force_login(bench.owner, "django.contrib.auth.backends.ModelBackend")
    counts = {}
    for name, path in paths.items():
        tester.get(path)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            tester.get(path)
        counts[name] = len(captured)
    return counts


def song_analysis(bench: WebBench) -> Any:
    from mixes.engine.analysis.track import analyse_track

    return analyse_track(bench.ffmpeg, bench.songs[0])


def create_mix(client: Client) -> str:
    """Create a mix through its page; return its id."""
    answer = expect(client.ask("POST", "/mixes/new/", b"title=Mix+of+the+bench", {"Content-Type": FORM}), 302)
    return answer.headers["Location"].strip("/").split("/")[1]


def make(client: Client, mix: str) -> str:
    """Start a job as the Make button does; return its id."""
    answer = expect(client.ask("POST", f"/mixes/{mix}/make/", b"", {"Content-Type": FORM}), 302)
    return answer.headers["Location"].strip("/").split("/")[1]


def create_upload(client: Client, name: str, size: int, mix: str = "") -> str:
    from base64 import b64encode

    metadata = f"filename {b64encode(name.encode()).decode()}"
    if mix:
        metadata += f",mix {b64encode(mix.encode()).decode()}"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
    return expect(client.ask("POST", "/uploads/", b"", headers), 201).headers["Location"]


def patch(client: Client, location: str, offset: int, piece: bytes) -> Answer:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    return client.ask("PATCH", location[location.index("/uploads/") :], piece, headers)


def upload_songs(bench: WebBench, mix: str, count: int) -> float:
    """Upload distinct songs; return when the last byte was accepted."""
    for number in range(count):
        data = bench.songs[number % len(bench.songs)].read_bytes() + f"{mix} {number}".encode()
        location = create_upload(bench.client, f"{number:02d} song.mp3", len(data), mix)
        expect(patch(bench.client, location, 0, data), 204)
    return time.perf_counter()


def wait_until_ready(bench: WebBench) -> None:
    from mixes.models import Track

    until_s = time.perf_counter() + PATIENCE_S
    waiting = Track.objects.filter(
        owner=bench.owner, state__in=("uploading", "listening"), name__endswith="song.mp3"
    )
    while waiting.exists():
        if time.perf_counter() > until_s:
            raise RuntimeError("The tracks did not become ready.")
        time.sleep(0.05)
    refused = Track.objects.filter(owner=bench.owner, state="refused", name__endswith="song.mp3")
    if problem := refused.values_list("problem", flat=True).first():
        raise RuntimeError(f"A song was refused: {problem}")


def run_job(bench: WebBench, mix: str) -> float:
    return wait_for_job(make(bench.client, mix))


def wait_for_job(job: str) -> float:
    """Wait for a job to end; return the duration of its run in seconds."""
    from mixes.models import MixJob

    until_s = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < until_s:
        row = MixJob.objects.get(pk=job)
        if row.state == "done":
            return float((row.finished_at - row.started_at).total_seconds())
        if not row.is_open:
            raise RuntimeError(f"The job ended as {row.state}: {row.error_text}")
        time.sleep(0.05)
    raise RuntimeError("The job did not end.")


def expect(answer: Answer, *statuses: int) -> Answer:
    if answer.status not in statuses:
        raise RuntimeError(f"{answer.status} instead of {statuses}: {answer.body[:300]!r}")
    return answer


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
