"""How tracks are laid out: spans, styles, lengths, reasons, rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.engine.analysis.cues import CuePoints
from mixes.engine.errors import TimelineError
from mixes.engine.mixing.joins import Span
from mixes.engine.mixing.plan import choose_rate, place, plan_mix
from mixes.engine.mixing.settings import JoinSettings, MixSettings
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Transition


def transition(first, second=None, join=None, **settings):
    second = second or make_track(60)
    joins = (join,) if join else ()
    return plan_mix([first, second], MixSettings(**settings), joins).timeline.transitions[0]


@pytest.mark.parametrize(("wished", "overlap_s"), [("auto", 2.0), (8.0, 2.5)])
def test_a_transition_takes_half_of_the_shorter_track_at_most(wished, overlap_s):
    planned = transition(make_track(5), transition_s=wished)
    assert planned.overlap / 44_100 == pytest.approx(overlap_s)
    assert ("Shortened" in planned.reason) is (wished == 8.0)


def test_classic_may_overlap_a_whole_song_and_what_lies_before_it():
    tracks = [make_track(20), make_track(3), make_track(30)]
    timeline = plan_mix(tracks, MixSettings(style="classic", transition_s=8.0)).timeline
    assert [t.overlap / 44_100 for t in timeline.transitions] == [3.0, 8.0]
    assert timeline.clips[2].start < timeline.clips[1].start


def test_trimming_uses_the_cue_points_with_ramps_and_off_plays_files_whole():
    track = make_track(60, cue_in_s=1.0, cue_out_s=55.0)
    trimmed = plan_mix([track], MixSettings()).timeline.clips[0]
    assert (trimmed.cue_in, trimmed.length) == (44_100, 54 * 44_100)
    assert trimmed.ramp_in == trimmed.ramp_out == round(0.005 * 44_100)
    whole = plan_mix([track], MixSettings(trim=False)).timeline.clips[0]
    assert (whole.cue_in, whole.length, whole.ramp_in) == (0, 60 * 44_100, 0)


def test_a_clip_that_nothing_follows_at_once_ends_with_a_ramp():
    tracks = [make_track(60), make_track(60), make_track(60)]
    joins = (JoinSettings("gapless"), JoinSettings("gap"))
    clips = plan_mix(tracks, MixSettings(), joins).timeline.clips
    assert [clip.ramp_out for clip in clips] == [0, 220, 220]


def album_track(number, **options):
    return make_track(60, tags=Tags(f"Part {number}", "Band", "Album", number), cue_in_s=1, **options)


def test_neighbours_on_an_album_that_run_into_each_other_are_not_faded():
    plan = plan_mix([album_track(1, to_the_end=True), album_track(2)], MixSettings()).timeline
    assert plan.transitions[0].style == "gapless"
    assert plan.transitions[0].overlap == 0
    assert plan.clips[1].cue_in == 0
    assert plan.clips[0].cue_in == 44_100  # its other end is trimmed as ever


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(album_track(1, to_the_end=False), album_track(2), id="silence between"),
        pytest.param(album_track(1, to_the_end=True), album_track(3), id="not the next"),
        pytest.param(album_track(1, to_the_end=True), make_track(60), id="another album"),
    ],
)
def test_other_neighbours_are_faded(first, second):
    assert transition(first, second).style == "smooth"


def test_what_is_set_for_a_join_wins():
    first, second = album_track(1, to_the_end=True), album_track(2)
    planned = transition(first, second, JoinSettings(style="radio", transition_s=3.0))
    assert (planned.style, planned.overlap) == ("radio", 3 * 44_100)
    assert planned.reason.startswith("Chosen for this join")


def test_gap_cut_and_gapless_have_their_own_lengths():
    assert transition(make_track(60), style="gap", gap_s=1.5).overlap == -round(1.5 * 44_100)
    assert transition(make_track(60), None, JoinSettings("gap", 4.0)).overlap == -4 * 44_100
    assert transition(make_track(60), style="cut").overlap == 441
    assert transition(make_track(60), style="gapless").overlap == 0


def test_a_transition_of_no_length_is_as_short_as_a_cut():
    assert transition(make_track(60), transition_s=0.0).overlap == 441


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([44_100, 48_000, 48_000], 48_000),
        ([44_100, 48_000], 44_100),
        ([96_000, 32_000, 22_050], 48_000),
        ([88_200, 22_050, 16_000], 44_100),
    ],
)
def test_the_mix_has_the_rate_of_most_of_the_playing_time(rates, expected):
    assert choose_rate([make_track(60, rate=rate) for rate in rates]) == expected


def test_clips_are_counted_at_the_rate_of_the_mix():
    tracks = [make_track(60, rate=48_000), make_track(60, rate=48_000), make_track(60, rate=22_050)]
    timeline = plan_mix(tracks, MixSettings()).timeline
    assert timeline.rate == 48_000
    assert [clip.length for clip in timeline.clips] == [60 * 48_000] * 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan_mix([], MixSettings()), "no track"),
        (lambda: MixSettings(style="disco"), "no transition style 'disco'"),
        (lambda: MixSettings(transition_s=61.0), "between 0 and 60"),
        (lambda: MixSettings(transition_s=float("nan")), "between 0 and 60"),
        (lambda: MixSettings(gap_s=-1.0), "between 0 and 60"),
        (lambda: MixSettings(target_lufs=0.0), "between -40 and -5 LUFS"),
        (lambda: plan_mix([make_track(9)], MixSettings(), (JoinSettings(),)), "one join setting"),
        (lambda: transition(make_track(9), None, JoinSettings(style="disco")), "no transition style"),
        (lambda: transition(make_track(9), None, JoinSettings(transition_s=-1.0)), "between 0 and 60"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_a_sentence(call, message):
    with pytest.raises(TimelineError, match=message):
        call()


@given(
    st.lists(st.integers(600, 60_000), min_size=1, max_size=12),
    st.sampled_from(["smooth", "classic", "radio", "gapless", "cut", "gap"]),
    st.one_of(st.just("auto"), st.floats(0, 60)),
)
def test_any_lengths_and_settings_make_a_lawful_timeline(milliseconds, style, transition_s):
    tracks = [make_track(ms / 1000) for ms in milliseconds]
    timeline = plan_mix(tracks, MixSettings(style=style, transition_s=transition_s)).timeline
    overlaps = sum(t.overlap for t in timeline.transitions)
    assert timeline.frames == sum(clip.length for clip in timeline.clips) - overlaps
    assert all(0 <= t.crossover <= max(0, t.overlap) for t in timeline.transitions)


def test_a_track_of_one_frame_can_be_laid_out():
    cues = CuePoints(0, 0, 0, 1, 0, 1)
    timeline = plan_mix([make_track(1 / 44_100, cues=cues), make_track(5)], MixSettings()).timeline
    assert timeline.frames >= 5 * 44_100


@pytest.mark.parametrize(("fade_out_s", "fade_in_s", "ramps"), [(2.0, 2.0, (0, 0)), (0.0, 0.0, (220, 220))])
def test_an_edge_without_a_fade_has_a_ramp(fade_out_s, fade_in_s, ramps):
    tracks = [make_track(60), make_track(60)]
    spans = [Span(0, 60 * 44_100, 60 * 44_100)] * 2
    join = Transition("smooth", 2 * 44_100, "", fade_out_s=fade_out_s, fade_in_s=fade_in_s)
    clips = place(tracks, spans, [join], 44_100).clips
    assert (clips[0].ramp_out, clips[1].ramp_in) == ramps
