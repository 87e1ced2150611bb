"""The page of a suggested order: what it shows, what stays, taken in one step."""

from dataclasses import replace

import pytest
from django.urls import reverse

from mixes.engine.analysis.track import ANALYSIS_VERSION
from mixes.engine.music.measured import Harmony, Rhythm, TrustParts
from mixes.engine.tests.tracks import make_track
from mixes.leases import State
from mixes.models import AnalysisJob, Mix, MixTrack, Revision
from mixes.tests.factories import make_mix_row, make_track_row

TRUST = TrustParts(1, 1, 1, 1, 1, 1)
TEMPOS = (100, 140, 101, 141)


def song(owner, title, tempo, key=9):
    beats = tuple(range(0, 44_100 * 60, round(44_100 * 60 / tempo)))
    rhythm = Rhythm(float(tempo), 4, beats, 0, True, 0.9, 0.9, TRUST)
    analysis = replace(make_track(60), rhythm=rhythm, harmony=Harmony(key, 0.2, 0.0, (1 / 12,) * 12))
    return make_track_row(owner, title, 60, analysis=analysis, artist=f"Artist of {title}")


@pytest.fixture
def dance(alice):
    """Four songs whose tempos fit if the middle ones are exchanged."""
    return make_mix_row(alice, tracks=[song(alice, f"At {tempo}", tempo) for tempo in TEMPOS])


def url(name, mix):
    return reverse(f"mixes:{name}", args=(mix.pk,))


def titles(mix):
    return [item.track.title for item in mix.items.select_related("track").order_by("position")]


def suggested(response):
    return [row.item.track.title for row in response.context["page"].suggested]


def take(client, mix, page, **fields):
    version = Mix.objects.get(pk=mix.pk).version
    return client.post(url("order", mix), {"version": version, "ids": page.ids, **fields})


def test_an_order_is_shown_with_its_reasons_and_changes_nothing(as_alice, dance):
    response = as_alice.get(url("order", dance), {"first": "1"})
    assert suggested(response) == ["At 100", "At 101", "At 141", "At 140"]
    text = response.content.decode()
    for words in (
        "2 joins fit better, 0 worse.",
        "100 to 101 BPM, both 11B, ",
        "tempos do not fit (100, 140)",
        "100 BPM · ",
    ):
        assert words in text
    assert "was number 3" in text
    assert titles(dance) == [f"At {tempo}" for tempo in TEMPOS]
    assert not Revision.objects.filter(mix=dance, number__gt=0).exists()


def test_an_order_is_taken_in_one_step_and_taken_back_in_one(as_alice, dance):
    page = as_alice.get(url("order", dance), {"first": "1"}).context["page"]
    response = take(as_alice, dance, page)
    assert response.status_code == 302
    assert titles(dance) == ["At 100", "At 101", "At 141", "At 140"]
    dance.refresh_from_db()
    as_alice.post(url("mix_edit", dance), {"version": dance.version, "undo": "1"})
    assert titles(dance) == [f"At {tempo}" for tempo in TEMPOS]


def test_an_order_of_a_mix_that_was_changed_elsewhere_is_not_taken(as_alice, dance):
    page = as_alice.get(url("order", dance)).context["page"]
    assert take(as_alice, dance, page, version=99).status_code == 409
    assert take(as_alice, dance, page, ids="1,2").status_code == 422
    assert titles(dance) == [f"At {tempo}" for tempo in TEMPOS]


def test_what_is_ticked_stays(as_alice, dance):
    items = list(dance.items.order_by("position"))
    response = as_alice.get(url("order", dance), {"pair": [str(items[0].pk)], "last": "1"})
    order = suggested(response) or titles(dance)
    assert order.index("At 140") == order.index("At 100") + 1
    assert order[-1] == "At 141"
    assert 'name="last" value="1" checked' in response.content.decode()


def test_a_join_set_by_hand_stays_with_its_pair(as_alice, dance):
    first, second = dance.items.order_by("position")[:2]
    MixTrack.objects.filter(pk=first.pk).update(join_style="cut", join_into=second.pk)
    response = as_alice.get(url("order", dance))
    order = suggested(response) or titles(dance)
    assert order.index("At 140") == order.index("At 100") + 1
    assert "their join is set by you" in response.content.decode()


def test_songs_that_are_not_ready_keep_their_places(as_alice, alice, dance):
    coming = make_track_row(alice, "Coming", state="listening")
    for item in dance.items.filter(position__gte=1).order_by("-position"):
        MixTrack.objects.filter(pk=item.pk).update(position=item.position + 1)
    MixTrack.objects.create(mix=dance, track=coming, position=1)
    response = as_alice.get(url("order", dance), {"first": "1"})
    assert "1 song is not ready and keeps its place." in response.content.decode()
    take(as_alice, dance, response.context["page"])
    assert titles(dance) == ["At 100", "Coming", "At 101", "At 141", "At 140"]


def test_songs_of_an_older_analysis_are_measured_again_and_counted(as_alice, dance):
    for job in AnalysisJob.objects.filter(track__places__mix=dance)[:2]:
        job.version, job.result["version"] = 3, 3
        job.result |= {"rhythm": None, "harmony": None}
        job.save(update_fields=["version", "result"])
    response = as_alice.get(url("order", dance))
    assert AnalysisJob.objects.filter(version=ANALYSIS_VERSION, state=State.QUEUED).count() == 2
    assert "2 songs are still being listened to." in response.content.decode()
    assert 'hx-trigger="every 4s"' in response.content.decode()


def test_an_arc_is_chosen_and_nonsense_is_left_out(as_alice, dance):
    response = as_alice.get(url("order", dance), {"arc": "falling"})
    assert suggested(response)[0] in {"At 140", "At 141"}
    assert '<option value="falling" selected>' in response.content.decode()
    assert as_alice.get(url("order", dance), {"arc": "up", "pair": "x"}).status_code == 200


def test_an_empty_mix_has_nothing_to_suggest(as_alice, alice):
    response = as_alice.get(url("order", make_mix_row(alice)))
    assert "No order fits better than yours." in response.content.decode()


def test_the_order_is_found_from_the_mix(as_alice, dance):
    assert url("order", dance) in as_alice.get(url("mix_detail", dance)).content.decode()
