"""Run all benchmarks and write benchmarks/RESULTS.md: `python -m benchmarks [MUSIC_FOLDER] [--quick]`."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import (
    club,
    exact,
    hearing,
    joins,
    masking,
    memory,
    music,
    order,
    passthrough,
    remaking,
    sound,
    speed,
    texts,
)
from benchmarks.measure import RunFailed
from benchmarks.ours import Bench
from benchmarks.report import ROOT, Conditions, Row, make_part, replace_part
from mixes.engine.processes.ffmpeg import find_ffmpeg, version

Figure = Callable[[Bench], Iterator[Row]]
FIGURES: dict[str, tuple[str, Figure]] = {  # name for --only -> title, function
    "render": ("Rendering tracks already analysed", speed.render),
    "pass-through": ("MP3 songs copied into the mix", passthrough.pass_through),
    "cold": ("The whole command from nothing", speed.cold),
    "video": ("With video", speed.video),
    "video-stage": ("The video stage", speed.video_stage),
    "remake": ("Making a mix again", remaking.remake),
    "analysis": ("Analysis", speed.analysis),
    "start": ("Starting", speed.start),
    "memory": ("Memory of the whole process tree (sum of PSS)", memory.memory),
    "eight-hours": ("A very long mix", memory.eight_hours),
    "lengths": ("Exact files", exact.lengths),
    "encoders": ("Noise of encoders", masking.encoders),
    "seams": ("Seams of parallel encoding", exact.seams),
    "mixed": ("Many formats", exact.mixed_formats),
    "law": ("Joins", sound.law),
    "loudness": ("Loudness", sound.loudness),
    "clicks": ("Clicks", sound.clicks),
    "tracklists": ("Tracklists", texts.tracklists),
}
JOIN_FIGURES: dict[str, tuple[str, Figure]] = {
    "joins": ("Joins of mixes with default settings", joins.joins),
    "planning": ("Planning", joins.planning),
    "club": ("Joins beat on beat", club.club),
}
MUSIC_FIGURES: dict[str, tuple[str, Figure]] = {
    "music": ("Beats, keys and voices of pieces in which they are known", hearing.music),
}
ORDER_FIGURES: dict[str, tuple[str, Figure]] = {
    "order": ("Suggested orders", order.order),
}
GENERATED = "generated tempos, keys, loudnesses and artists"
PIECES = "pieces of mixes/engine/synth, the half that nothing was set on"
PARTS = {
    "The engine": FIGURES,
    "Joins": JOIN_FIGURES,
    "Music": MUSIC_FIGURES,
    "Orders": ORDER_FIGURES,
}  # of the page


def main() -> None:
    """Read the options, run the benchmarks, write the page."""
    options = read_options()
    work = options.work or Path(tempfile.mkdtemp(prefix="mixtape-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        measure_all(options, work.resolve())
    finally:
        if options.work is None:
            shutil.rmtree(work)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "music", nargs="?", type=Path, help="folder of audio files (default: generated songs)"
    )
    parser.add_argument(
        "--work", type=Path, help="folder for converted music and results (default: temporary)"
    )
    parser.add_argument(
        "--out", type=Path, help="the page (default: RESULTS.md here; with --quick the terminal)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of each timed comparison (default 3)")
    parser.add_argument("--quick", action="store_true", help="short music, one repeat: does it all work?")
    parser.add_argument("--long", action="store_true", help="a mix of eight hours too: half an hour more")
    parser.add_argument(
        "--only",
        choices=[*FIGURES, *JOIN_FIGURES, *MUSIC_FIGURES, *ORDER_FIGURES],
        action="append",
        help="these figures only",
    )
    return parser.parse_args()


def measure_all(options: argparse.Namespace, work: Path) -> None:
    """Prepare the music, run every selected benchmark, write the page."""
    load = os.getloadavg()[0]
    ffmpeg = find_ffmpeg()
    wanted = options.only or [*FIGURES, *JOIN_FIGURES, *MUSIC_FIGURES, *ORDER_FIGURES]
    convert = any(name in FIGURES for name in wanted)
    say("preparing the music")
    bench = Bench(
        ffmpeg,
        music.prepare(ffmpeg, options.music, work, quick=options.quick, convert=convert),
        work,
        1 if options.quick else options.repeats,
        options.quick,
        options.long,
        draw_picture(work / "picture.png"),
    )
    # Without paths, which mean nothing on another machine
    names = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    command = "python -m benchmarks " + " ".join(names)
    facts = (version(ffmpeg), bench.repeats, load, options.quick, command.strip())
    parts = []
    for part, figures in PARTS.items():
        sections = [
            (title, measured(name, figure, bench))
            for name, (title, figure) in figures.items()
            if name in wanted
        ]
        music_name = {"Music": PIECES, "Orders": GENERATED}.get(part, bench.music.name)
        music_name = joins.describe_music(bench) if part == "Joins" else music_name
        if sections:
            parts.append(make_part(part, "make bench", sections, Conditions(music_name, *facts)))
    if options.quick and options.out is None:
        sys.stdout.write("\n".join(parts))
        return
    out = options.out or ROOT / "benchmarks" / "RESULTS.md"
    for text in parts:
        replace_part(out, text)
    say(f"written to {out}")


def measured(name: str, figure: Figure, bench: Bench) -> Sequence[Row]:
    """Run one benchmark; a failure becomes a row, and the others still run."""
    say(name)
    began = time.monotonic()
    try:
        rows = list(figure(bench))
    except RunFailed as error:
        rows = [Row(name, "", f"failed: {str(error).splitlines()[-1]}", reached=False)]
    for row in rows:
        say(f"    {row.figure}: {row.measured} ({row.goal}) {row.verdict}")
    say(f"    {time.monotonic() - began:.0f} s")
    return rows


def draw_picture(path: Path) -> Path:
    """Draw a picture that is as hard to encode as a photograph: soft shapes, edges and grain."""
    rng = np.random.default_rng(440)
    y, x = np.mgrid[0:1080, 0:1920]
    shapes = [
        np.sin(x / rng.uniform(40, 300) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(40, 300))
        for _ in range(9)
    ]
    colours = np.stack([sum(shapes[index::3]) for index in range(3)], axis=-1) * 30 + 110
    colours += 40 * ((x // 160 + y // 160) % 2)[..., None] + rng.normal(0, 6, colours.shape)
    Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8)).save(path)
    return path


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
