"""The panel of one join: display, settings and preview."""

import uuid

import pytest
from django.urls import reverse

from mixes.models import Mix, MixTrack, Preview
from mixes.pages.join_page import join_page
from mixes.services.editing import plans
from mixes.tests.factories import make_mix_row

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
    assert save(as_alice, item, style="radio", length="set", seconds="4.5").status_code == 302
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


@pytest.mark.parametrize(
    "fields",
    [
        {"style": "wild"},
        {"length": "set", "seconds": ""},
        {"length": "set", "seconds": "99"},
        {"length": "x"},
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
