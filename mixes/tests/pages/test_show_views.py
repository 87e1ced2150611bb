"""Pages of shows as plain forms."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from mixes.models import Artwork, Mix, Show, Track
from mixes.services.editing import edits
from mixes.services.editing.engine_settings import items_of
from mixes.services.library.artwork import find_unused
from mixes.services.maintenance import account_data
from mixes.services.rendering import mix_requests
from mixes.services.shows import episodes, presets
from mixes.tests.factories import make_artwork_row, make_mix_row, make_track_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def show(mix):
    Mix.objects.filter(pk=mix.pk).update(description_template="{title}\n{tracklist}")  # no spaces at its end
    mix.refresh_from_db()
    return presets.save_as_show(mix)


def url(name, row):
    return reverse(f"mixes:{name}", args=[row.pk])


def fields_of(page):
    """Return the values that a browser would send with the page's form."""
    html = page.content.decode()
    found = {}
    for tag in re.findall(r"<input[^>]*>", html):
        values = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        kind = values.get("type", "text")
        if "name" not in values or (kind in ("radio", "checkbox") and not re.search(r"\bchecked\b", tag)):
            continue
        if kind not in ("file", "submit", "search"):
            found[values["name"]] = values.get("value", "on" if kind == "checkbox" else "")
    for name, inner in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', html, re.DOTALL):
        found[name] = re.search(r'value="([^"]*)" selected', inner)[1]
    for name, inner in re.findall(r'<textarea name="([^"]+)"[^>]*>\n?(.*?)</textarea>', html, re.DOTALL):
        found[name] = inner
    return found


def test_a_mix_is_saved_as_a_show_and_the_list_offers_its_next_episode(as_alice, mix):
    answer = as_alice.post(url("save_as_show", mix), follow=True)
    show = Show.objects.get()
    assert answer.redirect_chain[-1][0] == url("show", show)
    page = as_alice.get(reverse("mixes:mix_list")).content.decode()
    assert f'action="{url("new_episode", show)}"' in page
    assert episodes.title_of(show, 1) in page


def test_saving_the_page_as_it_is_changes_nothing(as_alice, show):
    before = Show.objects.values().get()
    data = fields_of(as_alice.get(url("show", show)))
    answer = as_alice.post(url("show", show), data)
    assert answer.status_code == 302
    after = Show.objects.values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_everything_on_the_page_is_saved(as_alice, show):
    changed = {
        "name": "Night {Bus}",
        "title_pattern": "{show}, {n}",
        "next_number": "12",
        "artist": "Ada",
        "description_template": "{tracklist}",
        "hashtags": "bus night",
        "style": "cut",
        "loudness": "loud",
        "make_mp4": "on",
        "privacy": "private",
        "publish_hour": "20:30",
        "playlist": "https://www.youtube.com/playlist?list=PLabc_1&x=2",
        "tags": "deep, house",
    }
    data = fields_of(as_alice.get(url("show", show))) | changed
    assert as_alice.post(url("show", show), data).status_code == 302
    again = fields_of(as_alice.get(url("show", show)))
    assert {name: again[name] for name in changed} == changed | {"name": "Night (Bus)", "playlist": "PLabc_1"}
    as_alice.post(url("new_episode", show))
    assert Mix.objects.get(show=show).title == "Night (Bus), 12"


def test_faults_of_all_parts_are_shown_and_nothing_is_saved(as_alice, show):
    before = Show.objects.values().get()
    wrong = {"title_pattern": "{episode}", "loudness": "own", "target_lufs": "900", "playlist": "a b"}
    data = fields_of(as_alice.get(url("show", show))) | wrong
    answer = as_alice.post(url("show", show), data)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "There is no {episode}" in page
    assert "neither the address nor the id" in page
    assert page.count('class="errorlist"') >= 3
    assert Show.objects.values().get() == before


def test_a_page_that_was_opened_before_the_last_episode_does_not_turn_the_number_back(as_alice, show):
    old = fields_of(as_alice.get(url("show", show)))
    mix, _notes = episodes.start_episode(show)
    edits.append_tracks(mix, [make_track_row(mix.owner)])
    mix_requests.request_mix(mix)
    as_alice.post(url("show", show), old | {"artist": "Ada"})
    show.refresh_from_db()
    assert (show.next_number, presets.preset_of(show).artist) == (2, "Ada")
    answer = as_alice.post(
        url("show", show), fields_of(as_alice.get(url("show", show))) | {"next_number": "1"}
    )
    assert answer.status_code == 422
    assert "is the number of" in answer.content.decode()


def test_intro_and_outro_are_chosen_from_the_library(as_alice, alice, bob, show):
    track, foreign, lost = make_track_row(alice), make_track_row(bob), make_track_row(alice)
    Track.objects.filter(pk=lost.pk).update(deleted_at=timezone.now())
    as_alice.post(url("show_intro", show), {"track": str(track.pk)})
    for wrong in (foreign.pk, lost.pk, "x"):
        as_alice.post(url("show_outro", show), {"track": str(wrong)})
    show.refresh_from_db()
    assert (show.intro, show.outro) == (track, None)
    as_alice.post(url("show_intro", show), {"none": "1"})
    show.refresh_from_db()
    assert show.intro is None


def test_the_settings_of_an_episode_are_taken_over(as_alice, show):
    mix, _notes = episodes.start_episode(show)
    mix.style, mix.artist = "gap", "Grace"
    mix.save()
    as_alice.post(url("take_over", mix))
    show.refresh_from_db()
    preset = presets.preset_of(show)
    assert (preset.style, preset.artist, preset.title, preset.items) == ("gap", "Grace", "", ())


def test_duplicate_offers_to_leave_out_the_songs(as_alice, mix):
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    assert 'name="without_songs"' in page
    as_alice.post(url("mix_duplicate", mix), {"without_songs": "1"})
    copy = Mix.objects.exclude(pk=mix.pk).get()
    assert items_of(copy) == []


def test_episodes_outlive_their_show(as_alice, show):
    mix, _notes = episodes.start_episode(show)
    as_alice.post(url("show_delete", show))
    mix.refresh_from_db()
    assert mix.show is None
    assert as_alice.get(url("mix_detail", mix)).status_code == 200


def test_the_picture_of_a_show_is_kept(alice, mix):
    picture = make_artwork_row(alice)
    mix.artwork = picture
    mix.save()
    show = presets.save_as_show(mix)
    mix.delete()
    later = timezone.now() + timedelta(days=9)
    assert find_unused(later) == []
    show.delete()
    assert find_unused(later) == [picture]


def test_the_export_and_the_deletion_of_an_account_include_shows(alice, show):
    episodes.start_episode(show)
    rows = list(account_data.rows_of(account_data.tables_of(alice)["shows"]))
    assert [row["name"] for row in rows] == [show.name]
    with account_data.erasing(alice):
        pass
    assert not Show.objects.exists()
    assert not Artwork.objects.exists()


def test_the_same_file_again_becomes_the_intro(alice, show):
    old, new = make_track_row(alice), make_track_row(alice)
    presets.change_show(show, {}, intro=old, outro=old)
    edits.swap_track(old, new)
    show.refresh_from_db()
    assert (show.intro, show.outro) == (new, new)


def test_each_user_sees_their_own_shows(as_bob, bob, show):
    make_mix_row(bob, "Tapes")
    assert show.name not in as_bob.get(reverse("mixes:mix_list")).content.decode()
