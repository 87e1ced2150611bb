"""The stored plan equals the engine's and is kept until an input changes."""

import json

import pytest

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.models import AnalysisJob, Mix, MixTrack, Track
from mixes.pages.join_page import join_page
from mixes.pages.mix_page import mix_page
from mixes.services.analyses import analyses_of, request_analysis
from mixes.services.editing import arrangement, edits, plans
from mixes.services.editing.engine_settings import items_of
from mixes.services.rendering import previews
from mixes.tests.factories import make_mix_row, make_track_row


@pytest.fixture
def counted(monkeypatch):
    """Count how often a plan is computed."""
    calls = []
    compute_plan = plans.compute_plan
    monkeypatch.setattr(plans, "compute_plan", lambda *args: calls.append(1) or compute_plan(*args))
    return calls


def engine_timeline(mix, settings=None, joins=(), uses=()):
    tracks = [item.track for item in items_of(mix)]
    known = analyses_of(tracks)
    settings = settings or MixSettings(transition_s=8.0)
    return plan_mix([known[track.pk] for track in tracks], settings, joins, uses).timeline


def starts_of(plan):
    return [clip.start / plan.timeline.rate for clip in plan.timeline.clips]


def test_the_timeline_is_the_one_the_engine_plans(mix):
    plan = plans.plan_of(mix)
    assert plan.timeline == engine_timeline(mix)
    assert plan.duration_s == pytest.approx(60 + 45 + 90 - 2 * 8)
    assert starts_of(plan) == pytest.approx([0, 52, 89])


def test_a_stored_plan_equals_the_computed_one(mix, counted):
    fresh = plans.plan_of(mix)
    kept = plans.plan_of(Mix.objects.get())
    assert kept == fresh
    assert counted == [1]
    json.dumps(Mix.objects.get().plan)


def test_settings_and_joins_reach_the_engine(mix):
    Mix.objects.update(style="radio", transition_s=None, target_lufs=None, trim=False)
    MixTrack.objects.filter(position=1).update(join_style="cut")
    MixTrack.objects.filter(position=0).update(join_s=3.0)
    settings = MixSettings(style="radio", transition_s="auto", target_lufs=None, trim=False)
    joins = (JoinSettings(None, 3.0), JoinSettings("cut"))
    plan = plans.plan_of(Mix.objects.get())
    assert plan.timeline == engine_timeline(mix, settings, joins)
    assert [join.style for join in plan.timeline.transitions] == ["radio", "cut"]


def test_uses_reach_the_engine(mix):
    Mix.objects.update(max_play_s=40.0)
    MixTrack.objects.filter(position=0).update(cue_out_s=50.0, gain_db=1.5)
    MixTrack.objects.filter(position=1).update(cue_in_s=3.25)
    plan = plans.plan_of(Mix.objects.get())
    settings = MixSettings(transition_s=8.0, max_play_s=40.0)
    assert plan.timeline == engine_timeline(mix, settings, (), (Use(None, 50.0, 1.5), Use(3.25), Use()))
    assert [clip.length / plan.timeline.rate for clip in plan.timeline.clips] == [50.0, 40.0, 40.0]


def test_what_is_set_for_a_join_counts_for_its_pair(mix):
    first, second, third = items_of(mix)
    cut = arrangement.JoinChange("cut")
    edits.edit(mix, None, "Join", lambda a: arrangement.set_join(a, first.pk, second.pk, cut))
    assert styles_of(mix) == ["cut", "smooth"]
    edits.edit(mix, None, "Moved", lambda a: arrangement.move(a, third.pk, "top"))
    assert styles_of(mix) == ["smooth", "cut"], "the pair stays together"
    edits.edit(mix, None, "Moved", lambda a: arrangement.reorder(a, [first.pk, third.pk, second.pk]))
    assert styles_of(mix) == ["smooth", "smooth"], "another song follows"
    edits.edit(mix, None, "Removed", lambda a: arrangement.remove(a, third.pk))
    assert styles_of(mix) == ["cut"], "the pair is together again"


def styles_of(mix):
    return [join.style for join in plans.plan_of(Mix.objects.get()).timeline.transitions]


@pytest.mark.parametrize(
    "change",
    [
        lambda: MixTrack.objects.filter(position=0).update(cue_in_s=1.0),
        lambda: MixTrack.objects.filter(position=0).update(gain_db=1.0),
        lambda: MixTrack.objects.filter(position=0).update(unlisted=True),
        lambda: Mix.objects.update(max_play_s=20.0),
        lambda: Mix.objects.update(fade_out_s=20.0),
        lambda: Mix.objects.update(transition_s=4.0),
        lambda: MixTrack.objects.filter(position=0).update(join_s=2.0),
        lambda: MixTrack.objects.filter(position=2).delete(),
        lambda: Track.objects.update(title="Other"),
        lambda: Track.objects.update(album="One album"),
        lambda: AnalysisJob.objects.update(measured_at="2020-01-01T00:00:00Z"),
    ],
    ids=[
        "cue",
        "gain",
        "unlisted",
        "longest",
        "fade",
        "settings",
        "join",
        "items",
        "title",
        "album",
        "analysis",
    ],
)
def test_a_change_of_any_input_makes_a_new_plan(mix, counted, change):
    plans.plan_of(mix)
    change()
    plans.plan_of(Mix.objects.get())
    assert counted == [1, 1]


def test_another_mix_title_needs_no_new_plan(mix, counted):
    plans.plan_of(mix)
    edits.edit(mix, None, "Renamed", lambda a: arrangement.change_settings(a, title="Nights"))
    plans.plan_of(Mix.objects.get())
    assert counted == [1]


def test_songs_that_are_not_ready_or_in_the_bin_are_left_out(alice):
    ready, binned = make_track_row(alice, seconds=60.0), make_track_row(alice, deleted_at="2026-01-01T00:00Z")
    still = [make_track_row(alice, state=state) for state in ("uploading", "listening", "refused")]
    mix = make_mix_row(alice, tracks=[still[0], ready, still[1], binned, still[2]])
    plan = plans.plan_of(mix)
    assert plan.duration_s == pytest.approx(60)
    assert plan.item_ids == (str(mix.items.get(track=ready).pk),)


def test_a_mix_without_a_ready_song_has_no_plan(alice, counted):
    mix = make_mix_row(alice, tracks=0)
    assert plans.plan_of(mix) is None
    assert plans.plan_of(Mix.objects.get()) is None
    assert counted == [1]
    assert Mix.objects.get().duration_s is None


def test_lists_find_the_length_and_the_bars_without_the_plan(mix):
    draw(mix)
    assert Mix.objects.get().duration_s == pytest.approx(179)
    assert all(0 <= bar <= 100 for bar in Mix.objects.get().bars)


def test_every_clip_is_drawn_where_it_lies(mix):
    drawing = draw(mix)
    starts = [int(peaks[1:].split(" ")[0]) for peaks, _ in drawing.clips]
    assert starts == [round(start * 1_200 / 179) for start in (0, 52, 89)]


def draw(mix):
    items = items_of(mix)
    return plans.drawing_of(mix, plans.plan_of(mix, items), items)


def test_a_plan_computed_during_an_edit_is_not_stored(mix):
    stale = Mix.objects.get()
    edits.edit(mix, None, "Cut", lambda a: arrangement.change_settings(a, style="cut"))
    plans.plan_of(stale)
    assert Mix.objects.get().plan_key == ""
    assert plans.plan_of(Mix.objects.get()).timeline.transitions[0].style == "cut"


def test_songs_analysed_by_an_older_version_are_left_out_until_reanalysed(mix):
    AnalysisJob.objects.filter(track=mix.items.get(position=1).track).update(version=0)
    plan = plans.plan_of(mix)
    assert starts_of(plan) == pytest.approx([0, 52])
    rows = mix_page(Mix.objects.get()).rows
    assert [row.is_working for row in rows] == [False, True, False]
    assert join_page(mix.items.get(position=0)).into == mix.items.get(position=2)


def test_songs_analysed_by_an_older_version_are_queued_once_behind_new_ones(mix):
    old = mix.items.get(position=1).track
    AnalysisJob.objects.filter(track=old).update(version=ANALYSIS_VERSION - 1)
    for _ in range(2):
        plans.plan_of(Mix.objects.get())
    job = AnalysisJob.objects.get(track=old, version=ANALYSIS_VERSION)
    assert (job.state, job.queue, job.owner) == ("queued", "short", mix.owner)
    assert 0 < job.priority < previews.TRACK_PRIORITY
    assert len(starts_of(plans.plan_of(Mix.objects.get()))) == 3, "what was measured before is used meanwhile"


def test_a_song_being_reanalysed_keeps_its_result_until_the_next_one(mix, counted):
    plan = plans.plan_of(mix)
    again = request_analysis(mix.items.get(position=1).track)
    AnalysisJob.objects.claim(again.pk, "w:1")
    kept = Mix.objects.get()
    assert plans.plan_of(kept) == plan
    Mix.objects.update(plan_key="")
    assert plans.plan_of(Mix.objects.get()) == plan
    assert counted == [1, 1]
