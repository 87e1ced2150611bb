"""Terminal output of the mix command: progress, then the tracklist and the check sheet."""

import contextlib
import os
from collections.abc import Iterator
from io import TextIOBase
from pathlib import Path
from typing import IO, Any, Protocol, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.music.measured import USUAL_BEAT_S
from mixes.engine.ordering.suggestion import Suggestion
from mixes.engine.sewing.report import PassedThrough
from mixes.engine.timeline import Clip, Timeline, Transition
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss
from mixes.services.offline.local_mixes import LocalMix

STAGE_NAMES = {
    "analyse": "Analysing the tracks",
    "draw": "Drawing the pictures",
    "render": "Mixing",
    "video": "Making the video",
    "write": "Writing the texts",
    "check": "Checking the result",
}
VERDICT_MARKS = {"ok": "[green]ok[/green]  ", "note": "[yellow]note[/yellow]", "wrong": "[red]bad[/red] "}
PRINTED_AS_NOTES = ("plan", "remark")  # items of every sheet that are printed with the notes
PLAIN_STEP = 0.25  # step between progress lines without a terminal
PLAIN_WIDTH = 120  # table width without a terminal, in columns
ARTIFACT_NAMES = {
    "mp3": "Audio",
    "mp4": "Video",
    "description": "Description",
    "cue": "CUE sheet",
    "chapters": "Chapters",
    "timeline": "Timeline",
}


class ProgressDisplay(Protocol):
    """Shows how far a run is, and sentences on it, while it goes on."""

    def __call__(self, stage: str, fraction: float) -> None: ...

    def tell(self, sentence: str) -> None: ...


@contextlib.contextmanager
def show_progress(stream: TextIOBase) -> Iterator[ProgressDisplay]:
    """Yield a progress display: bars with remaining time on a terminal, else a few plain lines."""
    console = Console(file=cast("IO[str]", stream))
    if not console.is_terminal:
        yield PlainProgress(stream)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield ProgressBars(progress)


class ProgressBars:
    """Shows a bar per stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, fraction: float) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(STAGE_NAMES.get(stage, stage), total=1.0)
        self._progress.update(self._tasks[stage], completed=fraction)

    def tell(self, sentence: str) -> None:
        self._progress.console.print(f"  [yellow]![/yellow] {escape(sentence)}", highlight=False)


class PlainProgress:
    """Prints a line when a stage starts and at every quarter of it."""

    def __init__(self, stream: TextIOBase) -> None:
        self._stream = stream
        self._printed: dict[str, float] = {}

    def __call__(self, stage: str, fraction: float) -> None:
        step = fraction // PLAIN_STEP * PLAIN_STEP
        if step > self._printed.get(stage, -1.0):
            self._printed[stage] = step
            self._stream.write(f"{STAGE_NAMES.get(stage, stage)}: {step:.0%}\n")
            self._stream.flush()

    def tell(self, sentence: str) -> None:
        self._stream.write(f"{sentence}\n")
        self._stream.flush()


def print_mix(mix: LocalMix, stream: TextIOBase) -> None:
    """Print the tracklist, the check sheets, the files left out, and the output paths."""
    console = Console(file=cast("IO[str]", stream), highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    outputs = mix.outputs
    console.print(tracklist_table(mix))
    if mix.suggestion:
        console.print("\n[bold]Suggested order[/bold]")
        for number, join in enumerate(mix.suggestion.joins, 1):
            console.print(f"  {number} to {number + 1}: {escape(join.reason)}")
    for kind, sheet in outputs.checks.items():
        console.print(f"\n[bold]Check of the {kind.upper()}[/bold]")
        for item in (item for item in sheet.items if item.name not in PRINTED_AS_NOTES):
            console.print(f"  {VERDICT_MARKS[item.verdict]} {escape(item.sentence)}")
    for line in passed_lines(outputs.passed_through):
        console.print(f"  {escape(line)}")
    for note in outputs.notes:
        console.print(f"  [yellow]![/yellow] {escape(note)}")
    for left_out in mix.left_out:
        console.print(f"  [yellow]![/yellow] Left out: {escape(str(left_out.error))}")
    console.print()
    for kind, path in outputs.artifacts.items():
        console.print(f"{ARTIFACT_NAMES[kind]:<12} {escape(printable(path))}", soft_wrap=True)
    seconds = outputs.timings_s
    console.print(
        f"\nMade in {seconds['total']:.1f} s, {seconds['analyse']:.1f} s of it for analysing the tracks."
    )


def passed_lines(passed: PassedThrough | None) -> list[str]:
    """Return what is said of copied songs: how much of the mix they are, and why others are encoded."""
    if passed is None:
        return []
    encoded = (song for song in passed.songs if song.reason)
    return [passed.sentence, *(f"“{song.title}” is encoded: {song.reason}." for song in encoded)]


def printable(path: Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def tracklist_table(mix: LocalMix) -> Table:
    """Return the tracklist as a table with the decision for each join."""
    timeline = mix.outputs.timeline
    duration_s = timeline.duration_s
    title = f"{mix.request.title}, {format_time(duration_s, duration_s)}"
    table = Table("Start", "Title", "Length", "Join to the next", title=escape(title), title_justify="left")
    for index, (chapter, clip) in enumerate(zip(mix.outputs.chapters, timeline.clips, strict=True)):
        table.add_row(
            format_time(chapter.start_s, duration_s),
            escape(chapter.label),
            format_time(clip.length / timeline.rate, 0.0),
            escape(describe_join(timeline, index)),
        )
    return table


def format_time(seconds: float, longest_s: float) -> str:
    """Return a time; it has hours if `longest_s`, the longest of its column, has them."""
    format_time = format_h_mm_ss if longest_s >= 3600 else format_m_ss
    return format_time(int(seconds))


def describe_join(timeline: Timeline, index: int) -> str:
    """Return style, length and reason of the join after clip `index`; empty after the last."""
    if index == len(timeline.transitions):
        return ""
    transition: Transition = timeline.transitions[index]
    length = f" {transition.overlap / timeline.rate:.1f} s" if transition.overlap > 0 else ""
    return f"{transition.style}{length}: {transition.reason}"


def beats_to_json(after: Clip, join: Transition) -> dict[str, Any]:
    """Return how beats are matched at a join.

    `bars` is 0 without. A second of the overlap has `stretch` seconds of the incoming song. `fallback` is the
    reason where they should have been matched and are not.
    """
    return {"bars": join.bars, "stretch": round(after.stretch, 6), "fallback": join.why_not_club or None}


def mix_to_json(mix: LocalMix) -> dict[str, Any]:
    """Return a finished mix as plain types: times in seconds, levels in dB or LUFS."""
    outputs, timeline = mix.outputs, mix.outputs.timeline
    rate = timeline.rate
    return {
        "title": mix.request.title,
        "rate": rate,
        "frames": timeline.frames,
        "duration_s": timeline.duration_s,
        "clips": [
            {
                "title": clip.title,
                "artist": clip.artist,
                "path": printable(mix.origins.get(source.path, source.path)),
                "start_s": clip.start / rate,
                "length_s": clip.length / rate,
                "cue_in_s": clip.file_cue_in / rate,
                "cue_out_s": clip.file_cue_out / rate,
                "skips_s": [[first / rate, frames / rate] for first, frames in clip.skips],
                "gain_db": clip.gain_db,
                **music_to_json(source.analysis, clip.file_cue_in / rate, clip.file_cue_out / rate),
            }
            for clip, source in zip(timeline.clips, mix.request.sources, strict=True)
        ],
        "transitions": [
            {
                "style": join.style,
                "overlap_s": join.overlap / rate,
                "crossover_s": join.crossover / rate,
                "fade_out_s": join.fade_out_s,
                "fade_in_s": join.fade_in_s,
                "bass_swap": join.bass_swap_s is not None,
                **beats_to_json(after, join),
                "ride": [[round(after.start / rate + s, 3), level_db] for s, level_db in join.ride],
                "reason": join.reason,
            }
            for _, after, join in timeline.joins()
        ],
        "order": suggestion_to_json(mix.suggestion) if mix.suggestion else None,
        "passed_through": outputs.passed_through.to_json() if outputs.passed_through else None,
        "fades": [[round(frame / rate, 3), gain] for frame, gain in timeline.fades],
        "chapters": [
            {"start_s": chapter.start_s, "title": chapter.title, "artist": chapter.artist}
            for chapter in outputs.chapters
        ],
        "artifacts": {
            kind: printable(outputs.artifacts[kind]) if kind in outputs.artifacts else None
            for kind in ARTIFACT_NAMES
        },
        "check": next((sheet.to_dict() for sheet in outputs.checks.values()), None),
        "checks": {kind: sheet.to_dict() for kind, sheet in outputs.checks.items()},
        "notes": list(outputs.notes),
        "left_out": [{"path": printable(item.path), "reason": str(item.error)} for item in mix.left_out],
        "timings": {f"{stage}_s": outputs.timings_s.get(stage, 0.0) for stage in (*STAGE_NAMES, "total")},
    }


def music_to_json(track: TrackAnalysis, cue_in_s: float, cue_out_s: float) -> dict[str, Any]:
    """Return what is known of a song's beat, key and voices; None for what is not.

    The voices are those between the two places of the file.
    """
    rhythm, harmony, voices = track.rhythm, track.harmony, track.voices
    beat_s = 60 / rhythm.tempo if rhythm and rhythm.is_steady else USUAL_BEAT_S
    return {
        "bpm": rhythm.tempo if rhythm else None,
        "beat_trust": rhythm.trust if rhythm else None,
        "key": harmony.name if harmony else None,
        "camelot": harmony.camelot if harmony else None,
        "key_margin": harmony.margin if harmony else None,
        "voices_share": round(voices.share(cue_in_s, cue_out_s, beat_s), 3) if voices else None,
    }


def suggestion_to_json(suggestion: Suggestion) -> dict[str, Any]:
    """Return a suggested order as plain types; `given` are the places from 1 that the songs had."""
    return {
        "given": [place + 1 for place in suggestion.order],
        "better": suggestion.better,
        "worse": suggestion.worse,
        "joins": [
            {"reason": join.reason, "change": join.change, "score": round(join.score, 3)}
            for join in suggestion.joins
        ],
    }
