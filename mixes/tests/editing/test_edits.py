"""Stored edits: versions, revisions, undo and redo, the bin."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mixes.models import Mix, MixTrack, Revision, Track
from mixes.services.editing import edits, history
from mixes.services.editing.arrangement import (
    JoinChange,
    arrangement_of,
    change_settings,
    move,
    remove,
    reorder,
    set_join,
)
from mixes.services.editing.edits import StaleEdit
from mixes.services.library import tracks
from mixes.services.library.tracks import restore_track
from mixes.services.limits import LimitReached
from mixes.tests.factories import make_mix_row, make_track_row


def first(mix):
    return mix.items.order_by("position").first()


def titles(mix):
    return list(mix.items.order_by("position").values_list("track__title", flat=True))


def test_an_edit_increments_the_version_and_is_stored(mix):
    item = first(mix)
    edited = edits.edit(mix, mix.version, "Moved", lambda a: move(a, item.pk, "bottom"))
    assert edited.version == mix.version + 1
    assert titles(mix) == ["Bolero", "Canon", "Aria"]
    assert list(mix.items.values_list("position", flat=True)) == [0, 1, 2]


def test_an_edit_of_an_older_version_is_refused_and_changes_nothing(mix):
    item = first(mix)
    edits.edit(mix, mix.version, "Moved", lambda a: move(a, item.pk, "bottom"))
    with pytest.raises(StaleEdit):
        edits.edit(mix, mix.version, "Removed", lambda a: remove(a, item.pk))
    assert titles(mix) == ["Bolero", "Canon", "Aria"]


def test_a_failed_edit_keeps_version_and_revisions(mix):
    before = Revision.objects.count()
    with pytest.raises(ZeroDivisionError):
        edits.edit(mix, mix.version, "Broken", lambda a: 1 / 0)
    assert Mix.objects.get().version == mix.version
    assert Revision.objects.count() == before


def test_an_edit_without_changes_adds_no_undo_step(mix):
    same = edits.edit(mix, mix.version, "Moved", lambda a: move(a, first(mix).pk, "up"))
    assert (same.version, same.revision) == (mix.version, mix.revision)


def test_undo_and_redo_step_through_the_revisions_and_name_the_edits(mix):
    edits.edit(mix, None, "Renamed", lambda a: change_settings(a, title="Nights"))
    assert history.history_of(Mix.objects.get()) == ("Renamed", None)
    undone = history.undo(mix, None, restore_track)
    assert (undone.title, history.history_of(undone)[1]) == ("Evenings in the North", "Renamed")
    assert history.redo(mix, None, restore_track).title == "Nights"


def test_a_stale_undo_is_refused(mix):
    edits.edit(mix, None, "Renamed", lambda a: change_settings(a, title="Nights"))
    with pytest.raises(StaleEdit):
        history.undo(mix, mix.version, restore_track)


def test_undo_and_redo_stop_at_the_ends(alice):
    mix = edits.create_mix(alice)
    for walk in (history.undo, history.redo):
        with pytest.raises(history.NothingThere):
            walk(mix, None, restore_track)
    assert Mix.objects.get().version == 0


def test_a_new_edit_drops_what_was_undone(mix):
    edits.edit(mix, None, "Renamed", lambda a: change_settings(a, title="Nights"))
    undone = history.undo(mix, None, restore_track)
    edits.edit(undone, None, "Renamed again", lambda a: change_settings(a, title="Days"))
    assert history.history_of(Mix.objects.get()) == ("Renamed again", None)


def test_the_last_fifty_revisions_are_kept(mix, settings):
    for number in range(settings.LIMITS.revisions + 5):
        edits.edit(mix, None, f"{number}", lambda a, n=number: change_settings(a, title=f"Mix {n}"))
    assert Revision.objects.filter(mix=mix).count() == settings.LIMITS.revisions


steps = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(0, 5), st.sampled_from(("top", "up", "down", "bottom"))),
        st.tuples(st.just("remove"), st.integers(0, 5)),
        st.tuples(st.just("join"), st.integers(0, 5), st.sampled_from((None, "auto", 3.0))),
        st.tuples(st.just("title"), st.text("abc", min_size=1, max_size=3)),
    ),
    max_size=6,
)


def do(arrangement, step):
    kind, *values = step
    if kind == "title":
        return change_settings(arrangement, title=values[0])
    if not arrangement.items:
        return arrangement
    place = values[0] % len(arrangement.items)
    item, into = arrangement.items[place].id, arrangement.items[place - 1].id
    if kind == "move":
        return move(arrangement, item, values[1])
    if kind == "remove":
        return remove(arrangement, item)
    return set_join(arrangement, item, into, JoinChange("", values[1], before={"cue_out_s": 61.25}))


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_undoing_every_edit_leads_back_and_redoing_forth(mix, steps):
    start = Mix.objects.get(pk=mix.pk)
    before = arrangement_of(start)
    for step in steps:
        edits.edit(mix, None, "step", lambda a, step=step: do(a, step))
    now = Mix.objects.get(pk=mix.pk)
    after, walked = arrangement_of(now), now.revision - start.revision
    for _ in range(walked):
        history.undo(mix, None, restore_track)
    assert arrangement_of(Mix.objects.get(pk=mix.pk)) == before
    for _ in range(walked):
        history.redo(mix, None, restore_track)
    assert arrangement_of(Mix.objects.get(pk=mix.pk)) == after


def test_uploads_of_one_minute_are_one_step(alice):
    mix = edits.create_mix(alice)
    for title in ("Aria", "Bolero"):
        edits.append_tracks(mix, [make_track_row(alice, title)])
    assert Mix.objects.get().revision == 1
    assert history.history_of(Mix.objects.get())[0] == "Added songs"
    Revision.objects.filter(number=1).update(created_at=timezone.now() - timedelta(minutes=2))
    edits.append_tracks(mix, [make_track_row(alice, "Canon")])
    assert history.history_of(Mix.objects.get())[0] == "Added “Canon”"
    assert titles(history.undo(mix, None, restore_track)) == ["Aria", "Bolero"]


def test_an_upload_after_another_edit_is_a_step_of_its_own(mix, alice):
    edits.edit(mix, None, "Renamed", lambda a: change_settings(a, title="Nights"))
    edits.append_tracks(mix, [make_track_row(alice, "Dirge")])
    undone = history.undo(mix, None, restore_track)
    assert (undone.title, titles(undone)) == ("Nights", ["Aria", "Bolero", "Canon"])


def test_undo_leaves_out_deleted_tracks(mix):
    gone = first(mix)
    edits.edit(mix, None, "Removed", lambda a: remove(a, gone.pk))
    Track.objects.filter(pk=gone.track_id).delete()
    history.undo(mix, None, restore_track)
    assert titles(mix) == ["Bolero", "Canon"]


def test_a_duplicate_is_replaced_by_the_earlier_track_in_revisions_too(mix, alice):
    copy, twin = first(mix), make_track_row(alice, "Twin")
    edits.edit(mix, None, "Removed", lambda a: remove(a, copy.pk))
    edits.swap_track(copy.track, twin)
    copy.track.delete()
    history.undo(mix, None, restore_track)
    assert titles(mix) == ["Twin", "Bolero", "Canon"]


def test_a_mix_made_without_revisions_can_be_undone_to_its_start(alice):
    mix = make_mix_row(alice)
    before = arrangement_of(mix)
    edits.edit(mix, None, "Turned", lambda a: reorder(a, [i.id for i in reversed(a.items)]))
    history.undo(mix, None, restore_track)
    assert arrangement_of(Mix.objects.get()) == before


def test_a_duplicated_mix_is_equal_and_independent(mix):
    copy = edits.duplicate_mix(mix)
    assert (copy.title, titles(copy)) == ("Copy of Evenings in the North", titles(mix))
    edits.edit(copy, None, "Removed", lambda a: remove(a, first(copy).pk))
    assert titles(mix) == ["Aria", "Bolero", "Canon"]


def test_a_new_mix_is_called_after_its_day(alice):
    assert edits.create_mix(alice).title.startswith("Mix of ")
    assert edits.create_mix(alice, "  Own name ").title == "Own name"


def test_a_mix_in_the_bin_rejects_edits_until_it_is_restored(mix):
    edits.bin_mix(mix)
    with pytest.raises(StaleEdit):
        edits.edit(mix, None, "Renamed", lambda a: change_settings(a, title="x"))
    edits.restore_mix(mix)
    assert edits.edit(mix, None, "Renamed", lambda a: change_settings(a, title="x")).title == "x"


def test_purging_a_mix_keeps_its_tracks(mix):
    edits.purge_mix(mix)
    assert not Mix.objects.exists()
    assert not MixTrack.objects.exists()
    assert Track.objects.count() == 3


def test_a_mix_rejects_songs_beyond_its_limit(mix, alice, settings):

    settings.LIMITS = replace(settings.LIMITS, tracks_per_mix=4)
    more = [make_track_row(alice) for _ in range(2)]
    with pytest.raises(LimitReached, match="room for 1 more"):
        edits.add_from_library(mix, more)
    stale = Mix.objects.get(pk=mix.pk)
    assert len(titles(edits.add_from_library(mix, more[:1]))) == 4
    with pytest.raises(LimitReached, match="room for 0 more"):
        edits.add_from_library(stale, more[1:])  # at the same moment


def test_undo_restores_a_song_from_the_bin_and_redo_keeps_it_in_the_library(mix):
    gone = first(mix).track
    tracks.bin_track(gone)
    assert titles(mix) == ["Bolero", "Canon"]
    history.undo(mix, None, restore_track)
    assert titles(mix) == ["Aria", "Bolero", "Canon"]
    assert Track.objects.get(pk=gone.pk).deleted_at is None
    history.redo(mix, None, restore_track)
    assert titles(mix) == ["Bolero", "Canon"]


def test_undo_restores_no_other_track_from_the_bin(mix, alice):
    other = make_track_row(alice, deleted_at="2026-01-01T00:00Z")
    tracks.bin_track(first(mix).track)
    history.undo(mix, None, restore_track)
    assert Track.objects.get(pk=other.pk).deleted_at


def test_undo_uses_the_track_of_the_same_file_that_was_added_again(mix, alice):
    gone = first(mix).track
    tracks.bin_track(gone)
    again = make_track_row(alice, "Aria again", sha256=gone.sha256)
    history.undo(mix, None, restore_track)
    assert titles(mix) == ["Aria again", "Bolero", "Canon"]
    assert not Track.objects.filter(pk=gone.pk).exists()
    assert (Track.objects.get(pk=again.pk).deleted_at, history.count_lost(Mix.objects.get())) == (None, 0)


def test_a_title_is_one_line_without_invisible_characters(alice):
    assert edits.create_mix(alice, " Sum\u202emer\n\0 2026 ").title == "Summer 2026"
