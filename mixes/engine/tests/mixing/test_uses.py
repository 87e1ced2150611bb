"""Starts, ends and levels that a user set, and a longest time for every track."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.engine.errors import TimelineError
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.rendering.render import render_blocks
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.mixing.test_plan import album_track
from mixes.engine.tests.signals import sine, write_wav
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Timeline
from mixes.engine.tracklist.chapters import chapters_of

RATE = 44_100
FREE = Use()


def plan(tracks, *uses, joins=(), **settings):
    return plan_mix(tracks, MixSettings(**settings), joins, uses)


def clips(tracks, *uses, **settings):
    return plan(tracks, *uses, **settings).timeline.clips


def test_cues_set_by_hand_are_the_first_and_last_frame_used():
    first, second = clips(
        [make_track(120), make_track(120, rate=48_000)], Use(30.0, 90.55), Use(12.34, None), style="smooth"
    )
    assert (first.cue_in, first.cue_in + first.length) == (30 * RATE, round(90.55 * RATE))
    assert second.cue_in == round(12.34 * RATE)
    assert first.ramp_in == first.ramp_out == second.ramp_in == 220


@pytest.mark.parametrize("style", ["smooth", "radio", "classic", "gapless", "gap", "cut"])
def test_an_end_set_by_hand_is_kept_in_every_style(style):
    tracks = [make_track(60, outro_s=8, cue_out_s=58), make_track(60)]
    first, _ = clips(tracks, Use(cue_out_s=59.5), FREE, style=style)
    assert first.cue_in + first.length == round(59.5 * RATE)


def test_the_first_sample_is_the_frame_at_the_cue(ffmpeg, tmp_path):
    sound = sine(441.0, 40)
    track = make_track(40)
    timeline = plan([track], Use(30.0), target_lufs=None).timeline
    mix = np.concatenate(
        list(render_blocks(timeline, [write_wav(tmp_path / "song.wav", sound)], ffmpeg=ffmpeg))
    )
    assert np.allclose(mix[220:44_100], sound[30 * RATE + 220 : 31 * RATE], atol=1e-4)


def test_neighbours_on_an_album_are_faded_where_one_is_cut_by_hand():
    tracks = [album_track(1, to_the_end=True), album_track(2)]
    assert plan(tracks, FREE, FREE).timeline.transitions[0].style == "gapless"
    assert plan(tracks, Use(cue_out_s=50.0), FREE).timeline.transitions[0].style == "smooth"
    assert plan(tracks, FREE, FREE, max_play_s=30.0).timeline.transitions[0].style == "smooth"


def test_the_other_cue_gives_way_to_one_that_lies_beyond_it():
    track = make_track(60, cue_in_s=5, cue_out_s=50)
    late, early = clips([track], Use(cue_in_s=55.0))[0], clips([track], Use(cue_out_s=3.0))[0]
    assert (late.cue_in, late.length) == (55 * RATE, 5 * RATE)
    assert (early.cue_in, early.length) == (0, 3 * RATE)


def test_a_cue_beyond_the_file_is_named_and_chosen_automatically():
    tracks = [make_track(60, tags=Tags("Short")), make_track(60)]
    planned = plan(tracks, Use(cue_in_s=70.0), Use(cue_out_s=61.0))
    assert [clip.cue_in for clip in planned.timeline.clips] == [0, 0]
    assert "The file is too short for the start or end set for “Short”, “Song”," in " ".join(planned.notes)


def test_cues_beside_a_shortened_silence_are_places_of_the_file():
    track = replace(make_track(60), silences=((20.0, 10.0),))
    (late,) = clips([track], Use(cue_in_s=40.0, cue_out_s=50.0), shorten_silences=True)
    assert (late.file_cue_in, late.length) == (40 * RATE, 10 * RATE)
    (early,) = clips([track], Use(cue_in_s=10.0, cue_out_s=40.0), shorten_silences=True)
    assert (early.cue_in, early.length) == (10 * RATE, 22 * RATE)
    (inside,) = clips([track], Use(cue_in_s=24.0, cue_out_s=25.0), shorten_silences=True)
    assert inside.length > 0


def test_a_level_set_by_hand_replaces_the_automatic_one_and_leaves_the_others():
    tracks = [make_track(60, lufs=-20.0), make_track(60, lufs=-8.0)]
    before, after = plan(tracks, FREE, FREE), plan(tracks, FREE, Use(gain_db=-1.5))
    first, second = after.timeline.clips
    assert first.gain_db == before.timeline.clips[0].gain_db
    assert second.gain_db == -1.5
    assert after.automatic_gains_db == tuple(clip.gain_db for clip in before.timeline.clips)
    assert any("set by hand the mix is about" in note and "above -14 LUFS" in note for note in after.notes)
    untouched = plan(tracks, FREE, Use(gain_db=3.0), target_lufs=None)
    assert [clip.gain_db for clip in untouched.timeline.clips] == [0.0, 3.0]


def test_no_track_plays_longer_than_is_set():
    tracks = [make_track(300, cue_in_s=2, tags=Tags("Long")), make_track(60), make_track(200)]
    planned = plan(tracks, FREE, FREE, Use(cue_out_s=180.0), max_play_s=150.0)
    lengths_s = [clip.length / RATE for clip in planned.timeline.clips]
    assert lengths_s == [150.0, 60.0, 180.0]
    (note,) = [note for note in planned.notes if "at most, as set" in note]
    assert note == "Each song plays for 2:30 at most, as set. Left out at the end: 2:28 of “Long”."


def test_a_held_ending_that_is_cut_off_is_no_ending():
    held = make_track(120, outro_s=20, sustained=True)
    (join,) = plan([held, make_track(60)], Use(cue_out_s=60.0), FREE).timeline.transitions
    assert "is left before its ending" in join.reason


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Use(cue_in_s=-1.0), "starts at 0 seconds"),
        (lambda: Use(cue_in_s=float("nan")), "starts at 0 seconds"),
        (lambda: Use(cue_in_s=9.0, cue_out_s=9.05), "ends at least 0.1 seconds after its start"),
        (lambda: Use(cue_out_s=float("inf")), "ends at least"),
        (lambda: Use(gain_db=13.0), "by -24 to 12 dB"),
        (lambda: MixSettings(max_play_s=9.0), "between 10 and 3600 seconds"),
        (lambda: plan([make_track(9)], FREE, FREE), "one use for every track"),
    ],
)
def test_uses_that_make_no_sense_are_refused_in_a_sentence(call, message):
    with pytest.raises(TimelineError, match=message):
        call()


def test_a_quiet_tail_stays_where_the_join_before_needs_it():
    short = make_track(20, outro_s=15, momentary=[-14.0] * 50 + [-60.0] * 147)
    tracks, joins = [make_track(60), short, make_track(60)], [JoinSettings(transition_s=10.0), JoinSettings()]
    first, second = plan_mix(tracks, MixSettings(), joins).timeline.transitions
    assert (first.overlap / RATE, second.overlap > 0) == (10.0, True)


LENGTHS_S = st.floats(0.5, 60.0)
SECONDS = st.one_of(st.none(), st.floats(0.0, 70.0))


@st.composite
def mixes(draw):
    """Return songs with quiet tails, cues anywhere, and joins of any length and style."""
    count = draw(st.integers(1, 6))
    tracks, uses, joins = [], [], []
    for _ in range(count):
        seconds, tail_s = draw(LENGTHS_S), draw(st.floats(0.0, 20.0))
        levels = [-14.0] * max(0, round((seconds - tail_s) * 10)) + [-50.0] * round(min(tail_s, seconds) * 10)
        tracks.append(make_track(seconds, outro_s=min(tail_s, seconds), momentary=levels))
        cue_in_s, cue_out_s = draw(SECONDS), draw(SECONDS)
        if cue_out_s is not None:
            cue_out_s = max(cue_out_s, (cue_in_s or 0.0) + 0.1 + 1e-9)
        uses.append(Use(cue_in_s, cue_out_s, draw(st.one_of(st.none(), st.floats(-24, 12)))))
    for _ in range(count - 1):
        style = draw(st.sampled_from([None, "smooth", "classic", "radio", "gapless", "cut", "gap"]))
        joins.append(JoinSettings(style, draw(st.one_of(st.none(), st.just("auto"), st.floats(0, 60)))))
    return tracks, uses, joins, draw(st.one_of(st.none(), st.floats(10.0, 60.0)))


@given(mixes())
def test_random_cues_and_overlaps_never_break_the_law_of_lengths(mix):
    tracks, uses, joins, max_play_s = mix
    timeline = plan_mix(tracks, MixSettings(max_play_s=max_play_s), joins, uses).timeline
    overlaps = sum(join.overlap for join in timeline.transitions)
    assert timeline.frames == sum(clip.length for clip in timeline.clips) - overlaps
    for clip, track, use in zip(timeline.clips, tracks, uses, strict=True):
        assert 0 <= clip.cue_in < clip.cue_in + clip.length <= track.frames
        fits = (use.cue_in_s or 0.0) + 0.1 <= track.frames / RATE
        if use.cue_in_s is not None and fits:
            assert clip.cue_in == round(use.cue_in_s * RATE)
        if use.cue_out_s is not None and fits and use.cue_out_s <= track.frames / RATE:
            assert clip.cue_in + clip.length == round(use.cue_out_s * RATE)


def test_a_song_left_out_of_the_tracklist_is_heard_as_before():
    tracks, hidden = [make_track(60), make_track(10), make_track(60)], Use(unlisted=True)
    listed, planned = plan(tracks), plan(tracks, FREE, hidden, FREE)
    clips = tuple(replace(clip, unlisted=place == 1) for place, clip in enumerate(listed.timeline.clips))
    assert planned.timeline == replace(listed.timeline, clips=clips)
    assert Timeline.from_dict(planned.timeline.to_dict()) == planned.timeline
    assert planned.notes == listed.notes


def test_what_a_song_is_used_for_is_kept_where_cues_or_silences_are_left_out():
    beyond = Use(200.0, None, unlisted=True)
    assert clips([make_track(60), make_track(60)], beyond, FREE)[0].unlisted
    silent = replace(make_track(120), silences=((30.0, 60.0),))
    assert clips([silent, make_track(60)], Use(unlisted=True), FREE, shorten_silences=True)[0].unlisted


def test_a_mix_of_which_every_song_is_left_out_keeps_one_line_and_says_so():
    planned = plan([make_track(60), make_track(60)], Use(unlisted=True), Use(unlisted=True))
    assert len(chapters_of(planned.timeline)) == 1
    assert any("so the first one stays in it" in note for note in planned.notes)
