"""The panel of one join: display, settings and preview."""

import json
import re
import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from mixes.engine.mixing.mix_fades import envelope_gain
from mixes.engine.tests.club.music import make_song
from mixes.models import Mix, MixTrack, Preview, Revision
from mixes.pages.join_page import join_page
from mixes.services.editing import plans
from mixes.tests.factories import make_mix_row, make_track_row

HTMX = {"HX-Request": "true"}


@pytest.fixture
def item(mix):
    return mix.items.get(position=0)


def url(name, item, pk=None):
    return reverse(f"mixes:{name}", args=(item.mix_id, pk or item.pk))


def save(client, item, headers=None, **fields):
    form = {"version": Mix.objects.get().version, "style": "", "length": "mix", **fields}
    return client.post(url("join", item), form, headers=headers or {})


@pytest.mark.parametrize("htmx", [False, True])
def test_the_panel_shows_both_songs_and_the_reason(as_alice, item, htmx):
    answer = as_alice.get(url("join", item), headers=HTMX if htmx else {})
    page = answer.content.decode()
    assert ("<html" in page) is not htmx
    for words in ("Aria", "Bolero", "8 s as chosen", "wave-overlap", "wave-curve"):
        assert words in page


def test_a_join_is_set_and_shown_as_set_by_hand(as_alice, item):
    assert save(as_alice, item, style="radio", overlap="4.5").status_code == 302
    item.refresh_from_db()
    assert (item.join_style, item.join_s) == ("radio", 4.5)
    assert "set by you" in as_alice.get(reverse("mixes:mix_detail", args=(item.mix_id,))).content.decode()


def test_htmx_gets_the_panel_and_the_mix_as_fragments(as_alice, item):
    page = save(as_alice, item, headers=HTMX, length="auto").content.decode()
    assert f'id="join-panel-{item.pk}"' in page
    assert 'id="track-list"' in page
    item.refresh_from_db()
    assert item.join_auto


def test_a_join_is_set_back_to_automatic(as_alice, item):
    save(as_alice, item, style="cut")
    save(as_alice, item, reset="1", style="cut")
    item.refresh_from_db()
    assert (item.join_style, item.join_s, item.join_auto) == ("", None, False)


def values_of(item):
    """Return what is set by hand for the join after an item."""
    return join_page(MixTrack.objects.get(pk=item.pk)).values.by_hand


def test_every_value_of_a_join_is_set_and_planned(as_alice, item):
    save(as_alice, item, ends_at="0:50.25", begins_at="2.5", overlap="6", gain_a="-3", gain_b="1.5")
    first, second, _ = plans.plan_of(Mix.objects.get()).timeline.clips
    rate = plans.plan_of(Mix.objects.get()).timeline.rate
    assert (first.cue_in + first.length, second.cue_in) == (round(50.25 * rate), round(2.5 * rate))
    assert (first.gain_db, second.gain_db, (first.end - second.start) / rate) == (-3.0, 1.5, 6.0)


def test_empty_values_are_automatic_and_absent_ones_are_kept(as_alice, item):
    save(as_alice, item, ends_at="50", gain_b="2")
    save(as_alice, item, style="radio")
    assert values_of(item) == {"ends_at": 50.0, "gain_b": 2.0}
    save(as_alice, item, ends_at="", gain_b="2")
    assert values_of(item) == {"gain_b": 2.0}


@pytest.mark.parametrize(
    ("stored", "fields", "length", "overlap"),
    [
        ({}, {"length": "mix", "overlap": "5"}, "set", 5.0),
        ({}, {"length": "set", "overlap": ""}, "set", 8.0),
        ({}, {"length": "auto", "overlap": ""}, "auto", None),
        ({"join_s": 5.0}, {"length": "mix", "overlap": "5"}, "mix", None),
        ({"join_s": 5.0}, {"length": "set", "overlap": ""}, "mix", None),
        ({"join_auto": True}, {"length": "auto", "overlap": ""}, "auto", None),
        ({"join_auto": True}, {"length": "auto", "overlap": "5"}, "set", 5.0),
        ({"join_s": 5.0}, {"length": "set", "overlap": "5", "style": "gap"}, "mix", None),
        ({"join_s": 5.0}, {"style": "cut"}, "set", 5.0),
        ({"join_s": 5.0, "join_style": "gap"}, {"style": "gap", "overlap": "7"}, "set", 7.0),
    ],
)
def test_a_number_is_mine_unless_the_menu_was_changed(as_alice, item, stored, fields, length, overlap):
    MixTrack.objects.filter(pk=item.pk).update(**stored)
    fields = {"length": "set" if "join_s" in stored else "mix", **fields}
    assert save(as_alice, item, **fields).status_code == 302
    values = join_page(MixTrack.objects.get(pk=item.pk)).values
    assert (values.length, values.by_hand.get("overlap")) == (length, overlap)


def test_a_pause_has_a_length_of_its_own(as_alice, item):
    save(as_alice, item, overlap="10")
    save(as_alice, item, overlap="10", length="set", style="gap")
    assert join_page(MixTrack.objects.get(pk=item.pk)).join.length_s == 2.0
    page = as_alice.get(url("join", item)).content.decode()
    assert "seconds of silence" in page


@pytest.mark.parametrize("style", ["cut", "gapless"])
def test_a_join_without_an_overlap_shows_no_length(as_alice, item, style):
    save(as_alice, item, style=style)
    page = as_alice.get(url("join", item)).content.decode()
    assert 'name="overlap"' not in page
    assert 'name="ends_at"' in page


def test_a_value_is_nudged_and_set_back(as_alice, item):
    save(as_alice, item, ends_at="", nudge="ends_at:-0.1")
    assert values_of(item) == {"ends_at": pytest.approx(59.9)}
    save(as_alice, item, ends_at="0:59.9", nudge="ends_at:+0.01")
    assert values_of(item) == {"ends_at": pytest.approx(59.91)}
    save(as_alice, item, ends_at="0:59.91", auto="ends_at")
    assert values_of(item) == {}
    save(as_alice, item, overlap="", nudge="overlap:+0.1")
    assert values_of(item) == {"overlap": 8.1}
    save(as_alice, item, overlap="8.1", length="set", auto="overlap")
    assert values_of(item) == {}
    assert save(as_alice, item, nudge="colour:+9").status_code == 302
    assert values_of(item) == {}


@pytest.mark.parametrize(
    ("stored", "fields", "message"),
    [
        ({}, {"ends_at": "2:00"}, "The file of “Aria” ends here. It stays automatic, at 1:00.00."),
        ({"join_s": 20.0}, {"ends_at": "30", "overlap": "20"}, "The joins of “Aria” need 0:40.00 of it."),
        ({"cue_out_s": 50.0}, {"ends_at": "0"}, "Nothing would be left of “Aria”. It stays at 0:50.00."),
        ({}, {"overlap": "30"}, "A join takes half of the shorter song at most, which is 22.50 s here."),
        ({}, {"begins_at": "1:00"}, "Nothing would be left of “Bolero”. It stays automatic, at 0:00.00."),
        ({"gain_db": -2.0}, {"gain_a": "-30"}, "The level goes down to -24 dB. It stays at -2."),
    ],
)
def test_what_a_join_cannot_do_is_refused_with_what_is_kept(as_alice, item, stored, fields, message):
    MixTrack.objects.filter(pk=item.pk).update(**stored)
    fields = {"length": "set" if "join_s" in stored else "mix", **fields}
    answer = save(as_alice, item, headers=HTMX, **fields)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert Mix.objects.get().version == 0


def test_an_end_that_a_join_before_needs_is_refused(as_alice, mix):
    MixTrack.objects.filter(position=0).update(join_s=20.0)
    answer = save(as_alice, mix.items.get(position=1), headers=HTMX, ends_at="30")
    assert "The joins of “Bolero” need 0:40.00 of it. It stays automatic" in answer.content.decode()


def test_changes_of_one_value_within_a_second_are_one_step_of_undo(as_alice, item):
    for end in ("50", "51", "52"):
        save(as_alice, item, ends_at=end)
    save(as_alice, item, ends_at="52", overlap="6")
    save(as_alice, item, ends_at="52", overlap="7", length="set")
    words = list(Revision.objects.order_by("number").values_list("what", flat=True))
    assert words == ["", "Changed where “Aria” ends", "Changed the join after “Aria”"]
    Revision.objects.update(created_at=timezone.now() - timedelta(seconds=2))
    save(as_alice, item, ends_at="52", overlap="8", length="set")
    assert Revision.objects.count() == 4


def plan_for_the_script(client, item):
    page = client.get(url("join", item)).content.decode()
    return json.loads(page.split('class="join-plan">')[1].split("</script>")[0])


def test_the_script_gets_the_whole_join(as_alice, item):
    save(as_alice, item, ends_at="50", overlap="6", gain_a="-3")
    data = plan_for_the_script(as_alice, item)
    first, second = data["songs"]
    assert (first["title"], first["start"], first["first"], first["last"]) == ("Aria", 0.0, 0.0, 50.0)
    assert (second["start"], second["length"]) == (44.0, 45.0)
    assert (data["overlap"], data["style"], data["by_hand"]["overlap"]) == (6.0, "smooth", 6.0)
    assert (data["automatic"]["ends_at"], data["automatic"]["overlap"]) == (60.0, 8.0)
    assert data["automatic"]["gain_a"] == 0.0
    assert (len(data["falling"]), data["falling"][-1], data["rising"][0]) == (65, 0.0, 0.0)
    assert data["limits"]["ends_at"]["least"] == 12.0
    assert (first["beats"], first["bars"]) == ([], [])  # no beat is known
    assert data["limits"]["begins_at"]["leastWords"] == "The file of “Bolero” begins here."
    assert [song["end"] for song in data["songs"]] == [50.0, 44.0 + 45.0]
    # the join as it would be with nothing set, to compare: all of Aria, the 8 s of the mix
    untouched = data["untouched"]
    assert (untouched["ends_at"], untouched["begins_at"], untouched["overlap"]) == (60.0, 0.0, 8.0)
    assert (untouched["gain_a"], untouched["fade_out"], len(untouched["falling"])) == (0.0, 8.0, 65)


def test_the_script_gets_a_pause_as_an_overlap_below_0(as_alice, item):
    save(as_alice, item, style="gap", overlap="3", length="set")
    data = plan_for_the_script(as_alice, item)
    assert data["overlap"] == -3.0


@pytest.mark.parametrize("lengths_s", [(0.0, 0.0), (4.0, 0.0), (0.0, 30.0), (4.0, 30.0)])
def test_the_script_gets_the_fades_of_the_mix(as_alice, item, lengths_s):
    item.mix.fade_in_s, item.mix.fade_out_s = lengths_s
    item.mix.save()
    data = plan_for_the_script(as_alice, item)
    timeline = plans.plan_of(item.mix).timeline
    places_s, end_s = np.linspace(0.0, timeline.duration_s, 500), data["songs"][1]["end"]
    gain = np.ones(500)
    for points, from_s in ((data["fades"]["rise"], 0.0), (data["fades"]["fall"], end_s)):
        if points:
            gain *= np.interp(places_s - from_s, *zip(*points, strict=True))
    assert gain == pytest.approx(envelope_gain(timeline.fades, places_s * timeline.rate), abs=1e-6)
    assert (gain[0] < 1, gain[-1] < 1) == (lengths_s[0] > 0, lengths_s[1] > 0)


def test_the_script_gets_addresses_of_what_it_draws_and_plays(as_alice, item):
    data = plan_for_the_script(as_alice, item)
    detail = as_alice.get(data["songs"][0]["detail"] + "&from=0&to=60")
    assert len(detail.content) == 21 * 600
    assert "immutable" in detail["Cache-Control"]
    assert data["songs"][1]["copy"].endswith("/preview/")


def test_the_panel_leads_to_the_joins_beside_it(as_alice, mix):
    first, second, _ = mix.items.order_by("position")
    for item, other, direction in ((first, second, "1"), (second, first, "-1")):
        page = as_alice.get(url("join", item)).content.decode()
        (link,) = re.findall(r'href="([^"]+)"\s+data-step="(-?1)"', page)
        assert link == (url("join", other), direction)


@pytest.mark.parametrize(
    "fields",
    [
        {"style": "wild"},
        {"overlap": "99"},
        {"overlap": "long"},
        {"length": "x"},
        {"gain_a": "13"},
        {"ends_at": "9:00"},
        {"ends_at": "soon"},
    ],
)
def test_invalid_values_are_refused(as_alice, item, fields):
    assert save(as_alice, item, **fields).status_code == 422
    assert Mix.objects.get().version == 0


def test_a_stale_panel_gets_the_current_mix(as_alice, item):
    Mix.objects.update(version=5)
    assert save(as_alice, item, version=4, style="cut").status_code == 409
    item.refresh_from_db()
    assert item.join_style == ""


def test_the_last_song_has_no_join(as_alice, mix):
    last = mix.items.get(position=2)
    assert join_page(last) is None
    assert as_alice.get(url("join", last)).status_code == 404
    answer = as_alice.post(url("join_preview", last), headers={"Accept": "application/json"})
    assert answer.status_code == 409


def test_a_preview_of_a_join_is_requested_once(as_alice, item):
    for _ in range(2):
        answer = as_alice.post(url("join_preview", item), headers={"Accept": "application/json"})
        assert answer.status_code == 200
    assert Preview.objects.get().kind == "join"


@pytest.mark.parametrize("name", ["join", "join_preview"])
def test_only_its_owner_reaches_a_join(as_bob, as_nobody, item, name):
    assert as_bob.post(url(name, item)).status_code == 404
    assert reverse("account_login") in as_nobody.post(url(name, item))["Location"]


def test_ids_must_belong_together(as_alice, alice, item):
    other = make_mix_row(alice)
    assert as_alice.get(reverse("mixes:join", args=(other.pk, item.pk))).status_code == 404
    assert as_alice.get(url("join", item, uuid.uuid4())).status_code == 404


def test_a_preview_requires_post(as_alice, item):
    assert as_alice.get(url("join_preview", item)).status_code == 405


def test_the_drawing_shows_the_overlap_at_its_position(item):
    MixTrack.objects.filter(pk=item.pk).update(join_s=10.0)
    item.refresh_from_db()
    picture = join_page(item).picture
    assert picture.shown_s == pytest.approx(22, abs=0.1)
    assert picture.overlap_x == pytest.approx(800 * 6 / 22, abs=1)
    assert picture.overlap_width == pytest.approx(800 * 10 / 22, abs=1)


def test_a_saved_join_is_planned_once_for_the_panel_and_the_page(as_alice, item, monkeypatch):
    as_alice.get(url("join", item))
    computed = []
    compute_plan = plans.compute_plan
    monkeypatch.setattr(plans, "compute_plan", lambda *args: computed.append(1) or compute_plan(*args))
    assert save(as_alice, item, HTMX, style="radio").status_code == 200
    assert computed == [1]


def test_a_mix_of_style_club_shows_matched_beats_and_why_others_are_not(as_alice, alice):
    beats = [make_song("A", 124), make_song("B", 126), make_song("C", 90)]
    tracks = [make_track_row(alice, name, analysis=song) for name, song in zip("ABC", beats, strict=True)]
    club = make_mix_row(alice, tracks=tracks, transition_s=None, style="club")
    first, second, _ = club.items.order_by("position")
    page = as_alice.get(url("join", first)).content.decode()
    assert "Beats matched over 8 bars, 124 to 126 BPM. The bass changes over in the middle." in page
    assert "the pitch may move" in page
    data = plan_for_the_script(as_alice, first)
    assert (data["style"], data["stretch"]) == ("club", pytest.approx(124 / 126, abs=1e-4))
    a, b = data["songs"]
    assert np.diff(a["beats"]) == pytest.approx(60 / 124, abs=0.002)
    assert np.diff(b["bars"]) == pytest.approx(4 * 60 / 126, abs=0.002) and set(b["bars"]) <= set(b["beats"])
    assert max(abs(beat - a["last"]) for beat in a["beats"]) <= 60
    page = as_alice.get(url("join", second)).content.decode()
    assert "Their tempos, 126 and 90 BPM, do not fit." in page
    whole = as_alice.get(reverse("mixes:mix_detail", args=(club.pk,))).content.decode()
    assert "beat on beat" in whole
    save_club = {"version": club.version, "style": "club", "length": "set", "overlap": "9.5"}
    as_alice.post(url("join", first), save_club)
    assert "Beats matched over 9.5 s as chosen" in as_alice.get(url("join", first)).content.decode()
