"""The check sheet: a finished file measured against its plan, in words and as data.

In: the file, the `Timeline` it was made from, the tracks' analyses. Out: a `CheckSheet` of plain values, with
one sentence for a user on each thing measured. Nothing here changes a file.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.checks.beats_meet import MatchedBeats
from mixes.engine.checks.faults import Gap
from mixes.engine.checks.join_quality import JoinLoudness
from mixes.engine.checks.judge import CheckItem, Verdict, judge, judge_passed
from mixes.engine.checks.mix_meter import ClickPlace, Measurements, measure_file
from mixes.engine.checks.passed_through import PassProof
from mixes.engine.errors import BrokenOutputError
from mixes.engine.samples import Samples
from mixes.engine.timeline import Timeline

# items that must pass before a file is installed
BLOCKING_CHECKS = ("length", "start", "damage", "passed_through")


@dataclass(frozen=True, slots=True)
class CheckSheet:
    """What was measured, and what it means."""

    file_name: str
    target_lufs: float | None
    measured: Measurements
    items: tuple[CheckItem, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all items'."""
        verdicts = {item.verdict for item in self.items}
        return next((v for v in (Verdict.WRONG, Verdict.NOTE) if v in verdicts), Verdict.OK)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, fit for JSON, the measurements beside the rest."""
        data = asdict(self)
        return {"verdict": self.verdict.value, **data.pop("measured"), **data}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CheckSheet":
        """Read what `to_dict` gave, straight or from JSON; earlier sheets lack what was added since."""
        measured = {field.name: data[field.name] for field in fields(Measurements) if field.name in data}
        measured["clipped_at_s"] = tuple(data["clipped_at_s"])
        measured["curve_lufs"] = tuple(data.get("curve_lufs", ()))
        for name, kind in (("gaps", Gap), ("clicks", ClickPlace)):
            measured[name] = tuple(kind(**entry) for entry in data[name])
        measured["beats"] = tuple(MatchedBeats(**entry) for entry in data.get("beats", ()))
        measured["joins"] = tuple(JoinLoudness.from_dict(entry) for entry in data["joins"])
        items = (
            CheckItem(entry["name"], Verdict(entry["verdict"]), entry["sentence"]) for entry in data["items"]
        )
        return cls(data["file_name"], data["target_lufs"], Measurements(**measured), tuple(items))


def check_file(
    ffmpeg: Path,
    path: Path,
    timeline: Timeline,
    tracks: Sequence[TrackAnalysis],
    *,
    target_lufs: float | None,
    notes: Sequence[str] = (),
    remarks: Sequence[str] = (),
    opening: Samples | None = None,
    proof: PassProof | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop = never,
) -> CheckSheet:
    """Decode and measure a finished file made of `tracks`.

    `notes` are the planner's: why the target cannot be reached. `remarks` are passed on as they are.
    `opening` is the beginning of what was rendered, a second or so: with it the start is checked to the
    sample. `proof` compares copied songs. Raises DecodeError when the file cannot be decoded, Cancelled.
    """
    measured = measure_file(
        ffmpeg,
        path,
        timeline,
        tracks,
        opening=opening,
        also=proof.push if proof else lambda block: None,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    items = (
        *judge(measured, target_lufs, explained=bool(notes), own_peaks=bool(proof) and target_lufs is None),
        *([judge_passed(proof)] if proof else ()),
        *(CheckItem("plan", Verdict.NOTE, note) for note in notes),
        *(CheckItem("remark", Verdict.NOTE, remark) for remark in remarks),
    )
    return CheckSheet(path.name, target_lufs, measured, items)


def require_intact(sheet: CheckSheet) -> None:
    """Raise BrokenOutputError when a blocking check failed: a broken file must not replace a good one."""
    for item in sheet.items:
        if item.name in BLOCKING_CHECKS and item.verdict == Verdict.WRONG:
            raise BrokenOutputError(
                f"{sheet.file_name} did not pass its final check and was discarded: {item.sentence}"
            )
