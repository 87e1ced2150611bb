"""Pages of mixes: the list, the editor with every edit, the look, the bin."""

import re
import uuid
from dataclasses import replace

import pytest
from django.urls import reverse

from mixes.engine.mixing.joins import QUIET_TAILS
from mixes.engine.passthrough.facts import Mp3Facts
from mixes.engine.tests.tracks import make_track
from mixes.models import Mix, MixTrack, Track
from mixes.services.editing import edits, history, plans
from mixes.services.library import tracks
from mixes.tests.factories import make_artwork_row, make_mix_row, make_track_row

HTMX = {"HX-Request": "true"}
SETTINGS = {
    "style": "smooth",
    "length": "set",
    "transition_s": "8",
    "loudness": "even",
    "gap_s": "2",
    "trim": "on",
    "make_mp3": "on",
    "bitrate_kbps": "320",
    "copy_mp3": "on",
    "video_size": "1920x1080",
}
WORDS = {"title": "Nights", "artist": "Ada", "description_template": "{tracklist}", "hashtags": "mix"}


def url(name, mix, *more):
    return reverse(f"mixes:{name}", args=(mix.pk, *more))


def items(mix):
    return list(mix.items.order_by("position"))


def titles(mix):
    return [item.track.title for item in items(mix)]


def edit(client, mix, htmx=False, version=None, **fields):
    version = Mix.objects.get(pk=mix.pk).version if version is None else version
    headers = HTMX if htmx else {}
    return client.post(url("mix_edit", mix), {"version": version, **fields}, headers=headers)


def copyable(seconds, facts):
    track = make_track(seconds)
    return replace(track, codec="mp3", mp3=replace(facts, samples=track.frames))


def test_the_plan_says_what_becomes_of_each_mp3(as_alice, alice):
    facts = Mp3Facts(frames=5_000, delay=1105, kbps=320, highest_step=50, peaks=bytes(5_000))
    other = replace(facts, reason="there is other data between its frames")
    tracks = [
        make_track_row(alice, title, analysis=copyable(120, known))
        for title, known in (("Whole", facts), ("Odd", other))
    ]
    mix = make_mix_row(alice, tracks=tracks, target_lufs=None)
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    assert page.count("1 of 2 songs pass through untouched") == 2
    assert "Whole: copied" in page
    assert "Odd: encoded, because there is other data between its frames" in page
    shown = re.search(r'id="mix-settings"[^>]*data-digest="(\w+)"', page)[1]
    answer = edit(as_alice, mix, htmx=True, remove=items(mix)[1].pk, shown=shown).content.decode()
    assert "1 of 1 song passes through untouched" in answer
    without = {name: value for name, value in SETTINGS.items() if name != "copy_mp3"}
    as_alice.post(url("mix_settings", mix), {**without, "version": Mix.objects.get().version})
    assert "through untouched" not in as_alice.get(url("mix_detail", mix)).content.decode()


def test_a_silence_inside_a_song_is_offered_to_be_shortened(as_alice, alice):
    hidden = replace(make_track(120), silences=((30.0, 60.0),))
    tracks = [make_track_row(alice, "Hidden", analysis=hidden), make_track_row(alice)]
    mix = make_mix_row(alice, tracks=tracks)
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    assert "60 s of silence inside, from 0:30 on" in page
    assert 'href="#id_shorten_silences"' in page and 'id="id_shorten_silences"' in page
    before = plans.plan_of(Mix.objects.get()).timeline
    as_alice.post(url("mix_settings", mix), {**SETTINGS, "version": 0, "shorten_silences": "on"})
    after = plans.plan_of(Mix.objects.get()).timeline
    assert before.frames - after.frames == 58 * after.rate
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    assert "It is shortened to 2 s, as set." in page and 'href="#id_shorten_silences"' not in page
    edit(as_alice, mix, undo=1)
    assert plans.plan_of(Mix.objects.get()).timeline == before


GETS = ("mix_detail", "mix_state", "mix_look", "mix_add")
POSTS = ("mix_edit", "mix_settings", "mix_duplicate", "mix_delete", "mix_restore")


@pytest.mark.parametrize("name", GETS)
def test_pages_work(as_alice, mix, name):
    assert as_alice.get(url(name, mix)).status_code == 200


@pytest.mark.parametrize("name", ["mix_list", "bin"])
def test_lists_work_empty_and_filled(as_alice, mix, name):
    assert as_alice.get(reverse(f"mixes:{name}")).status_code == 200
    edits.bin_mix(mix)
    assert as_alice.get(reverse(f"mixes:{name}")).status_code == 200


@pytest.mark.parametrize("name", [*GETS, *POSTS])
def test_another_users_mix_is_not_found(as_bob, mix, name):
    answer = as_bob.post(url(name, mix)) if name in POSTS else as_bob.get(url(name, mix))
    assert answer.status_code == 404


@pytest.mark.parametrize("name", [*GETS, *POSTS])
def test_signed_out_users_are_asked_to_sign_in(as_nobody, mix, name):
    answer = as_nobody.post(url(name, mix)) if name in POSTS else as_nobody.get(url(name, mix))
    assert answer.status_code == 302
    assert reverse("account_login") in answer["Location"]


@pytest.mark.parametrize("name", POSTS)
def test_changing_views_reject_get(as_alice, mix, name):
    assert as_alice.get(url(name, mix)).status_code == 405


def test_the_page_rejects_post(as_alice, mix):
    assert as_alice.post(url("mix_detail", mix)).status_code == 405


@pytest.mark.parametrize("name", ["mix_create", "mix_demo"])
def test_get_requests_create_nothing(as_alice, name):
    assert as_alice.get(reverse(f"mixes:{name}")).status_code == 405


@pytest.mark.parametrize("name", GETS)
def test_an_unknown_id_is_not_found(as_alice, name):
    assert as_alice.get(reverse(f"mixes:{name}", args=(uuid.uuid4(),))).status_code == 404


def test_the_empty_list_says_what_to_do(as_alice):
    page = as_alice.get(reverse("mixes:mix_list")).content.decode()
    for words in ("No mixes yet", "New mix", "Add a demo mix", "FLAC", "Nothing is public"):
        assert words in page


def test_the_list_shows_length_songs_and_state(as_alice, mix):
    plans.plan_of(mix)
    page = as_alice.get(reverse("mixes:mix_list")).content.decode()
    for words in ("Evenings in the North", "2:59", "3 songs", "Not made yet"):
        assert words in page


def test_the_list_shows_a_mixs_own_picture(as_alice, alice):
    mix = make_mix_row(alice, artwork=make_artwork_row(alice))
    page = as_alice.get(reverse("mixes:mix_list")).content.decode()
    assert reverse("mixes:artwork_image", args=(mix.artwork_id,)) in page


def test_mixes_are_found_by_title_and_artist(as_alice, alice):
    make_mix_row(alice, "Morning", tracks=0, artist="Ada")
    make_mix_row(alice, "Night", tracks=0)
    page = as_alice.get(reverse("mixes:mix_list"), {"q": "mor ada"}).content.decode()
    assert "Morning" in page
    assert "Night" not in page
    assert "Nothing found" in as_alice.get(reverse("mixes:mix_list"), {"q": "zzz"}).content.decode()


def test_the_list_has_pages_of_24(as_alice, alice):
    Mix.objects.bulk_create(Mix(owner=alice, title=f"Mix {k}") for k in range(30))
    assert len(as_alice.get(reverse("mixes:mix_list")).context["page"].object_list) == 24
    assert len(as_alice.get(reverse("mixes:mix_list"), {"page": 2}).context["page"].object_list) == 6


def count_queries(client, address, django_assert_max_num_queries):
    client.get(reverse("mixes:bin"))  # the first page of a session updates the session
    with django_assert_max_num_queries(100) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


def test_the_list_needs_a_constant_number_of_queries(as_alice, alice, django_assert_max_num_queries):
    counts = []
    for _ in range(2):
        for _ in range(4):
            plans.plan_of(make_mix_row(alice, tracks=2))
        counts.append(count_queries(as_alice, reverse("mixes:mix_list"), django_assert_max_num_queries))
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("name", GETS)
def test_the_mix_page_needs_a_constant_number_of_queries(
    as_alice, alice, name, django_assert_max_num_queries
):
    counts = []
    for count in (2, 12):
        mix = make_mix_row(alice, tracks=count)
        plans.plan_of(mix)
        counts.append(count_queries(as_alice, url(name, mix), django_assert_max_num_queries))
    assert counts[0] == counts[1] <= 15


def test_no_page_reads_an_analysis_when_nothing_has_changed(as_alice, mix, django_assert_max_num_queries):
    plans.plan_of(mix)
    for name in (*GETS, None):
        with django_assert_max_num_queries(100) as caught:
            as_alice.get(url(name, mix) if name else reverse("mixes:mix_list"))
        assert not [query for query in caught if '"result"' in query["sql"]]


def test_the_page_shows_songs_joins_and_totals(as_alice, mix):
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    for words in ("Aria", "smooth", "both equally loud", "2:59", "\u221214 LUFS, even", "Make the mix"):
        assert words in page


def test_the_page_says_why_songs_are_left_out(as_alice, alice):
    mix = make_mix_row(alice, tracks=[make_track_row(alice, state=s) for s in ("refused", "listening")])
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    assert "it is silent from beginning to end" in page
    assert "1 song cannot be used" in page
    assert "1 song is not ready yet" in page


def test_a_new_mix_opens(as_alice):
    answer = as_alice.post(reverse("mixes:mix_create"), {"title": "Days"}, follow=True)
    assert "Days" in answer.content.decode()


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("up", "Bolero Aria Canon"), ("down", "Aria Canon Bolero"), ("top", "Bolero Aria Canon")],
)
def test_a_row_moves_without_a_script(as_alice, mix, direction, expected):
    answer = edit(as_alice, mix, move=f"{direction}:{items(mix)[1].pk}")
    assert answer.status_code == 302
    assert titles(mix) == expected.split()


def test_a_new_order_is_applied_and_answered_with_fragments(as_alice, mix):
    order = [item.pk for item in reversed(items(mix))]
    answer = edit(as_alice, mix, htmx=True, reorder=",".join(map(str, order)))
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert 'name="version" value="1"' in answer.content.decode()
    assert titles(mix) == ["Canon", "Bolero", "Aria"]


def test_undo_restores_a_removed_song(as_alice, mix):
    edit(as_alice, mix, remove=items(mix)[0].pk)
    assert titles(mix) == ["Bolero", "Canon"]
    assert "Removed “Aria”" in as_alice.get(url("mix_detail", mix)).content.decode()
    edit(as_alice, mix, undo=1)
    assert titles(mix) == ["Aria", "Bolero", "Canon"]
    edit(as_alice, mix, redo=1)
    assert titles(mix) == ["Bolero", "Canon"]


def test_songs_are_sorted(as_alice, mix):
    Track.objects.filter(title="Aria").update(title="Zither 10")
    Track.objects.filter(title="Canon").update(title="Zither 2")
    edit(as_alice, mix, sort="name")
    assert titles(mix) == ["Bolero", "Zither 2", "Zither 10"]


def test_a_mix_is_renamed(as_alice, mix):
    edit(as_alice, mix, rename=" Nights ")
    assert Mix.objects.get().title == "Nights"


@pytest.mark.parametrize("htmx", [False, True])
def test_an_edit_from_a_stale_page_gets_the_current_state(as_alice, mix, htmx):
    edit(as_alice, mix, rename="Nights")
    answer = edit(as_alice, mix, htmx=htmx, version=0, remove=items(mix)[0].pk)
    assert answer.status_code == 409
    assert "changed elsewhere" in answer.content.decode()
    assert "Nights" in answer.content.decode()
    assert len(titles(mix)) == 3


def test_a_song_is_left_out_of_the_tracklist_shown_so_and_put_back(as_alice, mix):
    item = items(mix)[1].pk
    plain = as_alice.get(url("mix_detail", mix)).content.decode()
    assert "not in the tracklist" not in plain and f'value="out:{item}"' in plain
    answer = edit(as_alice, mix, htmx=True, list=f"out:{item}")
    assert "not in the tracklist" in answer.content.decode()
    assert f'value="in:{item}"' in answer.content.decode()
    assert history.history_of(Mix.objects.get())[0] == f"Left “{titles(mix)[1]}” out of the tracklist"
    song = as_alice.get(reverse("mixes:song", args=(mix.pk, item))).content.decode()
    assert "Put back into the tracklist" in song
    assert edits.duplicate_mix(Mix.objects.get()).items.filter(unlisted=True).count() == 1
    edit(as_alice, mix, undo="1", version=1)
    assert not MixTrack.objects.filter(mix=mix, unlisted=True).exists()


def test_an_item_that_was_removed_elsewhere_is_a_stale_edit(as_alice, mix):
    item = items(mix)[0].pk
    MixTrack.objects.filter(pk=item).delete()
    assert edit(as_alice, mix, move=f"up:{item}").status_code == 409


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"move": "sideways:x"},
        {"move": "up:nonsense"},
        {"remove": "x"},
        {"list": "x"},
        {"list": "out:x"},
        {"sort": "colour"},
        {"rename": " "},
        {"reorder": ""},
        {"undo": "1", "version": "one"},
        {"undo": "1", "version": "9" * 5000},
    ],
)
def test_an_invalid_form_changes_nothing(as_alice, mix, fields):
    assert edit(as_alice, mix, **fields).status_code == 422
    assert Mix.objects.get().version == 0


def test_the_state_is_sent_only_when_it_has_changed(as_alice, mix):
    digest = as_alice.get(url("mix_detail", mix)).context["sheet"].digest
    assert as_alice.get(url("mix_state", mix), {"seen": digest}).status_code == 204
    Track.objects.filter(title="Aria").update(title="Other")
    assert as_alice.get(url("mix_state", mix), {"seen": digest}).status_code == 200


def test_settings_are_saved_and_named_in_the_undo_button(as_alice, mix):
    form = {**SETTINGS, "version": 0, "style": "radio"}
    assert as_alice.post(url("mix_settings", mix), form).status_code == 302
    assert Mix.objects.get().style == "radio"
    assert history.history_of(Mix.objects.get())[0] == "Changed “Joins”"


@pytest.mark.parametrize(
    ("fields", "columns"),
    [
        ({"length": "auto"}, {"transition_s": None}),
        ({"transition_s": "4.5"}, {"transition_s": 4.5}),
        ({"loudness": "loud"}, {"target_lufs": -10.0}),
        ({"fade_in_s": "1.5", "fade_out_s": ""}, {"fade_in_s": 1.5, "fade_out_s": 0.0}),
        ({"max_play_s": "2:30"}, {"max_play_s": 150.0}),
        ({"loudness": "untouched"}, {"target_lufs": None}),
        ({"loudness": "own", "target_lufs": "-16"}, {"target_lufs": -16.0}),
        ({"make_mp4": "on", "video_size": "1080x1920"}, {"make_mp4": True, "video_size": "1080x1920"}),
    ],
)
def test_choices_become_columns(as_alice, mix, fields, columns):
    as_alice.post(url("mix_settings", mix), {**SETTINGS, "version": 0, **fields})
    assert Mix.objects.filter(**columns).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"style": "loud"},
        {"transition_s": "61"},
        {"transition_s": ""},
        {"loudness": "own", "target_lufs": "3"},
        {"make_mp3": ""},
        {"fade_in_s": "31"},
        {"max_play_s": "0:05"},
        {"max_play_s": "long"},
    ],
)
@pytest.mark.parametrize("htmx", [False, True])
def test_impossible_settings_are_refused_and_nothing_is_changed(as_alice, mix, fields, htmx):
    form = {**SETTINGS, "version": 0, **fields}
    answer = as_alice.post(url("mix_settings", mix), form, headers=HTMX if htmx else {})
    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()
    assert Mix.objects.get().version == 0


def test_the_look_is_saved_and_previewed(as_alice, mix):
    answer = as_alice.post(url("mix_look", mix), {**WORDS, "preview": "1"})
    assert "0:00 Band \u2013 Aria" in answer.content.decode()
    assert Mix.objects.get().title == "Evenings in the North"
    assert as_alice.post(url("mix_look", mix), {**WORDS, "version": 0}).status_code == 302
    assert (Mix.objects.get().title, Mix.objects.get().artist) == ("Nights", "Ada")


def test_a_title_is_needed(as_alice, mix):
    assert as_alice.post(url("mix_look", mix), {**WORDS, "title": "", "version": 0}).status_code == 422


def test_a_new_title_is_in_the_heading_at_once(as_alice, mix):
    answer = as_alice.post(url("mix_look", mix), {**WORDS, "title": "Nights", "version": 0}, headers=HTMX)
    assert '<h1 id="look-title">Nights</h1>' in answer.content.decode()


def test_the_look_from_a_stale_page_is_not_saved(as_alice, mix):
    edit(as_alice, mix, rename="Days")
    answer = as_alice.post(url("mix_look", mix), {**WORDS, "version": 0}, headers=HTMX)
    assert answer.status_code == 409
    assert Mix.objects.get().title == "Days"


def test_a_template_without_the_tracklist_is_reported(as_alice, mix):
    Mix.objects.update(description_template="{title}")
    rules = as_alice.get(url("mix_look", mix)).context["look"].words.rules
    assert [rule.holds for rule in rules] == [False, True, True, True, False]


def test_songs_are_added_from_the_library_even_twice(as_alice, mix, alice):
    track = items(mix)[0].track
    as_alice.post(url("mix_add", mix), {"track": [str(track.pk)]})
    assert titles(mix) == ["Aria", "Bolero", "Canon", "Aria"]


def test_refused_songs_are_neither_offered_nor_added(as_alice, mix, alice):
    refused = make_track_row(alice, "notes.txt", state=Track.State.REFUSED)
    assert "notes.txt" not in as_alice.get(url("mix_add", mix)).content.decode()
    as_alice.post(url("mix_add", mix), {"track": [str(refused.pk)]})
    assert len(titles(mix)) == 3


def test_songs_of_other_users_cannot_be_added(as_alice, mix, bob):
    as_alice.post(url("mix_add", mix), {"track": [str(make_track_row(bob).pk), "nonsense"]})
    assert len(titles(mix)) == 3


def test_a_mix_is_duplicated(as_alice, mix):
    answer = as_alice.post(url("mix_duplicate", mix), follow=True)
    assert "Copy of Evenings in the North" in answer.content.decode()


def test_a_deleted_mix_can_be_restored_from_the_toast_and_the_bin(as_alice, mix):
    page = as_alice.post(url("mix_delete", mix), follow=True).content.decode()
    assert f'formaction="{url("mix_restore", mix)}"' in page
    assert 'id="undo-form"' in page
    assert as_alice.get(url("mix_detail", mix)).status_code == 404
    assert "Evenings in the North" in as_alice.get(reverse("mixes:bin")).content.decode()
    assert as_alice.post(url("mix_restore", mix), follow=True).status_code == 200
    assert as_alice.get(url("mix_detail", mix)).status_code == 200


def test_the_bin_shows_tracks_with_a_restore_button(as_alice, alice):
    track = make_track_row(alice, "Gone", deleted_at="2026-11-01T00:00Z")
    page = as_alice.get(reverse("mixes:bin")).content.decode()
    assert reverse("mixes:track_restore", args=(track.pk,)) in page


def test_the_demo_set_is_added_once(as_alice, alice):
    for _ in range(2):
        assert as_alice.post(reverse("mixes:mix_demo")).status_code == 302
    assert Mix.objects.get().items.count() == 3
    assert set(Track.objects.values_list("state", flat=True)) == {"listening"}


def test_names_are_shown_as_text(as_alice, alice):
    mix = make_mix_row(alice, "<b>x</b>", tracks=[make_track_row(alice, "<script>1</script>")])
    page = as_alice.get(url("mix_detail", mix)).content.decode()
    assert "<script>1" not in page
    assert "<b>x" not in page


def test_undo_reports_deleted_songs(as_alice, mix):
    track = mix.items.first().track
    tracks.bin_track(track)
    tracks.purge_track(track)
    mix.refresh_from_db()
    data = {"undo": "1", "version": mix.version}
    answer = as_alice.post(url("mix_edit", mix), data, headers={"HX-Request": "true"}).content.decode()
    assert "1 song was removed for good meanwhile and stays out." in answer


def test_songs_are_added_behind_the_one_whose_menu_was_used(as_alice, alice):
    mix = make_mix_row(alice, tracks=[make_track_row(alice, title) for title in ("Aria", "Bolero")])
    more = [make_track_row(alice, title) for title in ("Canon", "Dirge")]
    first = mix.items.get(position=0)
    address = f"{reverse('mixes:mix_add', args=[mix.pk])}?after={first.pk}"
    assert f"follow {first.track.label}" in " ".join(as_alice.get(address).content.decode().split())
    assert address in as_alice.get(reverse("mixes:mix_detail", args=[mix.pk])).content.decode()
    as_alice.post(address, {"track": [track.pk for track in more]})
    assert list(mix.items.values_list("track__title", flat=True)) == ["Aria", "Canon", "Dirge", "Bolero"]


@pytest.mark.parametrize("after", ["x", "00000000-0000-0000-0000-000000000000", ""])
def test_songs_are_added_at_the_end_where_their_place_is_unknown(as_alice, alice, after):
    mix = make_mix_row(alice, tracks=[make_track_row(alice, "Aria")])
    track = make_track_row(alice, "Bolero")
    as_alice.post(f"{reverse('mixes:mix_add', args=[mix.pk])}?after={after}", {"track": [track.pk]})
    assert list(mix.items.values_list("track__title", flat=True)) == ["Aria", "Bolero"]


def test_a_note_leads_to_the_songs_it_names(as_alice, mix):
    shown = " ".join(as_alice.get(url("mix_detail", mix)).content.decode().split())
    first, second, _ = mix.items.order_by("position")
    mix.refresh_from_db()
    named = f"“{first.track.title}” and “{second.track.title}”."
    mix.plan["notes"] = [f"Left out: {named}", f"{QUIET_TAILS}: the last 3 s of {named}"]
    mix.save()
    assert f"#row-{first.pk}" not in shown
    shown = " ".join(as_alice.get(url("mix_detail", mix)).content.decode().split())
    assert f'Left out: <a href="#row-{first.pk}">“{first.track.title}”</a> and' in shown
    assert f'and <a href="#row-{second.pk}">“{second.track.title}”</a>.' in shown
    join = reverse("mixes:join", args=[mix.pk, first.pk])
    assert f'3 s of <a data-opens-join="{first.pk}" href="{join}">“{first.track.title}”</a> and' in shown
