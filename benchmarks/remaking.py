"""Making a mix again: what one change costs when the last version's files are there."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.ours import ROOT, Bench, repeated
from benchmarks.report import Row

TWO_HOURS_S = 2 * 3600.0
SHARE_GOAL = 0.05

MAKE = """
import json, sys
from dataclasses import replace
from pathlib import Path
from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.mixing.settings import JoinSettings, MixSettings
from mixes.engine.pipeline.make import resume_mix
from mixes.engine.pipeline.remake import EarlierMix
from mixes.engine.pipeline.request import MixRequest, Source
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.sewing.report import PassedThrough
from mixes.engine.timeline import Timeline

task = json.loads(Path(sys.argv[1]).read_text())
known = {path: TrackAnalysis.from_json(data) for path, data in task["analyses"].items()}
sources = tuple(Source(Path(path), known[path]) for path in task["tracks"])
joins = [JoinSettings()] * (len(sources) - 1)
cores = task["cores"]
if task["style"]:
    joins[len(joins) // 2] = JoinSettings(style=task["style"])
settings = MixSettings(copy_into_kbps=320 if task["copies"] else None)
request = MixRequest(
    sources, title="Bench", settings=settings, joins=tuple(joins), formats=("mp3", "mp4"),
    check=False, cores=cores,
    picture=Path(task["picture"]),
)
ffmpeg, earlier = find_ffmpeg(task["ffmpeg"]), None
if task["earlier"]:
    folder = Path(task["earlier"])
    earlier = EarlierMix(
        Timeline.from_dict(json.loads((folder / "bench.timeline.json").read_text())),
        tuple(source.analysis.sha256 for source in sources),
        320,
        {kind: folder / f"bench.{kind}" for kind in ("mp3", "mp4")},
        PassedThrough.read(json.loads((folder / "passed.json").read_text())),
    )
work = Path(task["work"])
passed = resume_mix(request, work, ffmpeg=ffmpeg, earlier=earlier).passed_through
(work / "passed.json").write_text(json.dumps(passed.to_dict() if passed else {}))
"""
ANALYSE = """
import json, sys
from pathlib import Path
from mixes.engine.analysis.track import analyse_track
found = {path: analyse_track(Path(sys.argv[2]), Path(path)).to_json() for path in sys.argv[3:]}
Path(sys.argv[1]).write_text(json.dumps(found))
"""


def remake(bench: Bench) -> Iterator[Row]:
    """Make a mix of two hours with MP4; then with one other join, and once more as it was.

    MP3 songs are copied, which is the default; then everything is encoded.
    """
    seconds = 600.0 if bench.quick else TWO_HOURS_S
    tracks = [str(path) for path in repeated(bench.music.tracks, bench.music.lengths_s, seconds)]
    found = bench.work / "analyses.json"
    _python(ANALYSE, found, bench.ffmpeg, *sorted(set(tracks)))
    analyses = json.loads(found.read_text(encoding="utf-8"))
    for copies in (True, False):
        yield from _remade(bench, tracks, analyses, copies=copies)


def _remade(
    bench: Bench, tracks: Sequence[str], analyses: Mapping[str, Any], *, copies: bool
) -> Iterator[Row]:
    kind = "songs copied" if copies else "all encoded"

    def make(name: str, *, style: str = "", earlier: str = "") -> measure.Run:
        work = bench.work / f"remake-{copies}" / name
        task = bench.work / f"{name}-{copies}.json"
        content = {
            "analyses": analyses,
            "tracks": tracks,
            "style": style,
            "copies": copies,
            "cores": measure.cores(),
            "picture": str(bench.picture),
            "ffmpeg": str(bench.ffmpeg),
            "earlier": str(bench.work / f"remake-{copies}" / earlier) if earlier else "",
            "work": str(work),
        }
        task.write_text(json.dumps(content), encoding="utf-8")
        return _python(MAKE, task)

    first = make("first")
    whole, part = make("whole", style="radio"), make("part", style="radio", earlier="first")
    same = all(
        (bench.work / f"remake-{copies}" / "whole" / name).read_bytes()
        == (bench.work / f"remake-{copies}" / "part" / name).read_bytes()
        for name in ("bench.mp3", "bench.mp4")
    )
    again = make("again", earlier="first")
    hours = sum(analyses[path]["frames"] / analyses[path]["rate"] for path in tracks) / 3600
    yield Row(
        f"one other join in a mix of {hours:.1f} h, MP3 and MP4, {kind}",
        f"<= {SHARE_GOAL:.0%} of the CPU",
        f"{part.cpu_s / whole.cpu_s:.1%} ({part.cpu_s:.1f} s), {part.wall_s:.1f} s",
        f"from nothing {whole.cpu_s:.1f} s of CPU, {whole.wall_s:.1f} s; without check sheets",
        same and part.cpu_s <= SHARE_GOAL * whole.cpu_s,
        "the files are the same bytes." if same else "**the files differ.**",
    )
    yield Row(
        f"the same mix once more, {kind}: its sound is not touched",
        f"<= {SHARE_GOAL:.0%} of the CPU",
        f"{again.cpu_s / first.cpu_s:.1%} ({again.cpu_s:.1f} s)",
        f"from nothing {first.cpu_s:.1f} s of CPU",
        again.cpu_s <= SHARE_GOAL * first.cpu_s,
    )


def _python(program: str, *arguments: Path | str) -> measure.Run:
    return measure.run([sys.executable, "-c", program, *arguments], cwd=ROOT)
