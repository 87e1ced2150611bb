"""Edits answer with what a page lacks, and a page that applies the answers equals a fresh one."""

import random
import re

import pytest
from django.urls import reverse

from mixes.models import Mix, MixTrack, Track
from mixes.tests.factories import make_mix_row, make_track_row

HTMX = {"HX-Request": "true"}
SONGS = 12


@pytest.fixture
def mix(alice):
    return make_mix_row(alice, tracks=[make_track_row(alice, f"Song {k}", 60.0 + k) for k in range(SONGS)])


def url(name, *args):
    return reverse(f"mixes:{name}", args=args)


class Page:
    """What a browser keeps of the page of a mix: its rows by id, and their order."""

    def __init__(self, client, mix):
        self.client, self.mix = client, mix
        html = client.get(url("mix_detail", mix.pk)).content.decode()
        self.rows = rows_in(html)
        self.order = list(self.rows)
        self.seen = seen_in(html)

    @property
    def shown(self):
        return "".join(digest for row in self.rows.values() for digest in [digest_in(row)])

    def post(self, address, **fields):
        version = Mix.objects.get(pk=self.mix.pk).version
        fields = {"version": version, "shown": self.shown, **fields}
        return self.take(self.client.post(address, fields, headers=HTMX))

    def take(self, answer):
        html = answer.content.decode()
        fresh = rows_in(html)
        places = re.search(r'data-places="([^"]*)"', html)[1].split()
        planned = [place for place in places if "=" in place]
        ids = []
        for place in places:
            pk = place.split("=")[0]
            ids.append(f"row-{pk}")
            if place in planned[:-1]:
                ids.append(f"join-{pk}")
        known = self.rows | fresh
        self.rows, self.order, self.seen = {pk: known[pk] for pk in ids}, ids, seen_in(html)
        return fresh


def rows_in(html):
    return {
        pk: " ".join(row.split())
        for row, pk in re.findall(
            r'(<li class="(?:track|join)-row[^>]*?id="([^"]+)".*?</li>)', html, re.DOTALL
        )
    }


def digest_in(row):
    return re.search(r'data-digest="(\w+)"', row)[1]


def seen_in(html):
    return re.search(r'data-seen="(\w+)"', html)[1]


def without_place(row):
    """Return a row without what a page sets for all rows at once: number, ink, start, stuck buttons."""
    row = re.sub(r"ink-(odd|even)|#(odd|even)| aria-disabled=\"true\"|name=\"csrf\S+ \S+", "", row)
    return re.sub(r'(class="track-(?:num|start)"[^>]*>)[^<]*', r"\1", row)


def test_a_change_of_a_join_answers_with_that_join_alone(as_alice, mix):
    page = Page(as_alice, mix)
    item = mix.items.get(position=4)
    fresh = page.post(url("join", mix.pk, item.pk), length="set", overlap="3", style="smooth")
    assert list(fresh) == [f"join-{item.pk}"]
    assert "3 s" in fresh[f"join-{item.pk}"]


def test_taking_the_first_song_out_sends_no_row(as_alice, mix):
    page = Page(as_alice, mix)
    first = mix.items.get(position=0)
    assert page.post(url("mix_edit", mix.pk), remove=str(first.pk)) == {}
    assert f"row-{first.pk}" not in page.rows


def test_a_page_that_names_nothing_gets_all(as_alice, mix):
    page = Page(as_alice, mix)
    page.rows = {}
    assert len(page.post(url("mix_edit", mix.pk), sort="name")) == 2 * SONGS - 1


def test_a_poll_brings_a_renamed_song_and_the_joins_beside_it(as_alice, mix):
    page = Page(as_alice, mix)
    item = mix.items.get(position=4)
    Track.objects.filter(pk=item.track_id).update(title="Another name")
    answer = as_alice.post(url("mix_state", mix.pk), {"seen": page.seen, "shown": page.shown}, headers=HTMX)
    before = mix.items.get(position=3)
    assert list(page.take(answer)) == [f"join-{before.pk}", f"row-{item.pk}", f"join-{item.pk}"]


@pytest.mark.parametrize("seed", range(3))
def test_after_many_edits_the_page_equals_a_fresh_one(as_alice, alice, mix, seed):
    random_numbers = random.Random(seed)
    page = Page(as_alice, mix)
    extra = make_track_row(alice, "Late", state=Track.State.ANALYSING)
    for _ in range(25):
        items = list(MixTrack.objects.filter(mix=mix).order_by("position"))
        item = random_numbers.choice(items)
        kind = random_numbers.choice(
            ["move", "join", "reorder", "remove", "undo", "redo", "rename", "add", "sort"]
        )
        if kind == "move":
            page.post(
                url("mix_edit", mix.pk),
                move=f"{random_numbers.choice(['up', 'down', 'top', 'bottom'])}:{item.pk}",
            )
        elif kind == "join":
            length = str(random_numbers.randint(1, 9))
            joined = random_numbers.choice([one for one in items if one.track_id != extra.pk][:-1])
            page.post(url("join", mix.pk, joined.pk), length="set", overlap=length, style="radio")
        elif kind == "reorder":
            random_numbers.shuffle(items)
            page.post(url("mix_edit", mix.pk), reorder=",".join(str(one.pk) for one in items))
        elif kind == "remove" and len(items) > 5:
            page.post(url("mix_edit", mix.pk), remove=str(item.pk))
        elif kind == "add":
            as_alice.post(url("mix_add", mix.pk), {"track": [str(extra.pk)]})
        elif kind == "rename":
            Track.objects.filter(pk=item.track_id).update(title=f"Name {random_numbers.random()}")
        elif kind in ("undo", "redo", "sort"):
            page.post(url("mix_edit", mix.pk), **{kind: "name"})
    page.take(as_alice.post(url("mix_state", mix.pk), {"shown": page.shown}, headers=HTMX))
    fresh = Page(as_alice, mix)
    assert page.order == fresh.order
    assert page.seen == fresh.seen
    differing = [pk for pk in fresh.rows if without_place(page.rows[pk]) != without_place(fresh.rows[pk])]
    assert differing == []


def test_a_waveform_is_kept_for_good_and_its_address_follows_its_content(as_alice, mix):
    html = as_alice.get(url("mix_detail", mix.pk)).content.decode()
    track = mix.items.get(position=0).track
    address = re.search(rf"/tracks/{track.pk}/wave/\w+\.svg", html)[0]
    answer = as_alice.get(address)
    assert answer["Content-Type"] == "image/svg+xml"
    assert "immutable" in answer["Cache-Control"]
    assert track.waveform["peaks"] in answer.content.decode()
    Track.objects.filter(pk=track.pk).update(waveform={"peaks": "M0 0", "body": "M1 1"})
    assert as_alice.get(address)["Cache-Control"] == "no-store"
    assert address not in as_alice.get(url("mix_detail", mix.pk)).content.decode()


def test_the_wave_of_the_mix_has_unlocalised_numbers_in_every_language(as_alice, mix):
    html = as_alice.get(url("mix_detail", mix.pk)).content.decode()
    address = re.search(rf"/mixes/{mix.pk}/wave/\w+\.svg", html)[0]
    drawn = as_alice.get(address, headers={"Accept-Language": "de"})
    assert "immutable" in drawn["Cache-Control"]
    widths = re.findall(r'class="overlap" x="([^"]+)"', drawn.content.decode())
    assert len(widths) == SONGS - 1
    assert all(float(width) >= 0 for width in widths)


def test_a_long_list_has_short_rows_and_gets_whole_ones_on_demand(as_alice, alice):
    songs = [make_track_row(alice, f"Song {k}", 60.0) for k in range(25)]
    mix = make_mix_row(alice, tracks=songs)
    page = as_alice.get(url("mix_detail", mix.pk)).content.decode()
    assert page.count("is-lean") == 2 * 25 - 1
    item = mix.items.get(position=7)
    assert url("song", mix.pk, item.pk) in page
    html = as_alice.post(url("mix_rows", mix.pk), {"songs": f"{item.pk} nonsense"}).content.decode()
    assert list(rows_in(html)) == [f"row-{item.pk}", f"join-{item.pk}"]
    assert f'value="down:{item.pk}"' in html


def test_the_kind_of_rows_is_chosen_and_remembered(as_alice, mix):
    assert "is-lean" not in as_alice.get(url("mix_detail", mix.pk)).content.decode()
    assert as_alice.get(url("mix_detail", mix.pk), {"rows": "compact"}).status_code == 302
    assert "is-lean" in as_alice.get(url("mix_detail", mix.pk)).content.decode()
    as_alice.get(url("mix_detail", mix.pk), {"rows": "full"})
    assert "is-lean" not in as_alice.get(url("mix_detail", mix.pk)).content.decode()


def test_the_page_of_a_song_moves_it_and_takes_it_out(as_alice, mix):
    item = mix.items.get(position=3)
    page = " ".join(as_alice.get(url("song", mix.pk, item.pk)).content.decode().split())
    for name in ("top", "up", "down", "bottom"):
        assert f'value="{name}:{item.pk}"' in page
    assert re.search(rf'name="remove"\s+value="{item.pk}"', page)


def test_the_page_of_500_songs_stays_small(as_alice, alice):
    mix = make_mix_row(
        alice, tracks=[make_track_row(alice, f"A song of some length {k}", 60.0) for k in range(60)]
    )
    sizes = []
    for count in (30, 60):
        MixTrack.objects.filter(mix=mix, position__gte=count).delete()
        sizes.append(len(as_alice.get(url("mix_detail", mix.pk)).content))
        MixTrack.objects.filter(mix=mix).delete()
        MixTrack.objects.bulk_create(
            MixTrack(mix=mix, track=track, position=k) for k, track in enumerate(Track.objects.all())
        )
    per_song = (sizes[1] - sizes[0]) / 30
    assert sizes[0] + 470 * per_song < 500_000
