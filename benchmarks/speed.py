"""Speed: rendering, the whole command, video, analysis, start-up."""

import json
import sys
from collections.abc import Iterator, Sequence

from benchmarks import measure, rivals
from benchmarks.measure import Run, interleaved, median_cpu_s, median_wall_s
from benchmarks.ours import ROOT, Bench, repeated
from benchmarks.report import Row

THREE_HOURS_S = 3 * 3600.0
SHARE_GOAL, PYDUB_GOAL, COLD_GOAL, VIDEO_GOAL = 0.80, 2.5, 1.7, 30.0
OWN_CPU_GOAL = 0.15
VIDEO_STAGE_S, CARD_S = 15.0, 3.0
ANALYSIS_GOAL = 80.0  # with beats, keys and voices

ANALYSE = """
import sys
from pathlib import Path
from mixes.engine.analysis.track import analyse_track
for name in sys.argv[2:]:
    analyse_track(Path(sys.argv[1]), Path(name))
"""


def render(bench: Bench) -> Iterator[Row]:
    """Render analysed tracks to MP3 320, compared with the machine's limit and with other tools."""
    bench.warm_up()
    tracks, out = bench.music.tracks, bench.work
    runs = interleaved(
        bench.repeats,
        ours=lambda: bench.mix("render", tracks, "--no-check", "--encode-all").run,
        limit=lambda: _limit_run(bench),
        pydub=lambda: rivals.pydub_seed(bench.ffmpeg, tracks, out / "pydub.mp3"),
        acrossfade=lambda: rivals.acrossfade(bench.ffmpeg, tracks, out / "acrossfade.mp3"),
        sox=lambda: _sox_run(bench),
    )
    bench.kept["render"] = runs
    ours_s, ours_cpu_s = median_wall_s(runs["ours"]), median_cpu_s(runs["ours"])
    limit_cpu_s, cores = median_cpu_s(runs["limit"]), measure.cores()
    share = limit_cpu_s / cores / ours_s
    yield Row(
        "render, share of the limit",
        f">= {SHARE_GOAL:.0%}",
        f"{share:.0%} ({ours_s:.1f} s)",
        f"limit {limit_cpu_s / cores:.1f} s = {limit_cpu_s:.1f} s of CPU on {cores} cores",
        share >= SHARE_GOAL,
        "decoding every track and encoding the mix, each alone in plain ffmpeg of one thread, is the limit.",
    )
    pydub_s = median_wall_s(runs["pydub"])
    yield Row(
        "render, against plain pydub",
        f">= {PYDUB_GOAL} x",
        f"{pydub_s / ours_s:.2f} x ({ours_s:.1f} s)",
        f"pydub {pydub_s:.1f} s",
        pydub_s / ours_s >= PYDUB_GOAL,
        f"each repeat by itself: {_ratios(runs['pydub'], runs['ours'])}. The limit itself, decoding and "
        f"encoding on all cores and nothing else, would be {pydub_s * cores / limit_cpu_s:.2f} x.",
    )
    for name, title in (("acrossfade", "one ffmpeg, chain of acrossfade"), ("sox", "sox splice")):
        yield _beside(title, runs[name], ours_s)
    own = ours_cpu_s / limit_cpu_s - 1
    yield Row(
        "own CPU beyond decoding and encoding",
        f"<= {OWN_CPU_GOAL:.0%}",
        f"{own:.0%} ({ours_cpu_s:.1f} s in all)",
        f"limit {limit_cpu_s:.1f} s of CPU",
        own <= OWN_CPU_GOAL,
        f"relative to decoding and encoding; {1 - limit_cpu_s / ours_cpu_s:.0%} of all CPU. Starting Python "
        "and Django, blending, the limiter and the frames encoded twice at seams are in it.",
    )


def _limit_run(bench: Bench) -> Run:
    mix = bench.kept["warm"].artifact("mp3")
    limit = rivals.limit(bench.ffmpeg, bench.music.tracks, mix, bench.work)
    bench.kept["limit"] = limit
    return Run(limit.cpu_s / measure.cores(), limit.cpu_s)


def _sox_run(bench: Bench) -> Run:
    run = rivals.sox_splice(bench.ffmpeg, bench.music.tracks, bench.music.lengths_s, bench.work / "sox.mp3")
    return run or Run(0.0, 0.0)


def _beside(title: str, runs: Sequence[Run], ours_s: float) -> Row:
    wall_s = median_wall_s(runs)
    if not wall_s:
        return Row(f"render, against {title}", "for comparison", "", "not installed")
    return Row(f"render, against {title}", "for comparison", f"{wall_s / ours_s:.2f} x", f"{wall_s:.1f} s")


def _ratios(slower: Sequence[Run], faster: Sequence[Run]) -> str:
    pairs = zip(slower, faster, strict=True)
    return ", ".join(f"{rival.wall_s / ours.wall_s:.2f}" for rival, ours in pairs)


def cold(bench: Bench) -> Iterator[Row]:
    """Run without any cache, analysis and check sheet included, compared with pydub, which does neither."""
    runs = interleaved(
        bench.repeats,
        ours=lambda: bench.mix("cold", bench.music.tracks, cold=True).run,
        pydub=lambda: rivals.pydub_seed(bench.ffmpeg, bench.music.tracks, bench.work / "pydub.mp3"),
    )
    ours_s, pydub_s = median_wall_s(runs["ours"]), median_wall_s(runs["pydub"])
    timings = json.loads(runs["ours"][-1].stdout)["timings"]
    yield Row(
        "whole command, cold",
        f">= {COLD_GOAL} x",
        f"{pydub_s / ours_s:.2f} x ({ours_s:.1f} s)",
        f"pydub {pydub_s:.1f} s, without analysis or check",
        pydub_s / ours_s >= COLD_GOAL,
        "stages of the last run: "
        + ", ".join(f"{name[:-2]} {value:.1f} s" for name, value in timings.items()),
    )


def video(bench: Bench) -> Iterator[Row]:
    """Make MP3 and 1080p MP4 together, compared with pydub and a command that encodes every frame."""
    bench.warm_up()
    seconds = rivals.VIDEO_SAMPLE_S if not bench.quick else 10
    runs = interleaved(
        1 if bench.quick else 2,
        ours=lambda: (
            bench.mix("video", bench.music.tracks, "--no-check", "--formats", "mp3,mp4", *bench.pictured).run
        ),
        pydub=lambda: rivals.pydub_seed(bench.ffmpeg, bench.music.tracks, bench.work / "pydub.mp3"),
        still=lambda: rivals.still_video(
            bench.ffmpeg, bench.picture, bench.work / "pydub.mp3", bench.work / "still.mp4", seconds=seconds
        ),
    )
    length_s = float(json.loads(runs["ours"][-1].stdout)["duration_s"])
    still_s = median_wall_s(runs["still"]) * length_s / seconds
    rival_s, ours_s = median_wall_s(runs["pydub"]) + still_s, median_wall_s(runs["ours"])
    yield Row(
        "MP3 and 1080p MP4 together",
        f">= {VIDEO_GOAL:.0f} x",
        f"{rival_s / ours_s:.1f} x ({ours_s:.1f} s)",
        f"pydub {median_wall_s(runs['pydub']):.1f} s + still video {still_s:.0f} s",
        rival_s / ours_s >= VIDEO_GOAL,
        f"the still video was measured on {seconds} s and scaled to {length_s:.0f} s.",
    )


def video_stage(bench: Bench) -> Iterator[Row]:
    """Time the video stage alone for three hours, and the cost of each title card."""
    seconds = 600.0 if bench.quick else THREE_HOURS_S
    tracks = repeated(bench.music.tracks, bench.music.lengths_s, seconds)
    plain = bench.mix("video-long", tracks, "--no-check", "--formats", "mp4", *bench.pictured)
    hours = plain.timeline.duration_s / 3600
    yield Row(
        f"video stage, {hours:.1f} hours at 1080p",
        f"<= {VIDEO_STAGE_S:.0f} s",
        f"{plain.timing_s('video'):.1f} s",
        "",
        plain.timing_s("video") <= VIDEO_STAGE_S,
        f"the file has {plain.artifact('mp4').stat().st_size / 1e6:.0f} MB.",
    )
    options = ("--no-check", "--formats", "mp4", *bench.pictured)
    without = bench.mix("cards-without", bench.music.tracks, *options)
    cards = bench.mix("cards", bench.music.tracks, *options, "--title-cards")
    each_s = (cards.timing_s("video") - without.timing_s("video")) / len(bench.music.tracks)
    yield Row(
        "video stage, each title card",
        f"<= {CARD_S:.0f} s more",
        f"{each_s:.1f} s",
        f"without cards {without.timing_s('video'):.1f} s, {len(bench.music.tracks)} cards "
        f"{cards.timing_s('video'):.1f} s",
        each_s <= CARD_S,
    )


def analysis(bench: Bench) -> Iterator[Row]:
    """Measure the CPU time of analysing every track, compared with ffmpeg's loudness meter."""
    tracks = bench.music.tracks
    meter = ["-af", "ebur128=peak=true", "-f", "null", "-"]
    runs = interleaved(
        1 if bench.quick else 2,
        ours=lambda: measure.run([sys.executable, "-c", ANALYSE, bench.ffmpeg, *tracks], cwd=ROOT),
        ffmpeg=lambda: _sum(measure.run([bench.ffmpeg, *rivals.QUIET, "-i", t, *meter]) for t in tracks),
    )
    ours, meter_alone = (bench.music.total_s / median_cpu_s(runs[name]) for name in ("ours", "ffmpeg"))
    yield Row(
        "analysis, each core",
        f">= {ANALYSIS_GOAL:.0f} x real time",
        f"{ours:.0f} x",
        f"ffmpeg's ebur128 with true peak alone: {meter_alone:.0f} x",
        ours >= ANALYSIS_GOAL,
        "seconds of music for each second of CPU, decoding and all processes included.",
    )


def start(bench: Bench) -> Iterator[Row]:
    """Start `manage.py` and check that it does not import what only an engine run needs."""
    manage = [sys.executable, ROOT / "manage.py", "mix", "--help"]
    heavy = "import scipy.signal, pydub, PIL.Image, mutagen, runpy, sys; sys.argv = sys.argv[1:]; "
    heavy += "runpy.run_path(sys.argv[0], run_name='__main__')"
    runs = interleaved(
        3 if bench.quick else 7,
        plain=lambda: measure.run(manage, cwd=ROOT),
        heavy=lambda: measure.run([sys.executable, "-W", "ignore", "-c", heavy, *manage[1:]], cwd=ROOT),
    )
    plain_s, heavy_s = median_wall_s(runs["plain"]), median_wall_s(runs["heavy"])
    loaded = _loaded(manage[1:])
    yield Row(
        "start of `manage.py mix --help`",
        "does not load scipy",
        f"{plain_s * 1000:.0f} ms; loads {', '.join(loaded) or 'none'} of scipy, pydub, Pillow, mutagen",
        f"with all of them {heavy_s * 1000:.0f} ms",
        "scipy" not in loaded,
    )


def _loaded(script: Sequence[object]) -> list[str]:
    code = "import sys, runpy, atexit; sys.argv = sys.argv[1:]; "
    code += "atexit.register(lambda: print(*sorted({n.split('.')[0] for n in sys.modules}))); "
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    said = measure.run([sys.executable, "-c", code, *script], cwd=ROOT).stdout.split()
    return [name for name in ("scipy", "pydub", "PIL", "mutagen") if name in said]


def _sum(runs: Iterator[Run]) -> Run:
    done = list(runs)
    return Run(sum(run.wall_s for run in done), sum(run.cpu_s for run in done))
