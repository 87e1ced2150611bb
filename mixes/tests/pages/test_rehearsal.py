"""The pieces that play a mix before it is made: in order, without holes, each at its place of its sound."""

import pytest
from django.urls import reverse

from mixes.models import MixTrack, Track
from mixes.tests.factories import make_mix_row, make_track_row

pytestmark = pytest.mark.django_db


def pieces_of(client, mix):
    answer = client.get(reverse("mixes:mix_rehearsal", args=[mix.pk])).json()
    return answer["duration_s"], answer["pieces"]


def test_joins_and_songs_take_turns_without_holes(as_alice, mix):
    """Songs of 60, 45 and 90 s with joins of 8 s: joins are heard from 5 s before to 5 s after."""
    duration_s, pieces = pieces_of(as_alice, mix)
    assert [(piece["title"], piece["is_join"]) for piece in pieces] == [
        ("Aria", False),
        ("Aria → Bolero", True),
        ("Bolero", False),
        ("Bolero → Canon", True),
        ("Canon", False),
    ]
    assert [piece["start_s"] for piece in pieces] == pytest.approx([0, 47, 65, 84, 102], abs=0.01)
    assert [piece["end_s"] for piece in pieces] == [*(p["start_s"] for p in pieces[1:]), duration_s]
    # Bolero begins at 52 s of the mix, Canon at 89 s
    assert [piece["offset_s"] for piece in pieces] == pytest.approx([0, 0, 13, 0, 13], abs=0.01)
    first, second, third = MixTrack.objects.filter(mix=mix).order_by("position")
    assert pieces[0]["request"] == reverse("mixes:track_preview", args=[first.track_id])
    assert pieces[3]["request"] == reverse("mixes:join_preview", args=[mix.pk, second.pk])
    assert pieces[4]["item"] == str(third.pk)


def test_a_join_that_begins_inside_the_one_before_goes_on_where_that_ends(as_alice, alice):
    mix = make_mix_row(alice, tracks=[make_track_row(alice, seconds=s) for s in (60.0, 22.0, 60.0)])
    _, pieces = pieces_of(as_alice, mix)
    first, second = (piece for piece in pieces if piece["is_join"])
    # the first is heard until 65 s, the sound of the second begins at 61 s
    assert second["start_s"] == first["end_s"] == pytest.approx(65.0, abs=0.01)
    assert second["offset_s"] == pytest.approx(4.0, abs=0.01)


def test_songs_play_at_their_level_in_the_mix(as_alice, mix):
    MixTrack.objects.filter(mix=mix, position=0).update(gain_db=-3.5)
    _, pieces = pieces_of(as_alice, mix)
    assert pieces[0]["gain_db"] == -3.5
    assert [piece["gain_db"] for piece in pieces if piece["is_join"]] == [0.0, 0.0]


def test_a_mix_without_ready_songs_has_no_pieces(as_alice, alice):
    mix = make_mix_row(alice, tracks=[make_track_row(alice, state=Track.State.ANALYSING)])
    assert pieces_of(as_alice, mix) == (0.0, [])
