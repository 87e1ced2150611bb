"""Say what the measurements of a finished file mean: a verdict and one sentence for a user on each thing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mixes.engine.checks.mix_meter import Measurements
from mixes.engine.checks.passed_through import PassProof
from mixes.engine.timestamps import format_h_mm_ss, format_m_ss

AAC_FRAME = 1024  # an MP4's sound may end up to one of these beside the plan
LOUDNESS_TOLERANCE_LU = 0.3
HIGHEST_TRUE_PEAK_DBTP = -0.9  # what the limiter's ceiling leaves after an encoder's overshoot
LOUD_CLICK_DB = 12.0  # music alone passes for a click at 1 of 10,000 places, and 1 in 12 of these is so loud
LONGEST_SILENT_START_S = 0.5
PLACES_SHOWN = 5
AS_IN_FILES = "as in the songs' own files"
JOINS_SHOWN = 3


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"  # worth knowing, not a fault of the file
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    sentence: str


def judge(
    measured: Measurements, target_lufs: float | None, *, explained: bool, own_peaks: bool = False
) -> Iterator[CheckItem]:
    """Yield a sentence on each thing measured.

    `explained`: the plan says why it misses the target. `own_peaks`: copied songs keep theirs, however high.
    """
    yield _judge_length(measured)
    yield _judge_start(measured)
    yield _judge_loudness(measured, target_lufs, explained=explained)
    yield CheckItem("range", Verdict.OK, f"Loudness range {measured.range_lu:.1f} LU.")
    yield _judge_true_peak(measured, own_peaks=own_peaks)
    yield _judge_clipping(measured, own_peaks=own_peaks)
    yield _judge_gaps(measured)
    yield _judge_clicks(measured)
    yield _judge_joins(measured)
    if measured.beats:
        yield _judge_beats(measured)
    if measured.damaged_places:
        text = f"The file has {_counted(measured.damaged_places, 'damaged place')}."
        yield CheckItem("damage", Verdict.WRONG, text)


def judge_passed(proof: PassProof) -> CheckItem:
    """Say what of the mix is its songs' own frames, or where it does not sound like them."""
    if proof.different:
        title, at_s = proof.different[0]
        text = f"“{title}” does not sound as in its file at {format_position(at_s)}, though it is copied."
        return CheckItem("passed_through", Verdict.WRONG, text)
    compared = f"Compared with the files at {_counted(proof.places, 'place')}: equal."
    return CheckItem("passed_through", Verdict.OK, f"{proof.passed.sentence} {compared}")


def _judge_length(measured: Measurements) -> CheckItem:
    length = format_position(measured.frames / measured.rate)
    surplus = measured.frames - measured.planned_frames
    if surplus == 0:
        return CheckItem("length", Verdict.OK, f"Length {length}, exactly as planned.")
    difference = f"{_counted(abs(surplus), 'sample')} ({abs(surplus) / measured.rate:.3f} s)"
    text = f"Length {length}, {difference} {'longer' if surplus > 0 else 'shorter'} than planned."
    within_a_frame = measured.codec == "aac" and abs(surplus) <= AAC_FRAME
    return CheckItem("length", Verdict.OK if within_a_frame else Verdict.WRONG, text)


def _judge_start(measured: Measurements) -> CheckItem:
    late = measured.late_frames
    if late:
        by_ms = abs(late) / measured.rate * 1000
        text = f"The sound starts {by_ms:.1f} ms too {'late' if late > 0 else 'early'}."
        return CheckItem("start", Verdict.WRONG, text)
    if late == 0:
        return CheckItem("start", Verdict.OK, "The first sample is the plan's first.")
    if measured.first_sound_s is None:
        return CheckItem("start", Verdict.WRONG, "There is no sound in the file.")
    is_silent = measured.first_sound_s > LONGEST_SILENT_START_S
    text = f"The first sound comes after {measured.first_sound_s:.2f} s."
    return CheckItem("start", Verdict.NOTE if is_silent else Verdict.OK, text)


def _judge_loudness(measured: Measurements, target_lufs: float | None, *, explained: bool) -> CheckItem:
    loudness = measured.integrated_lufs
    if loudness is None:
        text = "The mix is too quiet or too short for its loudness to be measured."
        return CheckItem("loudness", Verdict.NOTE, text)
    if target_lufs is None:
        return CheckItem("loudness", Verdict.OK, f"Loudness {loudness:.1f} LUFS, left as it was.")
    text = f"Loudness {loudness:.1f} LUFS, target {target_lufs:.1f}."
    if abs(loudness - target_lufs) <= LOUDNESS_TOLERANCE_LU:
        return CheckItem("loudness", Verdict.OK, text)
    return CheckItem("loudness", Verdict.NOTE if explained else Verdict.WRONG, text)


def _judge_true_peak(measured: Measurements, *, own_peaks: bool) -> CheckItem:
    peak = measured.true_peak_dbtp
    if peak is None:
        return CheckItem("true_peak", Verdict.OK, "There is no peak to measure.")
    text = f"True peak {peak:.1f} dBTP"
    if peak <= HIGHEST_TRUE_PEAK_DBTP:
        return CheckItem("true_peak", Verdict.OK, f"{text}, within {HIGHEST_TRUE_PEAK_DBTP:g}.")
    if own_peaks:
        return CheckItem("true_peak", Verdict.NOTE, f"{text}, {AS_IN_FILES}.")
    verdict = Verdict.NOTE if peak <= 0 else Verdict.WRONG
    return CheckItem("true_peak", verdict, f"{text}, above the {HIGHEST_TRUE_PEAK_DBTP:g} aimed at.")


def _judge_clipping(measured: Measurements, *, own_peaks: bool) -> CheckItem:
    if not measured.clipped_samples:
        return CheckItem("clipping", Verdict.OK, "Nothing is clipped.")
    where = format_positions(measured.clipped_at_s)
    text = f"{_counted(measured.clipped_samples, 'sample')} in flat tops at full scale, at {where}"
    if own_peaks:
        return CheckItem("clipping", Verdict.NOTE, f"{text}, {AS_IN_FILES}.")
    return CheckItem("clipping", Verdict.WRONG, f"{text}.")


def _judge_gaps(measured: Measurements) -> CheckItem:
    if not measured.gaps:
        return CheckItem("gaps", Verdict.OK, "No silence that was not planned.")
    at_joins = [gap for gap in measured.gaps if gap.at_join]
    reported = at_joins or list(measured.gaps)
    where = "at a join" if at_joins else "inside the songs"
    texts = [f"{gap.length_s:.1f} s at {format_position(gap.start_s)}" for gap in reported[:PLACES_SHOWN]]
    text = f"{_counted(len(reported), 'silence')} {where}: {_listed(texts, len(reported))}."
    return CheckItem("gaps", Verdict.WRONG if at_joins else Verdict.NOTE, text)


def _judge_clicks(measured: Measurements) -> CheckItem:
    if not measured.clicks:
        looked = _counted(measured.click_places, "place")
        return CheckItem("clicks", Verdict.OK, f"No click in {looked} where sounds are joined.")
    loud = [click for click in measured.clicks if click.over_db >= LOUD_CLICK_DB]
    reported = loud or measured.clicks
    what = _counted(len(reported), "click" if loud else "faint click")
    text = f"{what} where sounds are joined, at {format_positions([click.at_s for click in reported])}."
    return CheckItem("clicks", Verdict.WRONG if loud else Verdict.NOTE, text)


def _judge_joins(measured: Measurements) -> CheckItem:
    judged = [join for join in measured.joins if join.points is not None]
    if not judged:
        return CheckItem("joins", Verdict.OK, "There is no join to judge.")
    faulted = sorted((join for join in judged if join.is_faulted), key=lambda join: -(join.points or 0.0))
    if faulted:
        texts = [join.say() for join in faulted[:JOINS_SHOWN]]
        more = len(faulted) - len(texts)
        rest = [f"{_counted(more, 'more join')} may be noticed as much."] if more else []
        return CheckItem("joins", Verdict.NOTE, " ".join([*texts, *rest]))
    noticed = [join for join in judged if join.is_noticed]
    smooth = "The join is smooth." if len(judged) == 1 else f"All {len(judged)} joins are smooth."
    if not noticed:
        return CheckItem("joins", Verdict.OK, smooth)
    worst = max(noticed, key=lambda join: (join.points or 0.0, join.dip_lu or 0.0))
    others = len(judged) - len(noticed)
    rest = [f"{others} of {_counted(len(judged), 'join')} are smooth."] if others else []
    return CheckItem("joins", Verdict.OK, " ".join([f"You may notice one: {worst.say()}", *rest]))


def _judge_beats(measured: Measurements) -> CheckItem:
    apart = [join for join in measured.beats if join.is_faulted]
    if apart:
        texts = [
            f"Into “{join.title}” at {format_position(join.at_s)} "
            f"the beats are {1000 * (join.apart_s or 0):.0f} ms apart."
            for join in apart[:JOINS_SHOWN]
        ]
        return CheckItem("beats", Verdict.NOTE, " ".join([*texts, "Set style “smooth” for such a join."]))
    heard = sum(join.apart_s is not None for join in measured.beats)
    joins = _counted(len(measured.beats), "join")
    if heard < len(measured.beats):
        text = (
            f"Beats are matched at {joins}; at {heard} they are clear enough to be measured, and they meet."
        )
        return CheckItem("beats", Verdict.OK, text)
    return CheckItem("beats", Verdict.OK, f"The beats of both songs meet at {joins}.")


def format_position(seconds: float) -> str:
    """Return a position as M:SS.s, or H:MM:SS.s from an hour on."""
    tenths = int(seconds * 10 + 1e-6)
    format_time = format_h_mm_ss if tenths >= 36_000 else format_m_ss
    return f"{format_time(tenths // 10)}.{tenths % 10}"


def format_positions(seconds: Sequence[float]) -> str:
    """Return the first positions as one phrase."""
    return _listed([format_position(s) for s in seconds[:PLACES_SHOWN]], len(seconds))


def _listed(shown: Sequence[str], count: int) -> str:
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
