"""Faults of a known kind, size and place, put into a finished file, and what the sheet says of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.checks.check_sheet import CheckSheet, check_file
from mixes.engine.checks.judge import Verdict, format_position
from mixes.engine.checks.loudness_curve import thin_curve
from mixes.engine.errors import Cancelled, DecodeError
from mixes.engine.mixing.curves import equal_power, positions
from mixes.engine.mixing.mix_fades import fade_blocks, plan_fades
from mixes.engine.tests.signals import RATE, pink_noise, silence, write_audio, write_wav
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Clip, Timeline, Transition

OVERLAP = 2 * RATE
MP3 = ("-b:a", "320k", "-reservoir", "0")


@pytest.fixture(scope="module")
def timeline():
    """Two clips of 12 s that overlap for 2 s."""
    clips = (Clip("First", "", 0, 12 * RATE, 0, 0.0), Clip("Second", "", 0, 12 * RATE, 10 * RATE, 0.0))
    return Timeline(RATE, clips, (Transition("smooth", OVERLAP, ""),))


def dull_noise(seed):
    """12 s of noise with nothing above 5 kHz, so that a click stands out as in music."""
    spectrum = np.fft.rfft(pink_noise(12, level_db=-18, seed=seed), axis=0)
    spectrum[5000 * 12 :] = 0
    return np.fft.irfft(spectrum, axis=0).astype(np.float32)


@pytest.fixture(scope="module")
def clean():
    """The mix of that timeline, as it should be."""
    first, second = dull_noise(0), dull_noise(1)
    falling, rising = (gains.astype(np.float32)[:, None] for gains in equal_power(positions(OVERLAP)))
    first[-OVERLAP:] *= falling
    first[-OVERLAP:] += second[:OVERLAP] * rising
    return np.concatenate([first, second[OVERLAP:]])


@pytest.fixture(scope="module")
def tracks():
    """The analyses of its two songs."""
    return [measured_track(dull_noise(seed)) for seed in (0, 1)]


def measured_track(sound):
    meter = LoudnessMeter(RATE)
    meter.push(sound)
    return make_track(len(sound) / RATE, lufs=meter.integrated_lufs, momentary=meter.momentary_lufs.tolist())


@pytest.fixture(scope="module")
def target(clean):
    meter = LoudnessMeter(RATE)
    meter.push(clean)
    return round(meter.integrated_lufs, 1)


@pytest.fixture
def check(ffmpeg, timeline, tracks, target, tmp_path):
    """Write a sound as a WAV and check it."""

    def check_sound(sound, timeline=timeline, **options):
        options.setdefault("target_lufs", target)
        return check_file(ffmpeg, write_wav(tmp_path / "mix.wav", sound), timeline, tracks, **options)

    return check_sound


def item(sheet, name):
    return next(item for item in sheet.items if item.name == name)


def verdicts(sheet):
    """What is not ok."""
    return {item.name: item.verdict for item in sheet.items if item.verdict != Verdict.OK}


@pytest.mark.parametrize(("suffix", "options"), [(".mp3", MP3), (".m4a", ("-b:a", "384k")), (".wav", ())])
def test_a_clean_file_is_ok_in_every_way(suffix, options, ffmpeg, clean, timeline, tracks, target, tmp_path):
    path = write_audio(tmp_path / f"mix{suffix}", clean, RATE, *options)
    sheet = check_file(ffmpeg, path, timeline, tracks, target_lufs=target, opening=clean[:RATE])
    assert verdicts(sheet) == {}
    assert sheet.verdict == Verdict.OK
    assert abs(sheet.measured.frames - len(clean)) <= (1024 if suffix == ".m4a" else 0)
    assert sheet.measured.late_frames == 0
    assert sheet.measured.integrated_lufs == pytest.approx(target, abs=0.2)
    assert sheet.measured.click_places == 2


def test_the_loudness_is_told_beside_its_target(check, clean, target):
    sheet = check(clean)
    assert item(sheet, "loudness").sentence == f"Loudness {target:.1f} LUFS, target {target:.1f}."
    left = item(check(clean, target_lufs=None), "loudness")
    assert (left.verdict, left.sentence) == (Verdict.OK, f"Loudness {target:.1f} LUFS, left as it was.")


def test_a_missed_target_is_wrong_unless_the_plan_says_why(check, clean, target):
    missed = check(clean, target_lufs=target + 0.5)
    assert verdicts(missed) == {"loudness": Verdict.WRONG}
    explained = check(clean, target_lufs=target + 0.5, notes=["It cannot be louder."])
    assert verdicts(explained) == {"loudness": Verdict.NOTE, "plan": Verdict.NOTE}
    assert explained.verdict == Verdict.NOTE
    assert item(explained, "plan").sentence == "It cannot be louder."


def test_remarks_are_passed_on_but_explain_nothing(check, clean, target):
    sheet = check(clean, target_lufs=target + 0.5, remarks=["YouTube will show no chapters."])
    assert verdicts(sheet) == {"loudness": Verdict.WRONG, "remark": Verdict.NOTE}
    assert item(sheet, "remark").sentence == "YouTube will show no chapters."


def test_a_long_fade_in_is_no_late_start(check, clean, timeline):
    fades, _ = plan_fades(timeline.frames, RATE, fade_in_s=11.0, fade_out_s=11.0)
    (faded,) = fade_blocks([clean * np.float32(0.05)], fades)
    start = item(check(faded, target_lufs=None, timeline=replace(timeline, fades=fades)), "start")
    assert start.verdict == Verdict.OK
    assert start.sentence.startswith("The first sound comes after 0.")
    assert item(check(faded, target_lufs=None), "start").verdict == Verdict.NOTE


def test_flat_tops_are_counted_with_their_places(check, clean):
    sound = clean.copy()
    sound[5 * RATE : 5 * RATE + 20] = 1.0
    sound[15 * RATE : 15 * RATE + 3, 1] = -1.0
    sound[-5:, 1] = 1.0
    sheet = check(sound)
    assert sheet.measured.clipped_samples == 48
    assert verdicts(sheet)["clipping"] == verdicts(sheet)["true_peak"] == Verdict.WRONG
    assert (
        item(sheet, "clipping").sentence
        == "48 samples in flat tops at full scale, at 0:05.0, 0:15.0, 0:21.9."
    )


def test_a_peak_between_the_bound_and_full_scale_is_a_note(check, clean):
    sound = clean.copy()
    sound[5 * RATE : 5 * RATE + 100, 0] = 0.97 * np.sin(np.arange(100) / 100 * np.pi)
    sheet = check(sound)
    assert verdicts(sheet) == {"true_peak": Verdict.NOTE}
    assert item(sheet, "true_peak").sentence == "True peak -0.3 dBTP, above the -0.9 aimed at."
    assert sheet.measured.sample_peak_dbfs == pytest.approx(20 * np.log10(0.97), abs=0.02)


def test_silence_at_a_join_is_wrong_and_inside_a_song_a_note(check, clean):
    at_join, inside = clean.copy(), clean.copy()
    at_join[10 * RATE : 11 * RATE] = 0
    inside[4 * RATE : 5 * RATE] = 0
    assert verdicts(check(at_join))["gaps"] == Verdict.WRONG
    sheet = check(inside)
    assert verdicts(sheet) == {"gaps": Verdict.NOTE}
    assert item(sheet, "gaps").sentence == "1 silence inside the songs: 1.0 s at 0:04.0."


@pytest.mark.parametrize(("frame", "at"), [(10 * RATE, "0:10.0"), (12 * RATE + 20, "0:12.0")])
def test_a_click_at_a_join_is_wrong(frame, at, check, clean):
    sound = clean.copy()
    sound[frame] += 0.7
    sheet = check(sound)
    assert verdicts(sheet) == {"clicks": Verdict.WRONG}
    assert item(sheet, "clicks").sentence == f"1 click where sounds are joined, at {at}."
    assert sheet.measured.clicks[0].at_s == pytest.approx(frame / RATE, abs=0.001)


def test_a_click_where_the_last_song_fades_is_found(ffmpeg, clean, tracks, target, tmp_path):
    clip = Clip("Only", "", 0, len(clean), 0, 0.0, ramp_out=220)
    sound = clean.copy()
    sound[-220] += 0.7
    path = write_wav(tmp_path / "mix.wav", sound)
    sheet = check_file(ffmpeg, path, Timeline(RATE, (clip,), ()), tracks[:1], target_lufs=target)
    assert verdicts(sheet) == {"clicks": Verdict.WRONG}
    assert sheet.measured.clicks[0].at_s == pytest.approx(22 - 220 / RATE, abs=0.001)


def test_a_faint_click_is_a_note(check, clean):
    sound = clean.copy()
    sound[10 * RATE] += 0.05
    sheet = check(sound)
    assert 6 < sheet.measured.clicks[0].over_db < 12
    assert verdicts(sheet) == {"clicks": Verdict.NOTE}


def test_a_click_comes_through_the_mp3(ffmpeg, clean, timeline, tracks, target, tmp_path):
    sound = clean.copy()
    sound[12 * RATE :] += 0.5 * np.exp(-np.arange(10 * RATE) / 500).astype(np.float32)[:, None]
    path = write_audio(tmp_path / "mix.mp3", sound, RATE, *MP3)
    sheet = check_file(ffmpeg, path, timeline, tracks, target_lufs=target)
    assert verdicts(sheet)["clicks"] == Verdict.WRONG
    assert [click.at_s for click in sheet.measured.clicks] == pytest.approx([12.0], abs=0.001)


def test_a_hole_is_a_note_with_its_place_and_the_way_out(check, clean):
    sound = clean.copy()
    sound[round(9.5 * RATE) : round(12.5 * RATE)] *= 0.2
    sheet = check(sound)
    assert verdicts(sheet)["joins"] == Verdict.NOTE
    (join,) = sheet.measured.joins
    assert join.points > 2 and join.dip_lu == pytest.approx(14, abs=0.7)
    assert item(sheet, "joins").sentence == (
        "Into “Second” at 0:09: The mix is too quiet for 3 s (up to 14 LU under both songs). "
        "Let the length follow the songs, or set one by ear."
    )


def test_what_may_be_noticed_is_named_without_a_note(check, clean):
    sound = clean.copy()
    sound[round(9.5 * RATE) : round(12.5 * RATE)] *= 0.4
    sheet = check(sound)
    assert "joins" not in verdicts(sheet)
    assert 1 < sheet.measured.joins[0].points <= 2
    assert item(sheet, "joins").sentence.startswith("You may notice one: Into “Second” at 0:09: ")


def test_a_join_without_fault_is_smooth(check, clean):
    sheet = check(clean)
    assert item(sheet, "joins").sentence == "The join is smooth."
    assert sheet.measured.joins[0].points < 0.5


def test_the_loudness_over_time_is_kept_at_one_value_a_second(check, clean):
    measured = check(clean).measured
    assert measured.curve_step_s == 1.0
    assert len(measured.curve_lufs) == 20  # windows of 3 s that lie within 22 s
    assert min(measured.curve_lufs) > -25


def test_the_curve_of_a_long_mix_has_longer_steps_and_keeps_its_dips():
    loudness = np.full(36_000, -14.0)
    loudness[20_000] = -40.0
    loudness[30_000] = -np.inf
    curve, step_s = thin_curve(loudness)
    assert (len(curve), step_s) == (600, 6.0)
    assert (curve[333], curve[500], curve[0]) == (-40.0, -70.0, -14.0)
    assert thin_curve(loudness[:0]) == ((), 1.0)


def test_sheets_made_before_joins_were_judged_are_still_read(check, clean):
    data = check(clean).to_dict()
    old = {key: value for key, value in data.items() if not key.startswith("curve_")}
    names = ("start_s", "overlap_s", "style", "title", "dip_lu", "dip_at_s")
    old["joins"] = [{name: join[name] for name in names} for join in data["joins"]]
    sheet = CheckSheet.from_dict(json.loads(json.dumps(old)))
    assert sheet.measured.joins[0].points is None
    assert sheet.measured.curve_lufs == ()


def test_a_sheet_is_read_as_it_was_written(check, clean):
    sound = clean.copy()
    sound[round(9.5 * RATE) : round(12.5 * RATE)] *= 0.2
    sheet = check(sound)
    assert CheckSheet.from_dict(json.loads(json.dumps(sheet.to_dict()))) == sheet


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s[:-1], "Length 0:21.9, 1 sample (0.000 s) shorter than planned."),
        (
            lambda s: np.concatenate([s, s[:1105]]),
            "Length 0:22.0, 1,105 samples (0.025 s) longer than planned.",
        ),
    ],
)
def test_a_wrong_length_is_told_in_samples(change, sentence, check, clean):
    sheet = check(change(clean))
    assert verdicts(sheet) == {"length": Verdict.WRONG}
    assert item(sheet, "length").sentence == sentence


def test_a_file_that_goes_on_and_on_is_not_listened_to_for_ever(check, clean):
    sheet = check(np.tile(clean, (9, 1)))
    assert verdicts(sheet)["length"] == Verdict.WRONG
    assert 60 <= sheet.measured.frames / RATE - 22 < 64


def test_a_late_start_is_found_against_the_opening(check, clean):
    late = np.concatenate([silence(1105 / RATE), clean[:-1105]])
    sheet = check(late, opening=clean[:RATE])
    assert verdicts(sheet) == {"start": Verdict.WRONG}
    assert item(sheet, "start").sentence == "The sound starts 25.1 ms too late."


def test_without_the_opening_a_silent_start_is_a_note(check, clean):
    assert item(check(clean), "start").sentence == "The first sound comes after 0.00 s."
    sound = clean.copy()
    sound[:RATE] = 0
    sheet = check(sound)
    assert verdicts(sheet) == {"start": Verdict.NOTE}
    assert sheet.measured.first_sound_s == pytest.approx(1.0, abs=0.01)


def test_a_silent_file_has_no_loudness(check, clean):
    sheet = check(np.zeros_like(clean), opening=clean[:RATE])
    assert (sheet.measured.integrated_lufs, sheet.measured.true_peak_dbtp) == (None, None)
    assert verdicts(sheet)["start"] == Verdict.WRONG
    json.dumps(sheet.to_dict(), allow_nan=False)


def test_one_track_has_no_joins(ffmpeg, clean, tracks, target, tmp_path):
    timeline = Timeline(RATE, (Clip("Only", "", 0, len(clean), 0, 0.0),), ())
    sheet = check_file(
        ffmpeg, write_wav(tmp_path / "mix.wav", clean), timeline, tracks[:1], target_lufs=target
    )
    assert verdicts(sheet) == {}
    assert sheet.measured.joins == ()


def test_the_data_is_fit_for_json(check, clean):
    data = json.loads(json.dumps(check(clean).to_dict(), allow_nan=False))
    assert data["verdict"] == "ok"
    assert data["frames"] == data["planned_frames"] == 22 * RATE
    assert data["joins"][0]["title"] == "Second"
    assert data["items"][0] == {
        "name": "length",
        "verdict": "ok",
        "sentence": "Length 0:22.0, exactly as planned.",
    }


def test_a_damaged_file_is_wrong(ffmpeg, clean, timeline, tracks, target, tmp_path):
    path = write_audio(tmp_path / "mix.mp3", clean, RATE, *MP3)
    data = bytearray(path.read_bytes())
    data[400_000:404_000] = bytes(4000)
    path.write_bytes(data)
    sheet = check_file(ffmpeg, path, timeline, tracks, target_lufs=target)
    assert sheet.measured.damaged_places > 0
    assert verdicts(sheet)["damage"] == Verdict.WRONG


def test_progress_goes_up_to_the_end_and_it_stops_when_asked(check, clean):
    fractions = []
    check(clean, on_progress=fractions.append)
    assert fractions == sorted(fractions)
    assert len(fractions) > 5
    assert fractions[-1] == 1.0
    with pytest.raises(Cancelled):
        check(clean, should_stop=lambda: True)


def test_a_file_that_is_none_is_an_error(ffmpeg, timeline, tracks, tmp_path):
    path = tmp_path / "mix.mp3"
    path.write_bytes(b"no sound" * 1000)
    with pytest.raises(DecodeError):
        check_file(ffmpeg, path, timeline, tracks, target_lufs=None)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (184.26, "3:04.2"), (3599.99, "59:59.9"), (3600, "1:00:00.0")]
)
def test_places_are_told_like_chapters(seconds, text):
    assert format_position(seconds) == text
