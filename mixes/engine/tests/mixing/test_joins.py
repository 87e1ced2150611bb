"""Joins of songs whose loudness is known: the length and the fades that the search must find."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.analysis.cues import find_cues
from mixes.engine.mixing import joins
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import JoinSettings, MixSettings
from mixes.engine.tests.club.music import make_voices
from mixes.engine.tests.tracks import make_track

RATE = 44_100


def song(*parts, lufs=-14.0):
    """Return a track whose level runs through `parts`: (seconds, from LU, to LU)."""
    level = np.concatenate([np.linspace(start, end, round(seconds * 100)) for seconds, start, end in parts])
    power = 10 ** ((level + lufs) / 10)
    windows = np.array([power[at : at + 40].mean() for at in range(0, len(power) - 39, 10)])
    momentary = 10 * np.log10(np.maximum(windows, 1e-12))
    loud = momentary[momentary > momentary.max() - 10]
    integrated = 10 * np.log10((10 ** (loud / 10)).mean())
    frames = round(len(power) / 100 * RATE)
    cues = find_cues(momentary, integrated, rate=RATE, frames=frames, first_sound=0, last_sound=frames)
    return make_track(len(power) / 100, lufs=float(integrated), momentary=momentary.tolist(), cues=cues)


COLD = song((120, 0, 0))
RING_OUT = song((117, 0, 0), (3, -3, -45))
SWELL = song((15, -40, 0), (120, 0, 0))
QUIET_INTRO = song((12, -15, -15), (120, 0, 0))
MASTERED_FADE = song((120, 0, 0), (12, 0, -40))
HELD = song((100, 0, 0), (20, -12, -12))
LONG_TAIL = song((100, 0, 0), (10, -4, -26), (3, -20.5, -20.5), (20, -22, -45))
LONG_QUIET_INTRO = song((30, -24, -24), (120, 0, 0))


def plan(before, after, join=None, **settings):
    return plan_mix([before, after], MixSettings(**settings), (join,) if join else ())


def join(before, after, **settings):
    """Return overlap, fade-out and fade-in in seconds."""
    (found,) = plan(before, after, **settings).timeline.transitions
    return found.overlap / RATE, found.fade_out_s, found.fade_in_s


def test_a_song_that_stops_at_full_level_fades_over_two_seconds():
    overlap_s, fade_out_s, fade_in_s = join(COLD, COLD)
    assert (overlap_s, fade_out_s) == (2.0, 2.0) and fade_in_s <= 2.0


def test_a_ring_out_meets_a_cold_start_near_its_end():
    overlap_s, fade_out_s, _ = join(RING_OUT, COLD)
    assert 1.0 <= overlap_s <= 2.5 and fade_out_s <= 2.0


def test_a_swell_begins_under_the_body_before_it():
    overlap_s, fade_out_s, _ = join(COLD, SWELL)
    assert 12.0 <= overlap_s <= 16.0 and fade_out_s == pytest.approx(2.0)


def test_bodies_meet_where_a_ring_out_leads_into_a_quiet_intro():
    overlap_s, _, _ = join(RING_OUT, QUIET_INTRO)
    assert 15.0 <= overlap_s <= 20.0


def test_a_mastered_fade_is_not_faded_again_and_its_tail_is_named():
    planned = plan(MASTERED_FADE, COLD)
    (found,) = planned.timeline.transitions
    assert 3.0 <= found.overlap / RATE <= 6.0
    assert found.fade_out_s < 1.5
    assert 4.0 < 132 - planned.timeline.clips[0].length / RATE < 8.0
    assert any("left out" in note and "5." in note for note in planned.notes)


def test_a_held_ending_is_never_talked_over():
    assert join(HELD, COLD)[0] <= 2.0
    assert 10.0 <= join(HELD, QUIET_INTRO)[0] <= 12.5


def test_the_next_song_begins_over_a_tail_that_dies_away_slowly():
    overlap_s, _, _ = join(LONG_TAIL, COLD)
    assert 12.0 <= overlap_s <= 32.0


def test_a_long_quiet_beginning_starts_under_the_song_before_it():
    overlap_s, fade_out_s, _ = join(COLD, LONG_QUIET_INTRO)
    assert 26.0 <= overlap_s <= 32.0 and fade_out_s <= 4.0


def test_a_length_that_is_set_is_kept_with_the_whole_ending():
    planned = plan(MASTERED_FADE, COLD, transition_s=8.0)
    assert planned.timeline.transitions[0].overlap == 8 * RATE
    assert planned.timeline.clips[0].length >= 130 * RATE
    assert not any("left out" in note for note in planned.notes)


def test_two_songs_at_full_level_do_not_pile_up_over_eight_seconds():
    _, fade_out_s, fade_in_s = join(COLD, COLD, transition_s=8.0)
    moments = np.arange(0, 8, 0.1)
    out = np.sin(np.pi / 2 * np.minimum(1, (8 - moments) / max(fade_out_s, 0.01)))
    into = np.sin(np.pi / 2 * np.minimum(1, moments / max(fade_in_s, 0.01)))
    over_lu = 10 * np.log10(out**2 + into**2)
    assert (over_lu > 1.0).sum() * 0.1 <= 3.0


def test_radio_lets_the_next_song_enter_at_full_level():
    assert join(RING_OUT, COLD, style="radio")[2] == pytest.approx(0.05)
    (found,) = plan(COLD, COLD, style="radio").timeline.transitions
    assert "begins at its own level 2.0 s before its end" in found.reason


def test_a_join_of_its_own_length_is_told_from_those_that_follow_each_pair():
    planned = plan(COLD, COLD, JoinSettings(transition_s=5.0))
    assert planned.timeline.transitions[0].overlap == 5 * RATE
    assert planned.timeline.transitions[0].reason == "5 s as chosen."


def test_a_pair_is_searched_once(monkeypatch):
    plan(RING_OUT, SWELL)
    monkeypatch.setattr(joins, "find_join", None)
    assert plan(RING_OUT, SWELL) == plan(RING_OUT, SWELL)


@pytest.mark.parametrize("before", [COLD, RING_OUT, MASTERED_FADE, HELD])
@pytest.mark.parametrize("after", [COLD, SWELL, QUIET_INTRO])
def test_every_reason_is_a_sentence_with_names(before, after):
    reason = plan(before, after).timeline.transitions[0].reason
    assert reason.endswith(".") and "“Song”" in reason


@pytest.mark.parametrize(
    ("before", "after", "gist"),
    [
        (COLD, COLD, "full_stop"),
        (RING_OUT, COLD, "rings_out"),
        (MASTERED_FADE, COLD, "fades_out"),
        (HELD, COLD, "held"),
        (LONG_TAIL, COLD, "long_tail"),
        (HELD, QUIET_INTRO, "meet"),
    ],
)
def test_the_gist_of_a_join_is_how_the_first_song_ends_or_that_bodies_meet(before, after, gist):
    (found,) = plan(before, after).timeline.transitions
    assert found.gist == gist
    assert gist == "full_stop" or "stops at full level" not in found.reason


@pytest.mark.parametrize("options", [{"join": JoinSettings(play_to_end=True)}, {"keep_endings": True}])
def test_a_tail_is_kept_where_the_user_wants_it(options):
    planned = plan(MASTERED_FADE, COLD, **options)
    assert planned.timeline.clips[0].length >= 130 * RATE
    assert not any("left out" in note for note in planned.notes)


def test_quiet_beginnings_are_skipped_only_when_asked_and_named():
    quiet = song((20, -25, -25), (120, 0, 0))
    assert plan(COLD, quiet).timeline.clips[1].cue_in < RATE
    skipped = plan(COLD, quiet, skip_quiet_intros=True)
    assert skipped.timeline.clips[1].cue_in / RATE == pytest.approx(19, abs=0.5)
    assert any("Quiet beginnings are skipped" in note for note in skipped.notes)
    assert plan(quiet, COLD, skip_quiet_intros=True).timeline.clips[0].cue_in < RATE


def test_even_joins_raise_a_song_that_begins_and_ends_quietly():
    soft_ends = song((30, -6, -6), (120, 0, 0), (30, -6, -6))
    gains = [
        plan(COLD, soft_ends, even_joins=even, target_lufs=-20.0).timeline.clips[1].gain_db
        - plan(COLD, soft_ends, even_joins=even, target_lufs=-20.0).timeline.clips[0].gain_db
        for even in (False, True)
    ]
    assert 1.5 < gains[1] - gains[0] < 3.5


def test_two_voices_are_heard_at_once_for_as_short_as_the_songs_allow():
    def sung(track, start_s, end_s):
        return replace(track, voices=make_voices(track.duration_s, (start_s, end_s)))

    alone = join(MASTERED_FADE, QUIET_INTRO)[0]
    both = plan(sung(MASTERED_FADE, 60.0, 131.0), sung(QUIET_INTRO, 1.0, 60.0)).timeline.transitions[0]
    assert alone / 2 <= both.overlap / RATE < alone
    assert "two voices" in both.reason
    apart = plan(sung(MASTERED_FADE, 60.0, 131.0), sung(QUIET_INTRO, 60.0, 90.0)).timeline.transitions[0]
    assert apart.overlap / RATE == alone and "two voices" not in apart.reason
    unknown = plan(sung(MASTERED_FADE, 60.0, 131.0), QUIET_INTRO).timeline.transitions[0]
    assert unknown.overlap / RATE == alone
    set_by_hand = plan(sung(MASTERED_FADE, 60.0, 131.0), sung(QUIET_INTRO, 1.0, 60.0), transition_s=alone)
    assert set_by_hand.timeline.transitions[0].overlap / RATE == alone
