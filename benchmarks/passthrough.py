"""MP3 songs copied into the mix, compared with encoding all of it and with pydub, side by side."""

from collections.abc import Iterator

from benchmarks import rivals
from benchmarks.measure import interleaved, median_cpu_s, median_wall_s
from benchmarks.ours import Bench
from benchmarks.report import Row

CPU_GOAL = 0.25  # of the CPU of encoding it all
PYDUB_GOAL, UNTOUCHED_GOAL = 8.0, 15.0  # x faster by the clock: at -14 LUFS, and with levels left as they are


def pass_through(bench: Bench) -> Iterator[Row]:
    """Mix analysed MP3s: copied, with levels left as they are, and all encoded."""
    bench.warm_up()
    tracks = bench.music.tracks
    runs = interleaved(
        bench.repeats,
        copied=lambda: bench.mix("copied", tracks, "--no-check").run,
        untouched=lambda: bench.mix("untouched", tracks, "--no-check", "--loudness", "off").run,
        encoded=lambda: bench.mix("encoded", tracks, "--no-check", "--encode-all").run,
        pydub=lambda: rivals.pydub_seed(bench.ffmpeg, tracks, bench.work / "pydub.mp3"),
    )
    encoded_s, pydub_s = median_cpu_s(runs["encoded"]), median_wall_s(runs["pydub"])
    for name, title, goal in (
        ("copied", "pass-through at -14 LUFS", PYDUB_GOAL),
        ("untouched", "pass-through, levels left as they are", UNTOUCHED_GOAL),
    ):
        cpu_s, wall_s = median_cpu_s(runs[name]), median_wall_s(runs[name])
        yield Row(
            f"{title}: CPU",
            f"<= {CPU_GOAL} x",
            f"{cpu_s / encoded_s:.2f} x ({cpu_s:.1f} s)",
            f"all encoded {encoded_s:.1f} s",
            cpu_s / encoded_s <= CPU_GOAL,
        )
        yield Row(
            f"{title}: against pydub",
            f">= {goal:.0f} x",
            f"{pydub_s / wall_s:.1f} x ({wall_s:.1f} s)",
            f"pydub {pydub_s:.1f} s",
            pydub_s / wall_s >= goal,
        )
        yield from _copied(bench, name, title)


def _copied(bench: Bench, name: str, title: str) -> Iterator[Row]:
    """Tell how many frames are copied, and whether the check finds them equal to the files."""
    options = ("--loudness", "off") if name == "untouched" else ()
    document = bench.mix(f"{name}-checked", bench.music.tracks, *options).document
    passed = document["passed_through"] or {"frames": 0, "of": 1, "songs": []}
    items = {item["name"]: item for item in document["check"]["items"]}
    proof = items.get("passed_through", {"sentence": "nothing is copied", "verdict": "note"})
    yield Row(
        f"{title}: frames copied",
        "",
        f"{passed['frames']:,} of {passed['of']:,} ({passed['frames'] / passed['of']:.1%})",
        "",
        None,
        f"{proof['sentence']} {items['loudness']['sentence']} {items['true_peak']['sentence']} "
        f"{items['clicks']['sentence']}",
    )
