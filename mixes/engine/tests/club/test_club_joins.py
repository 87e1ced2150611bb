"""Plans of tracks whose beats are known: where beats lie in the mix, and when there is no such join."""

from dataclasses import replace

import numpy as np
import pytest

from mixes.engine.club.voices import MOST_TWO_VOICES_S, is_voice_cut, two_voices_s
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.tags.tags import Tags
from mixes.engine.tests.club.music import make_rhythm, make_song, make_voices
from mixes.engine.tests.tracks import make_track
from mixes.engine.timeline import Timeline

CLUB = MixSettings(style="club")
HALF_MS = 0.0005


def plan(*tracks, settings=CLUB, joins=(), uses=()):
    """Plan the tracks; the law of lengths is checked when the timeline is read."""
    planned = plan_mix(tracks, settings, joins, uses)
    assert Timeline.from_dict(planned.timeline.to_dict()) == planned.timeline
    return planned


def only(planned):
    """Return both clips and the transition of a plan of two tracks."""
    return (*planned.timeline.clips, planned.timeline.transitions[0])


def beats_in_mix(timeline, index, track, *, downbeats=False):
    """Return where in the mix the beats of a clip are heard, in seconds."""
    clip, rate = timeline.clips[index], timeline.rate
    beats = np.array(track.rhythm.downbeats if downbeats else track.rhythm.beats) / track.rate * rate
    places = np.array([clip.place_of(beat - clip.cue_in) for beat in beats])
    return (places[(places >= -1) & (places <= clip.length)] + clip.start) / rate


def worst_beat_s(timeline, tracks, index=0, *, downbeats=False):
    """Return how far the beats of both songs are apart in an overlap, at the worst."""
    start = timeline.clips[index + 1].start / timeline.rate - HALF_MS
    end = timeline.clips[index].end / timeline.rate + HALF_MS
    a, b = (beats_in_mix(timeline, index + side, tracks[side], downbeats=downbeats) for side in (0, 1))
    a, b = (beats[(beats >= start) & (beats <= end)] for beats in (a, b))
    assert len(a) and len(b)
    fewer, more = sorted((a, b), key=len)
    return max(np.abs(more - beat).min() for beat in fewer)


@pytest.mark.parametrize(("tempo_a", "tempo_b"), [(120, 120), (124, 126), (128, 123.5), (120, 124.7)])
def test_beats_and_bars_of_both_songs_meet_over_eight_bars(tempo_a, tempo_b):
    songs = make_song("A", tempo_a, first_s=0.31), make_song("B", tempo_b, first_s=0.17)
    planned = plan(*songs)
    _a, b, join = only(planned)
    assert (join.style, join.bars, join.gist) == ("club", 8, "club")
    assert join.overlap / 44_100 == pytest.approx(8 * 240 / tempo_a, abs=0.001)
    assert b.stretch == pytest.approx(tempo_a / tempo_b, abs=1e-4)
    assert worst_beat_s(planned.timeline, songs) < HALF_MS
    assert worst_beat_s(planned.timeline, songs, downbeats=True) < HALF_MS
    tempos = f"{tempo_a} BPM" if tempo_a == tempo_b else f"{tempo_a} to {tempo_b:.0f} BPM"
    assert join.reason == f"Beats matched over 8 bars, {tempos}. The bass changes over in the middle."


def test_equal_tempos_are_not_stretched():
    _a, b, _join = only(plan(make_song("A", 120), make_song("B", 120)))
    assert (b.head_source, b.head_frames, b.stretch) == (0, 0, 1.0)


def test_the_join_begins_on_a_downbeat_and_the_bass_changes_over_on_one():
    songs = (
        make_song("A", 125, first_s=0.4, first_downbeat=2),
        make_song("B", 127, first_s=0.1, first_downbeat=3),
    )
    planned = plan(*songs)
    a, b, join = only(planned)
    downbeats = beats_in_mix(planned.timeline, 0, songs[0], downbeats=True)
    start, swap = b.start / 44_100, b.start / 44_100 + join.bass_swap_s
    for place in (start, swap, a.end / 44_100):
        assert np.abs(downbeats - place).min() < 2 * HALF_MS
    assert swap - start == pytest.approx(join.overlap / 44_100 / 2, abs=0.01)
    assert join.bass_swap_length_s == pytest.approx(60 / 125, abs=0.001)
    assert planned.timeline.chapter_starts()[1] == pytest.approx(swap * 44_100, abs=1)
    assert b.cue_in / 44_100 == pytest.approx(0.1 + 3 * 60 / 127, abs=0.001)


@pytest.mark.parametrize(("rate_a", "rate_b"), [(44_100, 48_000), (48_000, 44_100), (22_050, 96_000)])
def test_beats_meet_at_any_rates(rate_a, rate_b):
    songs = make_song("A", 124, rate=rate_a), make_song("B", 126, rate=rate_b, first_s=0.2)
    planned = plan(*songs)
    assert planned.timeline.transitions[0].style == "club"
    assert worst_beat_s(planned.timeline, songs) < HALF_MS


@pytest.mark.parametrize(("tempo_a", "tempo_b"), [(64, 126), (126, 64)])
def test_double_and_half_tempo_fit(tempo_a, tempo_b):
    songs = make_song("A", tempo_a, seconds=200), make_song("B", tempo_b, seconds=200)
    planned = plan(*songs)
    assert planned.timeline.transitions[0].style == "club"
    assert worst_beat_s(planned.timeline, songs) < HALF_MS
    assert 1 / 1.04 < planned.timeline.clips[1].stretch < 1.04


def test_several_club_joins_follow_each_other():
    songs = [
        make_song(name, tempo, first_s=0.2)
        for name, tempo in zip("ABCDE", (120, 123, 125, 122, 121), strict=True)
    ]
    planned = plan(*songs)
    for index, join in enumerate(planned.timeline.transitions):
        assert join.style == "club"
        assert worst_beat_s(planned.timeline, songs[index : index + 2], index) < HALF_MS


WORDS = {
    "no beat": (
        make_song("Rain", 120, trust=0.0),
        make_song("B", 120),
        "“Rain” has no steady beat.",
    ),
    "unclear": (
        make_song("A", 120),
        make_song("Moo", 120, trust=0.29),
        "The beat of “Moo” is not clear enough.",
    ),
    "tempo": (make_song("A", 90), make_song("B", 128), "Their tempos, 90 and 128 BPM, do not fit."),
    "five percent": (make_song("A", 120), make_song("B", 126), "Their tempos, 120 and 126 BPM, do not fit."),
    "meter": (make_song("A", 120), make_song("B", 120, meter=3), "“A” counts four, “B” counts three."),
    "not measured": (
        replace(make_track(60, tags=Tags("Old")), version=3),
        make_song("B", 120),
        "The beat of “Old” is not measured yet.",
    ),
    "short": (
        make_song("A", 120),
        make_song("B", 120, seconds=7.0),
        "“B” is too short for beats to be matched.",
    ),
}


@pytest.mark.parametrize("case", ["no beat", "unclear", "tempo", "five percent", "meter", "not measured"])
def test_every_doubt_ends_in_a_smooth_join_that_says_why(case):
    a, b, why = WORDS[case]
    _a, clip_b, join = only(plan(a, b))
    assert (join.style, join.bars, join.why_not_club, clip_b.head_frames) == ("smooth", 0, why, 0)
    assert join.reason.startswith(why)
    smooth = only(plan(a, b, settings=MixSettings()))[2]
    assert (join.overlap, join.fade_out_s, join.fade_in_s) == (
        smooth.overlap,
        smooth.fade_out_s,
        smooth.fade_in_s,
    )


def test_beats_that_stop_before_the_end_are_not_relied_on():
    rhythm = make_rhythm(120, 60.0)
    song = make_song("A", 120, rhythm=replace(rhythm, beats=rhythm.beats[:100]))
    join = only(plan(song, make_song("B", 120)))[2]
    assert join.why_not_club == "The beat of “A” is not steady enough at its end."


def test_a_drifting_song_gets_as_many_bars_as_lie_on_a_line():
    steady = make_song("B", 120)
    little = plan(make_song("A", 120, rhythm=make_rhythm(120, 120.0, bend_s=0.3)), steady)
    assert little.timeline.transitions[0].style == "club"
    wild = plan(make_song("A", 120, rhythm=make_rhythm(120, 120.0, bend_s=14.0)), steady)
    assert wild.timeline.transitions[0].style == "smooth"


def test_a_short_song_gets_fewer_bars():
    join = only(plan(make_song("A", 120), make_song("B", 120, seconds=20.0)))[2]
    assert (join.style, join.bars) == ("club", 4)


def test_unsure_bars_are_short_and_said():
    join = only(plan(make_song("A", 120, bar_trust=0.3), make_song("B", 121)))[2]
    assert (join.style, join.bars) == ("club", 4)
    assert join.reason == (
        "Beats matched over 16 beats, 120 to 121 BPM. "
        "The bass changes over in the middle. The bars may be shifted."
    )


def test_sixteen_bars_need_known_phrases_and_no_voice():
    phrases = range(0, 60, 8)
    a, b = make_song("A", 120, phrases=phrases), make_song("B", 120, phrases=phrases)
    assert only(plan(a, b))[2].bars == 16
    assert only(plan(a, replace(b, voices=None)))[2].bars == 8
    assert only(plan(a, replace(b, voices=make_voices(120, (25.0, 28.0)))))[2].bars == 8


def test_the_join_prefers_the_start_of_a_phrase():
    phrases = [bar for bar in range(60) if bar % 8 == 3]
    planned = plan(make_song("A", 120, phrases=phrases), make_song("B", 120))
    start_bar = planned.timeline.clips[1].start / 44_100 / 2
    assert round(start_bar) % 8 == 3
    assert abs(start_bar - round(start_bar)) < 0.001


def test_two_voices_shorten_the_join_or_end_it():
    sung_to_the_end = make_song("A", 120, voices=[(100.0, 114.0)])
    begins_late = make_song("B", 120, voices=[(6.5, 60.0)])
    join = only(plan(sung_to_the_end, begins_late))[2]
    assert join.style == "club"
    planned = plan(sung_to_the_end, begins_late).timeline
    start_s = planned.clips[1].start / 44_100
    assert (
        two_voices_s(((100.0, 114.0),), ((6.5, 60.0),), start_s, 0.0, join.overlap / 44_100)
        <= MOST_TWO_VOICES_S
    )
    both = make_song("A", 120, voices=[(60.0, 119.9)]), make_song("B", 120, voices=[(0.0, 60.0)])
    join = only(plan(*both))[2]
    assert join.style == "smooth"
    assert "voices" in join.why_not_club


def test_a_voice_is_not_cut_off():
    phrases = [bar for bar in range(60) if bar % 8 == 3]
    song, after = make_song("A", 120, phrases=phrases), make_song("B", 120)
    assert only(plan(song, after))[0].end == 118 * 44_100
    sung = replace(song, voices=make_voices(120, (112.0, 119.0)))
    assert only(plan(sung, after))[0].end == 120 * 44_100


def test_what_is_set_by_hand_stays():
    songs = make_song("A", 120, first_s=0.2), make_song("B", 123, first_s=0.2)
    ends = plan(*songs, uses=(Use(cue_out_s=101.3), Use()))
    a, _b, join = only(ends)
    assert (a.end, join.style) == (round(101.3 * 44_100), "club")
    assert worst_beat_s(ends.timeline, songs) < HALF_MS
    begins = plan(*songs, uses=(Use(), Use(cue_in_s=5.03)))
    _a, b, join = only(begins)
    assert (b.cue_in, join.style) == (round(5.03 * 44_100), "club")
    assert worst_beat_s(begins.timeline, songs) < HALF_MS
    lasts = plan(*songs, joins=(JoinSettings(transition_s=9.5),))
    a, _b, join = only(lasts)
    assert (join.overlap, join.style, join.bars) == (round(9.5 * 44_100), "club", 4)
    assert a.end == songs[0].frames
    assert worst_beat_s(lasts.timeline, songs) < HALF_MS
    assert join.reason.startswith("Beats matched over 9.5 s as chosen, 120 to 123 BPM.")
    whole = plan(*songs, settings=replace(CLUB, keep_endings=True))
    assert only(whole)[0].end == songs[0].frames
    assert worst_beat_s(whole.timeline, songs) < HALF_MS


def test_two_places_set_by_hand_that_do_not_meet_are_kept_without_beats():
    songs = make_song("A", 120), make_song("B", 120)
    uses = (Use(cue_out_s=100.25), Use(cue_in_s=2.0))
    a, b, join = only(plan(*songs, joins=(JoinSettings(transition_s=8.0),), uses=uses))
    assert (a.end, b.cue_in, join.style, join.overlap) == (4_421_025, 88_200, "smooth", 352_800)
    assert "do not meet" in join.why_not_club
    met = only(
        plan(*songs, joins=(JoinSettings(transition_s=8.0),), uses=(Use(cue_out_s=100.0), Use(cue_in_s=2.0)))
    )
    assert (met[2].style, met[0].end, met[1].cue_in) == ("club", 4_410_000, 88_200)


def test_other_styles_set_for_one_join_stay_and_club_can_be_set_for_one():
    songs = [make_song(name, 120) for name in "ABC"]
    planned = plan(*songs, joins=(JoinSettings("gap"), JoinSettings()))
    assert [join.style for join in planned.timeline.transitions] == ["gap", "club"]
    planned = plan(*songs, settings=MixSettings(), joins=(JoinSettings(), JoinSettings("club")))
    assert [join.style for join in planned.timeline.transitions] == ["smooth", "club"]


def test_parts_of_an_album_still_run_into_each_other():
    tags = [Tags("A", "X", "Album", number, 1, "X") for number in (1, 2)]
    songs = [
        replace(make_song(tag.title, 120), tags=tag, cues=replace(make_song("A", 120).cues)) for tag in tags
    ]
    smooth = plan(*songs, settings=MixSettings()).timeline.transitions[0].style
    assert plan(*songs).timeline.transitions[0].style == ("gapless" if smooth == "gapless" else "club")


def test_at_most_two_seconds_of_music_go_unheard_at_the_start():
    song = make_song("B", 120, first_s=0.3, first_downbeat=3)
    planned = plan(make_song("A", 120), song)
    assert only(planned)[1].cue_in / 44_100 == pytest.approx(1.8, abs=0.001)
    assert any("the first 1.8 s of “B”" in note for note in planned.notes)


def test_a_song_that_begins_very_quietly_is_not_matched():
    level = [-50.0] * 350 + [-14.0] * 847
    quiet = make_song("B", 120, cues={"momentary": level})
    join = only(plan(make_song("A", 120), quiet))[2]
    assert join.why_not_club == "“B” begins too quietly for its beats to be heard."
    level[150:350] = [-24.0] * 200
    assert only(plan(make_song("A", 120), make_song("B", 120, cues={"momentary": level})))[2].style == "club"


def test_an_ffmpeg_without_the_filter_gets_smooth_joins():
    join = only(plan(make_song("A", 120), make_song("B", 120), settings=replace(CLUB, can_stretch=False)))[2]
    assert join.style == "smooth"
    assert "ffmpeg" in join.why_not_club


def test_two_calm_songs_without_a_beat_lie_over_each_other():
    drums = [make_song(name, 120, trust=0.0) for name in "AB"]
    assert only(plan(*drums))[2].gist != "overlay"
    still = replace(drums[0].rhythm, parts=replace(drums[0].rhythm.parts, strength=0.1))
    calm = [replace(song, rhythm=still) for song in drums]
    join = only(plan(*calm))[2]
    assert (join.style, join.overlap, join.gist) == ("smooth", 16 * 44_100, "overlay")
    assert join.fade_out_s == join.fade_in_s == 16.0
    sung = replace(calm[1], voices=make_voices(120, (2.0, 12.0)))
    assert only(plan(calm[0], sung))[2].gist != "overlay"
    assert only(plan(calm[0], replace(calm[1], voices=None)))[2].gist != "overlay"


def test_two_voices_are_weighted_by_how_much_both_are_heard():
    always = ((0.0, 100.0),)
    assert two_voices_s(always, always, 10.0, 0.0, 9.0) == pytest.approx(9.0 * 2 / 3, abs=0.001)
    middle, edge = ((14.0, 15.0),), ((10.0, 11.0),)
    assert two_voices_s(middle, always, 10.0, 0.0, 9.0) > 0.98
    assert two_voices_s(edge, always, 10.0, 0.0, 9.0) < 0.25
    assert two_voices_s(((0.0, 10.0),), ((9.0, 20.0),), 10.0, 0.0, 9.0) == 0.0
    assert is_voice_cut(((1.0, 5.0),), 4.7)
    assert not is_voice_cut(((1.0, 5.0),), 4.8)
    assert not is_voice_cut((), 4.0)


def test_what_is_left_of_skipped_silences_is_not_matched():
    song = replace(make_song("A", 120), silences=((50.0, 8.0),))
    join = only(plan(song, make_song("B", 120), settings=replace(CLUB, shorten_silences=True)))[2]
    assert join.style == "smooth"
