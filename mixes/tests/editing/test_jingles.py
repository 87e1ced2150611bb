"""Jingles between every few songs: one step, which can be repeated and undone."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.urls import reverse

from mixes.models import Mix, MixTrack
from mixes.services.editing.arrangement import SETTINGS, Arrangement, Item
from mixes.services.editing.jingles import with_jingles
from mixes.services.limits import LimitReached
from mixes.tests.factories import make_mix_row, make_track_row

A, B = UUID(int=1001), UUID(int=1002)


def arrange(*items):
    mix = Mix(title="Evenings")
    return Arrangement(**{name: getattr(mix, name) for name in SETTINGS}, items=items)


def songs(count):
    return [Item(UUID(int=k + 1), UUID(int=100 + k)) for k in range(count)]


def shown(arrangement):
    """Return the arrangement as text: songs as digits, jingles as letters."""
    return "".join({A: "A", B: "B"}.get(item.track) or str(item.id.int) for item in arrangement.items)


@pytest.mark.parametrize(
    ("count", "every", "expected"),
    [(4, 1, "1A2B3A4"), (5, 2, "12A34B5"), (4, 2, "12A34"), (3, 3, "123"), (7, 3, "123A456B7")],
)
def test_jingles_take_turns_and_none_follows_the_last_song(count, every, expected):
    assert shown(with_jingles(arrange(*songs(count)), [A, B], every)) == expected


def test_they_have_no_line_in_the_tracklist():
    items = with_jingles(arrange(*songs(3)), [A], 1).items
    assert [item.unlisted for item in items] == [False, True, False, True, False]


def test_intro_and_outro_of_a_show_are_not_counted():
    intro, outro = (Item(uuid4(), uuid4(), pin=pin) for pin in (MixTrack.Pin.FIRST, MixTrack.Pin.LAST))
    items = with_jingles(arrange(intro, *songs(3), outro), [A], 2).items
    assert [item.track for item in items] == [
        intro.track,
        UUID(int=100),
        UUID(int=101),
        A,
        UUID(int=102),
        outro.track,
    ]


def test_after_songs_were_added_they_are_placed_again_with_what_was_set_for_them():
    once = with_jingles(arrange(*songs(3)), [A], 2)
    items = list(once.items)
    assert shown(once) == "12A3"
    items[2] = replace(items[2], gain_db=-3.0)
    again = with_jingles(
        replace(once, items=(items[0], items[2], *items[1:2], *items[3:], *songs(5)[3:])), [A], 2
    )
    assert shown(again) == "12A34A5"
    assert [item.gain_db for item in again.items if item.track == A] == [-3.0, None]
    assert with_jingles(again, [A], 2) == again


def test_a_song_that_is_ticked_by_mistake_stays_where_it_is():
    listed = Item(UUID(int=9), A)
    assert shown(with_jingles(arrange(*songs(2), listed), [A], 1)) == "1A2AA"


def test_the_limit_of_a_mix_counts_them(settings):
    settings.LIMITS = replace(settings.LIMITS, tracks_per_mix=5)
    assert len(with_jingles(arrange(*songs(3)), [A], 1).items) == 5
    with pytest.raises(LimitReached):
        with_jingles(arrange(*songs(4)), [A], 1)


@pytest.mark.django_db
def test_three_actions_put_them_into_a_mix_and_one_takes_them_out(as_alice, alice):
    mix = make_mix_row(alice, tracks=4)
    jingle = make_track_row(alice, title="Jingle")
    page = reverse("mixes:mix_add", args=[mix.pk])
    assert "after every 2 songs" in as_alice.get(page).content.decode()
    answer = as_alice.post(page, {"track": [str(jingle.pk)], "between": "2"}, follow=True)
    assert "The jingles are between the songs." in answer.content.decode()
    places = mix.items.order_by("position").values_list("track", "unlisted")
    assert [(track == jingle.pk, unlisted) for track, unlisted in places] == [
        (False, False),
        (False, False),
        (True, True),
        (False, False),
        (False, False),
    ]
    answer = as_alice.post(page, {"track": [str(jingle.pk)], "between": "2"}, follow=True)
    assert "Nothing changed" in answer.content.decode()
    mix.refresh_from_db()
    as_alice.post(reverse("mixes:mix_edit", args=[mix.pk]), {"undo": "1", "version": mix.version})
    assert not mix.items.filter(track=jingle).exists()
    assert mix.items.count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize("between", ["0", "-1", "7", "two"])
def test_other_distances_are_not_taken(as_alice, alice, between):
    mix = make_mix_row(alice, tracks=3)
    jingle = make_track_row(alice, title="Jingle")
    as_alice.post(reverse("mixes:mix_add", args=[mix.pk]), {"track": [str(jingle.pk)], "between": between})
    assert mix.items.filter(track=jingle, unlisted=True).count() == 0
