"""The tracks of a plan as pages show them: start times and hints for joins."""

import pytest

from mixes.models import Mix, MixTrack
from mixes.pages.planned_tracks import planned_tracks
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.plans import plan_of
from mixes.tests.factories import make_mix_row, make_track_row


@pytest.fixture
def mix(alice):
    return make_mix_row(alice, tracks=[make_track_row(alice, seconds=s) for s in (60.0, 45.0, 90.0)])


def tracks_of(mix):
    items = items_of(mix)
    return planned_tracks(mix, plan_of(mix, items), items)


def test_every_track_has_its_start_and_all_but_the_last_a_join(mix):
    planned = tracks_of(mix)
    assert [one.item for one in planned] == items_of(mix)
    assert [one.start_s for one in planned] == pytest.approx([0, 52, 89])
    assert [one.join and one.join.length_s for one in planned] == [8.0, 8.0, None]


def test_songs_that_are_not_ready_have_no_entry(mix):
    mix.items.get(position=0).track.__class__.objects.filter(places__position=0).update(state="listening")
    assert [one.item.position for one in tracks_of(mix)] == [1, 2]


@pytest.mark.parametrize(
    ("item", "mix_s", "hint"),
    [
        ({"join_style": "cut"}, 8.0, "cut"),
        ({"join_s": 30.0}, 8.0, "shortened"),
        ({}, 8.0, ""),
        ({}, None, "rings_out"),
        ({"join_auto": True}, 8.0, "rings_out"),
        ({"cue_out_s": 50.0}, 8.0, ""),
    ],
)
def test_a_join_has_a_hint_for_its_reason(mix, item, mix_s, hint):
    Mix.objects.update(transition_s=mix_s)
    MixTrack.objects.filter(position=0).update(**item)
    join = tracks_of(Mix.objects.get())[0].join
    assert (join.hint, join.by_hand) == (hint, bool(item))


def test_a_join_that_was_set_for_another_pair_is_automatic_and_says_so(mix):
    MixTrack.objects.filter(position=0).update(join_style="cut", join_into=mix.items.get(position=2).pk)
    join = tracks_of(mix)[0].join
    assert (join.style, join.hint, join.by_hand) == ("smooth", "parted", False)
