"""MP3 songs copied into the mix, compared with encoding all of it and with pydub, side by side."""

from collections.abc import Iterator

import numpy as np

from benchmarks import measure, rivals
from benchmarks.exact import decoded
from benchmarks.measure import interleaved, median_cpu_s, median_wall_s
from benchmarks.music import Samples
from benchmarks.ours import Bench
from benchmarks.report import Row
from mixes.engine.analysis.track import analyse_track
from mixes.engine.codecs.mp3 import Mp3Format
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.passthrough.grid import OUR_DELAY
from mixes.engine.rendering.render import render_blocks
from mixes.engine.sewing.encoding import Materials
from mixes.engine.sewing.passages import find_passages
from mixes.engine.sewing.writer import write_sewn
from mixes.engine.timeline import MP3_FRAME as FRAME

CPU_GOAL = 0.25  # of the CPU of encoding it all
GOOD_SEAM_DB, WORSE_SEAM_DB = 30.0, 0.5
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
    yield _seams(bench)


def _seams(bench: Bench) -> Row:
    """Compare the noise at every seam with that of LAME encoding the same sound in one piece."""
    paths, file, whole = bench.music.tracks, bench.work / "sewn.mp3", bench.work / "whole.mp3"
    tracks = [analyse_track(bench.ffmpeg, path) for path in paths]
    timeline = plan_mix(tracks, MixSettings(copy_into_kbps=320)).timeline
    passages = find_passages(timeline, tracks, keeps_peaks=False)
    form = Mp3Format(timeline.rate, 320)
    materials = Materials(timeline, paths, tracks, passages, form, bench.ffmpeg)
    sewn = write_sewn(file, materials, cores=measure.cores())
    raw = bench.work / "unlimited.f32"  # as it is at seams: the limiter acts inside of passages only
    with raw.open("wb") as output:
        for block in render_blocks(timeline, paths, ffmpeg=bench.ffmpeg):
            block.tofile(output)
    shape = ("-f", "f32le", "-ar", str(timeline.rate), "-ac", "2")
    lame = ("-c:a", "libmp3lame", "-b:a", "320k", "-compression_level", "7")
    measure.run([bench.ffmpeg, *rivals.QUIET, *shape, "-i", raw, *lame, whole])
    wanted = np.memmap(raw, dtype="<f4", mode="r").reshape(-1, 2)
    ours, theirs = (decoded(bench, path, path.stem, timeline.rate) for path in (file, whole))
    pairs = [(_snr_db(wanted, ours, seam), _snr_db(wanted, theirs, seam)) for seam in sewn.seams]
    worse = [(one, other) for one, other in pairs if one < min(GOOD_SEAM_DB, other - WORSE_SEAM_DB)]
    differences = [one - other for one, other in pairs]
    return Row(
        f"seams between copied and encoded frames ({len(pairs)})",
        f">= {GOOD_SEAM_DB:.0f} dB, or within {WORSE_SEAM_DB} dB of one piece",
        f"{len(worse)} worse, median {np.median(differences or [0]):+.1f} dB, forced {sewn.forced}",
        f"in one piece {np.median([other for _, other in pairs] or [0]):.1f} dB of signal to noise",
        not worse and not sewn.forced,
        " ".join(f"{one:.1f} against {other:.1f} dB." for one, other in worse),
    )


def _snr_db(wanted: Samples, sound: Samples, frame: int) -> float:
    """Return the signal-to-noise ratio where a frame begins to be heard, and of that frame."""
    at = frame * FRAME - OUR_DELAY
    part = slice(max(0, at - FRAME // 2), at + FRAME)
    signal = wanted[part].astype(np.float64)
    noise = np.sum((signal - sound[part]) ** 2)
    return float(10 * np.log10(max(np.sum(signal**2), 1e-9) / max(noise, 1e-9)))


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
