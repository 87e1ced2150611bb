"""The check sheet of a finished mix in words: each measurement and what it means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mixes.engine.checks.join_quality import DEEP_DIP_LU, NOTED_POINTS, SMOOTH_POINTS
from mixes.engine.checks.judge import format_position
from mixes.services.wording import clock, pieces_of

SHOWN_ELSEWHERE = ("plan", "remark")  # those shown among the job's notes
VERDICTS = ("wrong", "note", "ok")
ICONS = {"ok": "check", "note": "warning", "wrong": "warning"}
YOUTUBE_LUFS = -14.0
EVEN_DIP_LU = 1.0
LEAD_S = 3.0  # heard before the place of a finding
BESIDE_S = 1.0  # so near to a join a finding belongs to it
CALM_LU, LIVELY_LU = 5.0, 10.0  # LU; the range of pop is below the first, that of film above the second
Sheet = Mapping[str, Any]  # CheckSheet.to_dict()


@dataclass(frozen=True, slots=True)
class Checked:
    """One check in words, with its verdict: ok, note or wrong, and the places that it names, in seconds."""

    verdict: str
    text: str
    places_s: tuple[float, ...] = ()
    joins: tuple[int, ...] = ()  # of the mix, from 0, that these places belong to
    is_listed: bool = False  # whether its findings are listed under the loudness

    @property
    def icon(self) -> str:
        return ICONS[self.verdict]

    @property
    def pieces(self) -> tuple[tuple[str, float | None], ...]:
        """Return the text in pieces, each with the second to hear it from if it names a place."""
        return pieces_of(self.text, {format_position(at_s): hear_from(at_s) for at_s in self.places_s})


@dataclass(frozen=True, slots=True)
class JoinReport:
    """A join that a listener may notice, in words, and where to hear it."""

    place: int  # of the join in the mix, from 0
    title: str  # of the song it leads into
    at_s: float
    is_fault: bool
    text: str

    @property
    def hear_s(self) -> float:
        """Return where to start playing."""
        return hear_from(self.at_s)


def hear_from(at_s: float) -> float:
    return max(0.0, at_s - LEAD_S)


def checked_words(sheets: Mapping[str, Sheet]) -> tuple[Checked, ...]:
    """Return the checks in words, faults first.

    Where all files pass, one line stands for all: that of the file with the worst figure.
    """
    by_name: dict[str, list[tuple[str, Checked]]] = {}
    for kind, sheet in sorted(sheets.items(), key=lambda entry: -worst_figure(entry[1])):
        for name, checked in sheet_words(sheet):
            by_name.setdefault(name, []).append((kind, checked))
    found = [checked for entries in by_name.values() for checked in merged(entries, len(sheets))]
    return tuple(sorted(found, key=lambda checked: VERDICTS.index(checked.verdict)))


def worst_figure(sheet: Sheet) -> float:
    """Return the figure that differs between files of one mix: the true peak after encoding."""
    peak_db = sheet["true_peak_dbtp"]
    return float("-inf") if peak_db is None else float(peak_db)


def merged(entries: list[tuple[str, Checked]], files: int) -> list[Checked]:
    """Return the lines of one check: a single line if it holds for all files, else one per file."""
    verdicts = {checked.verdict for _, checked in entries}
    texts = {checked.text for _, checked in entries}
    if len(entries) == files and (verdicts == {"ok"} or len(texts) == 1):
        return [entries[0][1]]
    return [replace(checked, text=f"{kind.upper()}: {checked.text}") for kind, checked in entries]


def sheet_words(sheet: Sheet) -> Iterator[tuple[str, Checked]]:
    """Yield the name and the words of each check of one file; faults use the engine's own sentence.

    What was found at joins has a list of its own, `join_reports`.
    """
    for item in sheet["items"]:
        if item["name"] in SHOWN_ELSEWHERE:
            continue
        is_listed = item["name"] == "joins" and bool(join_reports(sheet))
        say = OK_WORDS.get(item["name"]) if item["verdict"] == "ok" or is_listed else None
        text = with_minus(say(sheet) if say else item["sentence"])
        places_s = () if say else places_of(sheet, item["name"])
        yield item["name"], Checked(item["verdict"], text, places_s, joins_at(sheet, places_s), is_listed)


def places_of(sheet: Sheet, name: str) -> tuple[float, ...]:
    """Return the places in the mix that a check has found, in seconds."""
    if name == "clipping":
        return tuple(sheet["clipped_at_s"])
    if name == "gaps":
        return tuple(gap["start_s"] for gap in sheet["gaps"])
    return tuple(click["at_s"] for click in sheet["clicks"]) if name == "clicks" else ()


def joins_at(sheet: Sheet, places_s: Sequence[float]) -> tuple[int, ...]:
    """Return the joins that sound at these places, or a moment beside them."""
    spans = [
        (join["start_s"] + min(0.0, join["overlap_s"]), join["start_s"] + max(0.0, join["overlap_s"]))
        for join in (sheet["joins"] if places_s else ())
    ]
    return tuple(
        place
        for place, (first_s, last_s) in enumerate(spans)
        if any(first_s - BESIDE_S <= at_s <= last_s + BESIDE_S for at_s in places_s)
    )


def overall_verdict(sheets: Mapping[str, Sheet]) -> str:
    """Return the worst verdict of all files."""
    verdicts = {sheet["verdict"] for sheet in sheets.values()}
    return next((verdict for verdict in VERDICTS if verdict in verdicts), "ok")


def with_minus(text: str) -> str:
    """Replace the hyphens of negative numbers by minus signs."""
    return text.replace(" -", " \u2212")


def length_words(sheet: Sheet) -> str:
    return _("%s long, exactly as planned") % clock(sheet["frames"] / sheet["rate"])


def start_words(sheet: Sheet) -> str:
    return _("Begins with the first sample of the first song")


def loudness_words(sheet: Sheet) -> str:
    loudness = f"{sheet['integrated_lufs']:.1f}"
    if sheet["target_lufs"] is None:
        return _("Loudness %s LUFS, left as it was") % loudness
    if sheet["target_lufs"] == YOUTUBE_LUFS:
        return _("Loudness %s LUFS, as YouTube plays it") % loudness
    return _("Loudness %s LUFS, as you asked") % loudness


def range_words(sheet: Sheet) -> str:
    range_lu: float = sheet["range_lu"]
    if range_lu < CALM_LU:
        return _("Loudness range %.1f LU: even, good in the background and in the car") % range_lu
    if range_lu < LIVELY_LU:
        return _("Loudness range %.1f LU: lively") % range_lu
    return _("Loudness range %.1f LU: wide, quiet passages stay quiet") % range_lu


def peak_words(sheet: Sheet) -> str:
    peak_dbtp: float | None = sheet["true_peak_dbtp"]
    if peak_dbtp is None:
        return _("No peak to measure")
    return _("Peaks safe, %.1f dBTP") % peak_dbtp


def clipping_words(sheet: Sheet) -> str:
    return _("Nothing is clipped")


def gap_words(sheet: Sheet) -> str:
    return _("No unplanned silence")


def click_words(sheet: Sheet) -> str:
    return _("No click at any join")


def join_reports(sheet: Sheet) -> tuple[JoinReport, ...]:
    """Return the joins that a listener may notice, in order; none for sheets made before they were judged."""
    return tuple(
        JoinReport(
            place,
            join["title"],
            join["findings"][0]["at_s"],
            join["points"] > NOTED_POINTS,
            finding_words(join["findings"]),
        )
        for place, join in enumerate(sheet["joins"])
        if is_noticed(join) and join["findings"]
    )


def is_noticed(join: Mapping[str, Any]) -> bool:
    if join.get("points") is None:
        return False
    return bool(join["points"] > SMOOTH_POINTS or (join["dip_lu"] or 0.0) > DEEP_DIP_LU)


def finding_words(findings: Sequence[Mapping[str, Any]]) -> str:
    """Return what was found, the worst first, and what helps against the worst."""
    return " ".join([*(finding["what"] for finding in findings), findings[0]["way_out"]])


def join_words(sheet: Sheet) -> str:
    reports = join_reports(sheet)
    faults = sum(report.is_fault for report in reports)
    if faults:
        return (
            ngettext(
                "%d join may be heard as a fault: listen to it under “Loudness over time”",
                "%d joins may be heard as faults: listen to them under “Loudness over time”",
                faults,
            )
            % faults
        )
    if reports:
        return ngettext(
            "Every join is smooth but %d that you may notice",
            "Every join is smooth but %d that you may notice",
            len(reports),
        ) % len(reports)
    if any(join.get("points") is not None for join in sheet["joins"]):
        return _("Every join is smooth")
    return dip_words([join["dip_lu"] for join in sheet["joins"] if join["dip_lu"] is not None])


def dip_words(dips_lu: Sequence[float]) -> str:
    """Return how far loudness falls at joins that were not judged."""
    deepest = max(dips_lu, default=0.0)
    if not dips_lu:
        return _("No join where loudness could dip")
    if deepest <= 0:
        return _("Every join is even: loudness never dips")
    if deepest <= EVEN_DIP_LU:
        return _("Every join is even; the largest dip is %.1f LU") % deepest
    if deepest <= DEEP_DIP_LU:
        return _("Joins are as even as the songs themselves; the largest dip is %.1f LU") % deepest
    return _("The largest dip at a join is %.1f LU") % deepest


def beat_words(sheet: Sheet) -> str:
    heard = sum(join["apart_s"] is not None for join in sheet["beats"])
    if heard < len(sheet["beats"]):
        return _("The beats of both songs meet wherever they are clear enough to be heard")
    return _("The beats of both songs meet")


OK_WORDS = {
    "length": length_words,
    "start": start_words,
    "loudness": loudness_words,
    "range": range_words,
    "true_peak": peak_words,
    "clipping": clipping_words,
    "gaps": gap_words,
    "clicks": click_words,
    "joins": join_words,
    "beats": beat_words,
}
