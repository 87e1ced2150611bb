"""From a click on a join far inside a file until its sound has arrived."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Row
from benchmarks.web.figures import (
    PATIENCE_S,
    WebBench,
    create_mix,
    create_upload,
    expect,
    patch,
    percentile,
    wait_until_ready,
)

FAR_S = 50 * 60.0
CLICKS, CLICKS_BEFORE = 20, 5
CLICK_S = 1.0
ASK_S, SLOWER, LONGEST_ASK_S = 0.1, 1.1, 0.7  # as the page's script asks


def far_joins(bench: WebBench) -> Iterator[Row]:
    """Hear a join that begins 50 minutes into a file, each time another length; then without checksums."""
    mix = create_mix(bench.client)
    for path in (long_file(bench), bench.songs[0]):
        data = path.read_bytes() + mix.encode()
        location = create_upload(bench.client, f"{path.stem} song.mp3", len(data), mix)
        expect(patch(bench.client, location, 0, data), 204)
    wait_until_ready(bench)
    found_s = [click(bench, mix, 4.0 + 0.25 * number) for number in range(CLICKS)]
    forget_seek_indexes(mix)
    from_start_s = [click(bench, mix, 4.1 + 0.25 * number) for number in range(CLICKS_BEFORE)]
    p95_s = percentile(found_s, 95)
    yield Row(
        f"click on a join {FAR_S / 60:.0f} minutes into an MP3 until its sound is there, p95",
        f"<= {CLICK_S:.1f} s",
        f"{p95_s:.2f} s",
        f"decoded from the beginning {max(from_start_s):.2f} s",
        p95_s <= CLICK_S,
        f"median {percentile(found_s, 50):.2f} s of {CLICKS}; from the beginning "
        f"{percentile(from_start_s, 50):.2f} s of {CLICKS_BEFORE}, in the same run",
    )


def long_file(bench: WebBench) -> Path:
    """Make one MP3 of all songs, repeated until it lasts longer than FAR_S."""
    names, out = bench.folder / "long.txt", bench.folder / "long.mp3"
    repeats = 1 + int(FAR_S / sum(bench.lengths_s))
    names.write_text("".join(f"file '{song}'\n" for song in bench.songs * repeats))
    source = ("-f", "concat", "-safe", "0", "-i", str(names), "-t", str(FAR_S + 20.0))
    options = ("-map", "0:a", "-c:a", "libmp3lame", "-b:a", "320k", "-compression_level", "9")
    subprocess.run([str(bench.ffmpeg), "-v", "error", "-y", *source, *options, str(out)], check=True)
    return out


def click(bench: WebBench, mix: str, transition_s: float) -> float:
    """Ask for the first join of a mix as the page's script does; return the seconds until all is there."""
    from mixes.models import Mix, MixTrack

    Mix.objects.filter(pk=mix).update(transition_s=transition_s)
    first = MixTrack.objects.get(mix__pk=mix, position=0)
    path = f"/mixes/{mix}/joins/{first.pk}/preview/"
    accept = {"Accept": "application/json"}
    began_s, wait_s = time.perf_counter(), ASK_S
    answer = json.loads(expect(bench.client.ask("POST", path, b"", accept), 200).body)
    while answer["state"] in ("queued", "running"):
        if time.perf_counter() > began_s + PATIENCE_S:
            raise RuntimeError("The join did not become ready.")
        time.sleep(wait_s)
        wait_s = min(wait_s * SLOWER, LONGEST_ASK_S)
        answer = json.loads(expect(bench.client.get(answer["status"], **accept), 200).body)
    if "sound" not in answer:
        raise RuntimeError(answer["sentence"])
    expect(bench.client.get(answer["sound"]), 200)
    return time.perf_counter() - began_s


def forget_seek_indexes(mix: str) -> None:
    """Make the analyses of a mix those of an earlier version, which had none."""
    from django.utils import timezone

    from mixes.models import AnalysisJob, MixTrack

    tracks = MixTrack.objects.filter(mix__pk=mix).values("track")
    for job in AnalysisJob.objects.filter(track__in=tracks, result__isnull=False):
        job.result = {**(job.result or {}), "seek_index": None}
        job.measured_at = (
            timezone.now()
        )  # workers keep what they read of an analysis until it is measured again
        job.save()
