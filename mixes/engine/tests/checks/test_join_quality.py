"""Joins made bad on purpose are all found, and joins as the rule makes them are not accused.

Nearly all of it is worked out on power curves: what the mix would measure, from `gains.predict_power`.
"""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.cues import find_cues
from mixes.engine.analysis.loudness import LoudnessMeter, gate_integrated, lufs_to_power
from mixes.engine.analysis.track import analyse_track
from mixes.engine.checks.join_quality import measure_joins
from mixes.engine.mixing.gains import place_curves, predict_power
from mixes.engine.mixing.limiter import limit_blocks
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.rendering.render import render_blocks
from mixes.engine.tests.signals import RATE, pink_noise, write_wav
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Timeline, Transition

BODY_S = 60


def song(*parts, lufs=-14.0, seed=0):
    """Return a track whose level runs through `parts`: (seconds, from LU, to LU), not quite evenly."""
    level = np.concatenate([np.linspace(start, end, round(seconds * 100)) for seconds, start, end in parts])
    life = np.random.default_rng(seed).normal(0, 1.5, len(level) // 30 + 2)
    level = level + np.interp(np.arange(len(level)) / 30, np.arange(len(life)), life)
    power = 10 ** ((level + lufs) / 10)
    windows = np.array([power[at : at + 40].mean() for at in range(0, len(power) - 39, 10)])
    momentary = np.maximum(10 * np.log10(windows), -120.0)
    integrated = gate_integrated(lufs_to_power(momentary))
    frames = round(len(power) / 100 * RATE)
    cues = find_cues(momentary, integrated, rate=RATE, frames=frames, first_sound=0, last_sound=frames)
    return make_track(len(power) / 100, lufs=integrated, momentary=momentary.tolist(), cues=cues)


ENDINGS = {
    "cold": (),
    "ring-out": ((3, -3, -45),),
    "long ring-out": ((7, -3, -45),),
    "fade": ((10, 0, -40),),
    "held": ((15, -12, -12),),
}
BEGINNINGS = {
    "cold": (),
    "swell": ((15, -40, 0),),
    "short swell": ((4, -30, 0),),
    "quiet": ((10, -15, -15),),
    "pick-up": ((2, -12, -12),),
}


def pair(ending, beginning, seed=0, levels=(0, 0)):
    """Return two songs, their bodies at levels relative to -14 LUFS."""
    first = song((BODY_S, 0, 0), *ENDINGS[ending], lufs=-14.0 + levels[0], seed=seed)
    second = song(*BEGINNINGS[beginning], (BODY_S, 0, 0), lufs=-14.0 + levels[1], seed=seed + 1)
    return [first, second]


def plan(tracks, **settings):
    return plan_mix(tracks, MixSettings(**settings)).timeline


def heard(timeline, tracks):
    """Return the momentary power of the mix."""
    curves = place_curves(timeline, tracks)
    return predict_power(timeline, curves, np.array([clip.gain_db for clip in timeline.clips]))


def join_of(timeline, tracks, power=None):
    (join,) = measure_joins(heard(timeline, tracks) if power is None else power, timeline, tracks)
    return join


def joined(tracks, overlap_s, fade_out_s, fade_in_s, *, cut_s=0.0, style="smooth"):
    """Return a timeline with a join of these lengths; `cut_s` of the first song are left out at its end."""
    timeline = plan(tracks)
    first, second = timeline.clips
    last = round(tracks[0].cues.cue_out) - round(cut_s * RATE)
    first = replace(first, length=last - first.cue_in)
    overlap = round(overlap_s * RATE)
    second = replace(second, start=first.end - overlap)
    transition = Transition(style, overlap, "", fade_out_s=fade_out_s, fade_in_s=fade_in_s)
    return Timeline(RATE, (first, second), (transition,))


def parts_found(join):
    return {finding.part for finding in join.findings}


GOOD = [
    (ending, beginning, 10 * number + seed, levels)
    for number, ending in enumerate(ENDINGS)
    for seed, beginning in enumerate(BEGINNINGS)
    for levels in ((0, 0), (-3, 4))
]


@pytest.mark.parametrize(("ending", "beginning", "seed", "levels"), GOOD)
def test_joins_by_the_rule_are_not_accused(ending, beginning, seed, levels):
    tracks = pair(ending, beginning, seed, levels)
    join = join_of(plan(tracks), tracks)
    assert join.points <= 2.0, join


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ending", "beginning", "overlap_s"),
    [("ring-out", "swell", 1), ("cold", "swell", 1), ("fade", "quiet", 2), ("long ring-out", "quiet", 1)],
)
def test_a_quiet_beginning_after_a_quiet_ending_is_a_hole(ending, beginning, overlap_s, seed):
    tracks = pair(ending, beginning, seed, (0, seed - 2))
    join = join_of(joined(tracks, overlap_s, 0.5, 0.5), tracks)
    assert join.points >= 2.0
    assert join.findings[0].part == "hole"
    assert "begin earlier" in join.findings[0].way_out


@pytest.mark.parametrize("at_s", [-2.0, -1.0, -0.5])
@pytest.mark.parametrize(("length_s", "depth_db"), [(3.0, 14.0), (2.0, 20.0), (4.0, 12.0), (6.0, 10.0)])
def test_a_hole_in_the_finished_mix_is_found_at_its_place(at_s, length_s, depth_db):
    tracks = pair("ring-out", "cold")
    timeline = plan(tracks)
    power = heard(timeline, tracks)
    first_s = timeline.clips[0].end / RATE + at_s - length_s / 2
    power[round(first_s * 10) : round((first_s + length_s) * 10)] *= 10 ** (-depth_db / 10)
    join = join_of(timeline, tracks, power)
    (hole,) = (finding for finding in join.findings if finding.part in ("hole", "silent"))
    assert is_found(join, hole.part)
    assert first_s - 0.6 <= hole.at_s <= first_s + length_s


def is_found(join, part):
    """Tell whether the check sheet names a part at this join."""
    return join.points >= 2.0 or (join.points > 1.0 and join.findings[0].part == part)


@pytest.mark.parametrize("overlap_s", [7, 9, 12, 16])
@pytest.mark.parametrize("levels", [(0, 0), (-4, 0), (0, 2), (-2, -2)])
def test_two_songs_at_full_level_are_a_pile_up_and_a_clash(overlap_s, levels):
    tracks = pair("cold", "cold", overlap_s, levels)
    join = join_of(joined(tracks, overlap_s, 0.1, 0.1), tracks)
    assert join.points >= 2.0
    assert {"pile", "clash"} <= parts_found(join)


@pytest.mark.parametrize("over_db", [4.0, 6.0, 9.0])
@pytest.mark.parametrize("length_s", [3.0, 6.0])
def test_a_mix_louder_than_both_songs_is_a_pile_up(over_db, length_s):
    tracks = pair("cold", "cold")
    timeline = joined(tracks, length_s, length_s, length_s)
    power = heard(timeline, tracks)
    first_s = timeline.clips[1].start / RATE
    power[round(first_s * 10) : round((first_s + length_s) * 10)] *= 10 ** (over_db / 10)
    assert is_found(join_of(timeline, tracks, power), "pile")


@pytest.mark.parametrize("cut_s", [5, 8, 12, 20])
@pytest.mark.parametrize("ending", ["cold", "ring-out", "fade"])
def test_an_ending_that_is_cut_off_is_lost_music(cut_s, ending):
    tracks = pair(ending, "cold", cut_s)
    cut_s += 4 if ending == "fade" else 2 if ending == "ring-out" else 0  # so much of it is next to nothing
    join = join_of(joined(tracks, 0.5, 0.5, 0.5, cut_s=cut_s), tracks)
    assert is_found(join, "lost")
    assert "played to its end" in join.findings[0].way_out
    assert "ending of “Song”" in join.findings[0].what


@pytest.mark.parametrize("held_lu", [-10, -14, -25])
def test_a_held_ending_is_music_unless_it_is_hardly_heard(held_lu):
    tracks = [song((BODY_S, 0, 0), (20, held_lu, held_lu)), song((BODY_S, 0, 0))]
    assert tracks[0].cues.sustained
    join = join_of(joined(tracks, 1, 0.1, 0.1), tracks)
    assert (join.points > 2.0) == (held_lu == -25)
    assert (held_lu == -25) == ("dies away" in "".join(finding.what for finding in join.findings))


@pytest.mark.parametrize("late_s", [2.0, 4.0, 8.0])
def test_silence_between_two_songs_is_named(late_s):
    tracks = pair("cold", "cold")
    timeline = joined(tracks, 0.5, 0.5, 0.5)
    power = heard(timeline, tracks)
    at = round(timeline.clips[0].end / RATE * 10)
    power[at - round(late_s * 5) : at + 5] = 1e-9
    join = join_of(timeline, tracks, power)
    assert join.points > 2.0
    assert join.findings[0].part == "silent"
    assert join.silent_s >= 0.9


@pytest.mark.parametrize("fade_s", [10, 14, 18])
def test_a_long_fade_hides_the_beginning_of_a_song(fade_s):
    tracks = pair("cold", "cold")
    join = join_of(joined(tracks, fade_s, 0.1, fade_s, style="radio"), tracks)
    assert join.lost_s > 0.5
    assert is_found(join, "clash")


@pytest.mark.parametrize("seconds", [(20, 60), (60, 12)])
def test_a_join_within_a_fade_of_the_mix_is_judged_as_without_it(seconds):
    tracks = [song((length, 0, 0), seed=length) for length in seconds]
    plain, faded = (
        join_of(plan(tracks, fade_in_s=fade_s, fade_out_s=fade_s), tracks) for fade_s in (0.0, 30.0)
    )
    unjudged = replace(faded, dip_lu=plain.dip_lu, dip_at_s=plain.dip_at_s)
    assert faded.points == pytest.approx(plain.points, abs=0.05)
    assert faded.dip_lu == pytest.approx(plain.dip_lu, abs=0.5)
    assert unjudged.is_noticed == plain.is_noticed


def test_a_planned_pause_and_an_album_are_not_judged():
    tracks = pair("ring-out", "quiet")
    assert join_of(plan(tracks, style="gap"), tracks).points is None
    assert join_of(plan(tracks, style="gap"), tracks).dip_lu is None
    gapless = join_of(plan(tracks, style="gapless"), tracks)
    assert (gapless.points, gapless.findings) == (None, ())
    assert gapless.dip_lu > 5


def test_a_cut_into_a_quiet_beginning_is_judged():
    tracks = pair("cold", "quiet")
    join = join_of(plan(tracks, style="cut"), tracks)
    assert join.points > 2.0
    assert join.findings[0].part == "hole"


def test_the_loudness_of_a_track_that_has_none_is_not_compared():
    tracks = [pair("cold", "cold")[0], make_track(0.3, lufs=None)]
    timeline = plan(tracks)
    assert join_of(timeline, tracks, np.ones(600)).points is None


def test_each_join_of_a_mix_is_measured_by_itself():
    tracks = [*pair("ring-out", "cold"), *pair("cold", "swell", 5)]
    timeline = plan(tracks)
    joins = measure_joins(heard(timeline, tracks), timeline, tracks)
    assert len(joins) == 3
    assert max(join.points for join in joins) <= 2.0
    starts_s = [clip.start / RATE for clip in timeline.clips[1:]]
    assert [join.start_s for join in joins] == pytest.approx(starts_s, abs=0.01)


@pytest.fixture(scope="module")
def recordings(ffmpeg, tmp_path_factory):
    """Return two files and their analyses: one rings out over 3 s, one begins with a quiet intro of 8 s."""
    folder = tmp_path_factory.mktemp("recordings")
    first, second = pink_noise(30, level_db=-20, seed=1), pink_noise(30, level_db=-20, seed=2)
    first[27 * RATE :] *= 10 ** np.linspace(0, -2.5, 3 * RATE, dtype=np.float32)[:, None]
    second[: 8 * RATE] *= np.float32(10 ** (-18 / 20))
    paths = [write_wav(folder / "first.wav", first), write_wav(folder / "second.wav", second)]
    return paths, [analyse_track(ffmpeg, path) for path in paths]


def rendered_join(ffmpeg, paths, timeline, tracks):
    meter = LoudnessMeter(timeline.rate)
    for block in limit_blocks(render_blocks(timeline, paths, ffmpeg=ffmpeg), timeline.rate):
        meter.push(block)
    return join_of(timeline, tracks, meter.momentary_power)


@pytest.mark.parametrize("transition_s", ["auto", 1.0, 8.0])
def test_a_rendered_mix_measures_as_its_curves_predict(transition_s, ffmpeg, recordings):
    paths, tracks = recordings
    timeline = plan(tracks, transition_s=transition_s)
    measured, predicted = rendered_join(ffmpeg, paths, timeline, tracks), join_of(timeline, tracks)
    assert measured.points == pytest.approx(predicted.points, abs=0.3)
    assert measured.dip_lu == pytest.approx(predicted.dip_lu, abs=0.5)
    assert parts_found(measured) == parts_found(predicted)
    assert (measured.points > 2.0) == (transition_s != "auto")


def with_bass(track):
    """Return the track with as much bass as there is of everything else."""
    bass = tuple(np.asarray(track.momentary)[5::10].round(1).tolist())
    return replace(track, bass=bass, bass_start_db=-3.0, bass_end_db=-3.0)


def test_two_strong_basses_at_once_are_found_and_one_at_a_time_is_not():
    tracks = [with_bass(track) for track in pair("cold", "cold")]
    clashing = joined(tracks, 8.0, 0.8, 0.8)
    join = join_of(clashing, tracks)
    assert "bass" in parts_found(join) and 4.0 <= join.bass_s <= 8.5
    (transition,) = clashing.transitions
    swapped = replace(clashing, transitions=(replace(transition, bass_swap_s=4.0),))
    assert join_of(swapped, tracks).bass_s <= 1.0
    unknown = [replace(track, bass=()) for track in tracks]
    assert join_of(clashing, unknown).bass_s == 0.0
