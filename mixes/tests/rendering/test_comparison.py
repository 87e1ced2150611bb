"""What differs between two versions of a mix, in sentences with known words."""

from dataclasses import replace

import pytest

from mixes.models import Mix, MixTrack
from mixes.pages.versions_page import snapshot_now
from mixes.services.editing import arrangement, edits
from mixes.services.rendering.comparison import compare
from mixes.tests.factories import make_mix_row, make_track_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def mix(alice):
    titles = ("Aria", "Bolero", "Canon", "Dirge")
    return make_mix_row(alice, tracks=[make_track_row(alice, title, seconds=100.0) for title in titles])


def changes(mix, change):
    """Return the sentences after an edit of the arrangement."""
    before = snapshot_now(mix)
    edits.edit(mix, None, "", change)
    return [difference.text for difference in compare(before, snapshot_now(Mix.objects.get()))]


def test_nothing_differs_between_a_mix_and_itself(mix):
    assert compare(snapshot_now(mix), snapshot_now(mix)) == ()


def test_a_song_taken_out_is_named_with_the_new_length(mix):
    item = mix.items.get(position=1).pk
    assert changes(mix, lambda a: arrangement.remove(a, item)) == [
        "It lasts 4:44 instead of 6:16.",
        "“Bolero” was taken out.",
    ]


def test_a_song_added_is_named_with_its_place(alice, mix):
    track = make_track_row(alice, "Etude", seconds=50.0).pk
    assert "“Etude” was added as number 5." in changes(mix, lambda a: arrangement.append(a, [track]))


def test_one_move_is_one_sentence(mix):
    item = mix.items.get(position=3).pk
    assert changes(mix, lambda a: arrangement.move(a, item, "top")) == [
        "“Dirge” is number 1; it was number 4."
    ]


def test_a_join_is_named_with_both_songs(mix):
    def cut(now):
        first, *rest = now.items
        return replace(now, items=(replace(first, join_style="cut"), *rest))

    assert "Join “Aria” → “Bolero”: cut instead of smooth, 8 s." in changes(mix, cut)


def test_what_is_used_of_a_song_and_its_level_are_named(mix):
    def shorten(now):
        first, *rest = now.items
        return replace(now, items=(replace(first, cue_in_s=12.0, gain_db=-6.0), *rest))

    found = changes(mix, shorten)
    assert "“Aria” begins at 0:12 of its file instead of 0:00." in found
    assert any(text.startswith("“Aria” is") and text.endswith("dB softer.") for text in found)


def test_a_song_left_out_of_the_tracklist_and_put_back_is_named(mix):
    item = mix.items.get(position=1).pk
    assert changes(mix, lambda a: arrangement.change_item(a, item, unlisted=True)) == [
        "“Bolero” is left out of the tracklist."
    ]
    assert changes(mix, lambda a: arrangement.change_item(a, item, unlisted=False)) == [
        "“Bolero” is in the tracklist again."
    ]


def test_settings_files_and_words_are_named(mix):
    found = changes(
        mix,
        lambda now: replace(
            now,
            target_lufs=-16.0,
            make_mp4=True,
            title="Other",
            hashtags="#a",
            even_joins=True,
            fade_out_s=5.0,
        ),
    )
    for text in (
        "Loudness: \u221216 LUFS instead of \u221214 LUFS.",
        "Even joins: on instead of off.",
        "Fade out of the whole mix: 5 s instead of 0 s.",
        "Files: MP3, MP4 instead of MP3.",
        "Title: “Other” instead of “Evenings in the North”.",
        "The hashtags are others.",
    ):
        assert text in found


def test_a_song_that_is_there_twice_is_counted(alice, mix):
    track = mix.items.get(position=0).track_id
    assert "“Aria” was added as number 5." in changes(mix, lambda a: arrangement.append(a, [track]))
    assert MixTrack.objects.count() == 5
