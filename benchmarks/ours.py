"""Run our own command as a process, and read its JSON output."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from benchmarks.measure import Run
from benchmarks.music import Music, Samples, read
from mixes.engine.timeline import Timeline

ROOT = Path(__file__).parents[1]
TITLE = "Bench"


@dataclass(frozen=True)
class Mix:
    """One finished run: its cost, and the document of `--json`."""

    run: Run
    document: dict[str, Any]
    timeline: Timeline

    def artifact(self, kind: str) -> Path:
        return Path(self.document["artifacts"][kind])

    @property
    def paths(self) -> list[Path]:
        return [Path(clip["path"]) for clip in self.document["clips"]]

    def timing_s(self, stage: str) -> float:
        return float(self.document["timings"].get(f"{stage}_s") or 0.0)


@dataclass(frozen=True)
class Bench:
    """Shared state of all benchmarks."""

    ffmpeg: Path
    music: Music
    work: Path
    repeats: int
    quick: bool
    long: bool
    picture: Path
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def warm(self) -> Path:
        """The data folder where analyses are kept between runs."""
        return self.work / "data"

    def mix(
        self,
        name: str,
        sources: Sequence[Path],
        *options: str,
        memory: bool = False,
        cold: bool = False,
    ) -> Mix:
        """Run the command; `cold` gives it an empty data folder."""
        data = self.work / "cold-data" if cold else self.warm
        out = self.work / "out" / name
        for folder in (out, *((data,) if cold else ())):
            shutil.rmtree(folder, ignore_errors=True)
        out.mkdir(parents=True)
        argv = [sys.executable, ROOT / "manage.py", "mix", *sources, "-o", out, "--title", TITLE, "--json"]
        environ = {"MIXTAPE_DATA_DIR": str(data), "MIXTAPE_FFMPEG": str(self.ffmpeg)}
        run = measure.run([*argv, *options], environ=environ, cwd=ROOT, memory=memory)
        document = json.loads(run.stdout)
        timeline = json.loads(Path(document["artifacts"]["timeline"]).read_text(encoding="utf-8"))
        return Mix(run, document, Timeline.from_dict(timeline))

    def warm_up(self) -> None:
        """Analyse every track, so that later runs only render."""
        if "warm" not in self.kept:
            self.kept["warm"] = self.mix("warm-up", self.music.tracks)

    def main_mix(self) -> Mix:
        """Return the mix whose sound is examined, as MP3 and MP4 with check sheet; made once."""
        if "main" not in self.kept:
            self.kept["main"] = self.mix("main", self.music.tracks, "--formats", "mp3,mp4", *self.pictured)
        mix: Mix = self.kept["main"]
        return mix

    @property
    def pictured(self) -> tuple[str, str]:
        return ("--image", str(self.picture))

    def source(self, mix: Mix, index: int) -> Samples:
        """Return clip `index` from its cue-in, gain applied, by plain ffmpeg: float32 (frames, 2)."""
        clip, rate = mix.timeline.clips[index], mix.timeline.rate
        whole = read(self.ffmpeg, mix.paths[index], rate)
        part = whole[clip.cue_in : clip.cue_in + clip.length]
        missing = clip.length - len(part)  # a resampler may end a frame or two early
        return np.pad(part, ((0, missing), (0, 0))) * np.float32(10 ** (clip.gain_db / 20))


def repeated(tracks: Sequence[Path], lengths_s: Sequence[float], seconds: float) -> list[Path]:
    """Repeat the tracks until they last at least `seconds`, overlaps subtracted."""
    chosen: list[Path] = []
    total_s = 0.0
    while total_s < seconds:
        index = len(chosen) % len(tracks)
        chosen.append(tracks[index])
        total_s += lengths_s[index] - 8.0
    return chosen
