"""The table of names: typed or pasted, seen before it is saved, one undo step."""

import pytest
from django.urls import reverse

from mixes.models import Mix
from mixes.services.editing.song_names import ListedSong, read_list
from mixes.tests.factories import make_track_row


def url(name, mix):
    return reverse(f"mixes:{name}", args=(mix.pk,))


def names_of(mix):
    return [(item.track.title, item.track.artist) for item in mix.items.order_by("position")]


def save(client, mix, **fields):
    return client.post(url("names", mix), {"version": Mix.objects.get(pk=mix.pk).version, **fields})


def go(client, mix, way):
    return client.post(url("mix_edit", mix), {"version": Mix.objects.get(pk=mix.pk).version, way: "1"})


@pytest.mark.parametrize(
    ("line", "song"),
    [
        ("Nena - 99 Luftballons", ("99 Luftballons", "Nena")),
        ("1. Nena - 99 Luftballons", ("99 Luftballons", "Nena")),
        ("03) Nena \u2013 Song (Live)", ("Song (Live)", "Nena")),
        ("[0:00] Nena - Song", ("Song", "Nena")),
        ("1:02:33 Nena - Song", ("Song", "Nena")),
        ("12. Nena - Song 3:45", ("Song", "Nena")),
        ("Nena - Song (4:05)", ("Song", "Nena")),
        ("99 Luftballons", ("99 Luftballons", None)),
        ("Jay-Z - Song - Remix", ("Song - Remix", "Jay-Z")),
    ],
)
def test_a_line_of_a_list(line, song):
    assert read_list(line) == [ListedSong(*song)]


def test_numbers_without_a_point_are_ignored_where_they_count_the_lines():
    listed = read_list("1 Nena - Song\n\n2 99 Luftballons\n3 Abba - Other")
    assert listed == [
        ListedSong("Song", "Nena"),
        ListedSong("99 Luftballons", None),
        ListedSong("Other", "Abba"),
    ]


def test_a_pasted_list_is_shown_before_it_is_saved(as_alice, mix):
    page = as_alice.post(url("names", mix), {"preview": "1", "list": "New - One\nTwo"}).content.decode()
    for words in ('value="One"', 'value="New"', "was Band - Aria", 'value="Two"', "names 2 songs", "has 3"):
        assert words in page
    assert names_of(mix)[0] == ("Aria", "Band")


def test_all_names_are_saved_as_one_step(as_alice, mix):
    items = list(mix.items.order_by("position"))
    fields = {f"title-{items[0].pk}": "One", f"artist-{items[0].pk}": "", f"title-{items[2].pk}": "Three"}
    assert save(as_alice, mix, **fields).status_code == 302
    after = [("One", ""), ("Bolero", "Band"), ("Three", "Band")]
    assert names_of(mix) == after
    go(as_alice, mix, "undo")
    assert names_of(mix) == [("Aria", "Band"), ("Bolero", "Band"), ("Canon", "Band")]
    go(as_alice, mix, "redo")
    assert names_of(mix) == after
    save(as_alice, mix, **{f"title-{items[1].pk}": "Two"})
    go(as_alice, mix, "undo")
    assert names_of(mix) == after
    go(as_alice, mix, "undo")
    assert names_of(mix)[0] == ("Aria", "Band")


def test_a_stale_table_keeps_what_was_typed(as_alice, mix):
    item = mix.items.get(position=0)
    go(as_alice, mix, "undo")
    as_alice.post(url("mix_edit", mix), {"version": Mix.objects.get().version, "rename": "Days"})
    answer = as_alice.post(url("names", mix), {"version": 0, f"title-{item.pk}": "Typed"})
    assert answer.status_code == 409
    assert 'value="Typed"' in answer.content.decode()
    assert names_of(mix)[0][0] == "Aria"


@pytest.mark.parametrize(("where", "left"), [("top", "BCA"), ("bottom", "ABC"), ("out", "A")])
def test_ticked_songs_move_or_go_together(as_alice, mix, where, left):
    picked = [str(item.pk) for item in mix.items.filter(position__gte=1)]
    save(as_alice, mix, picked=where, pick=picked)
    assert "".join(title[0] for title, _ in names_of(mix)) == left
    go(as_alice, mix, "undo")
    assert len(names_of(mix)) == 3


def test_songs_of_other_mixes_keep_their_names(as_alice, mix, alice):
    other = make_track_row(alice, "Other")
    save(as_alice, mix, **{f"title-{other.pk}": "Taken"})
    other.refresh_from_db()
    assert other.title == "Other"
