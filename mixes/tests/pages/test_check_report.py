"""The check sheet in words."""

import pytest

from mixes.pages.check_report import Checked, checked_words, overall_verdict


def sheet(*items, **measured):
    base = {
        "verdict": "ok",
        "target_lufs": -14.0,
        "rate": 44_100,
        "frames": 44_100 * 125,
        "integrated_lufs": -14.04,
        "range_lu": 6.0,
        "true_peak_dbtp": -1.23,
        "joins": [{"dip_lu": 0.6}, {"dip_lu": None}],
        "gaps": [],
        "clicks": [],
    }
    checks = [{"name": n, "verdict": v, "sentence": s} for n, v, s in items]
    return {**base, **measured, "items": checks}


def judged(points):
    finding = {"what": "-", "way_out": "-", "at_s": 60.0}
    return {"title": "B", "dip_lu": 0.6, "points": points, "findings": [finding]}


def say(name, **measured):
    (checked,) = checked_words({"mp3": sheet((name, "ok", "as the engine has it"), **measured)})
    return checked.text


@pytest.mark.parametrize(
    ("name", "measured", "text"),
    [
        ("length", {}, "2:05 long, exactly as planned"),
        ("loudness", {}, "Loudness \u221214.0 LUFS, as YouTube plays it"),
        (
            "loudness",
            {"target_lufs": -16.0, "integrated_lufs": -16.1},
            "Loudness \u221216.1 LUFS, as you asked",
        ),
        (
            "loudness",
            {"target_lufs": None, "integrated_lufs": -9.3},
            "Loudness \u22129.3 LUFS, left as it was",
        ),
        ("true_peak", {}, "Peaks safe, \u22121.2 dBTP"),
        ("true_peak", {"true_peak_dbtp": None}, "No peak to measure"),
        ("range", {"range_lu": 13.0}, "Loudness range 13.0 LU: wide, quiet passages stay quiet"),
        ("joins", {}, "Every join is even; the largest dip is 0.6 LU"),
        ("joins", {"joins": []}, "No join where loudness could dip"),
        ("joins", {"joins": [{"dip_lu": -0.2}]}, "Every join is even: loudness never dips"),
        ("joins", {"joins": [{"dip_lu": 6.0}]}, "The largest dip at a join is 6.0 LU"),
        ("joins", {"joins": [judged(0.5)]}, "Every join is smooth"),
        ("joins", {"joins": [judged(0.5), judged(1.5)]}, "Every join is smooth but 1 that you may notice"),
        (
            "joins",
            {"joins": [judged(4.0), judged(1.5)]},
            "1 join may be heard as a fault: listen to it under “Loudness over time”",
        ),
        ("something new", {}, "as the engine has it"),
    ],
)
def test_figures_come_with_their_meaning(name, measured, text):
    assert say(name, **measured) == text


def test_faults_come_first_in_the_engines_own_words():
    items = (
        ("clipping", "ok", "-"),
        ("gaps", "note", "1 silence."),
        ("clicks", "wrong", "A click at 1:02.0."),
    )
    assert checked_words({"mp3": sheet(*items)}) == (
        Checked("wrong", "A click at 1:02.0."),
        Checked("note", "1 silence."),
        Checked("ok", "Nothing is clipped"),
    )


def test_a_place_leads_to_its_sound_and_its_join():
    joins = [{"start_s": 50.0, "overlap_s": 8.0}, {"start_s": 90.0, "overlap_s": -2.0}]
    clicks = [{"at_s": 58.5, "over_db": 15.0}, {"at_s": 75.0, "over_db": 13.0}]
    text = "2 clicks where sounds are joined, at 0:58.5, 1:15.0."
    (checked,) = checked_words({"mp3": sheet(("clicks", "wrong", text), joins=joins, clicks=clicks)})
    assert checked.pieces == (
        ("2 clicks where sounds are joined, at ", None),
        ("0:58.5", 55.5),
        (", ", None),
        ("1:15.0", 72.0),
        (".", None),
    )
    assert checked.joins == (0,)


def test_a_silence_in_a_pause_belongs_to_its_join():
    joins = [{"start_s": 90.0, "overlap_s": -2.0}]
    gaps = [{"start_s": 87.5, "length_s": 4.0, "at_join": True, "title": "B"}]
    (checked,) = checked_words({"mp3": sheet(("gaps", "wrong", "4.0 s at 1:27.5."), joins=joins, gaps=gaps)})
    assert checked.joins == (0,) and ("1:27.5", 84.5) in checked.pieces


def test_findings_common_to_all_files_are_shown_once_with_the_worst_figure():
    mp3 = sheet(("true_peak", "ok", ""), true_peak_dbtp=-1.6)
    mp4 = sheet(("true_peak", "ok", ""), true_peak_dbtp=-1.2)
    assert checked_words({"mp3": mp3, "mp4": mp4}) == (Checked("ok", "Peaks safe, \u22121.2 dBTP"),)


def test_a_fault_of_one_file_names_it():
    mp3, mp4 = sheet(("damage", "wrong", "1 damaged place.")), sheet()
    assert checked_words({"mp3": mp3, "mp4": mp4}) == (Checked("wrong", "MP3: 1 damaged place."),)


def test_notes_of_the_job_are_not_in_the_report():
    assert checked_words({"mp3": sheet(("plan", "note", "-"), ("remark", "note", "-"))}) == ()


def test_the_worst_verdict_counts():
    assert overall_verdict({"mp3": sheet(), "mp4": sheet(verdict="note")}) == "note"
    assert overall_verdict({}) == "ok"
