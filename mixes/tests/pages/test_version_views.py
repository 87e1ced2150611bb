"""The page of a mix's versions: names, comparison, and the way back."""

import pytest
from django.urls import reverse

from mixes.leases import State
from mixes.models import Mix, MixJob
from mixes.services.editing import arrangement, edits, history
from mixes.services.library import tracks
from mixes.tests.factories import make_job_row, make_mix_row


@pytest.fixture
def mix(alice):
    return make_mix_row(alice, tracks=3)


@pytest.fixture
def made(mix):
    return make_job_row(mix, State.DONE)


def order(mix):
    return list(mix.items.order_by("position").values_list("track__title", flat=True))


def page(client, mix, **query):
    return client.get(reverse("mixes:versions", args=[mix.pk]), query).content.decode()


def go_back(client, job, version):
    return client.post(reverse("mixes:version_back", args=[job.pk]), {"version": version}, follow=True)


def test_a_mix_never_made_says_what_will_be_here(as_alice, mix):
    assert "has not been made yet" in page(as_alice, mix)


def test_versions_are_numbered_and_named(as_alice, mix, made):
    make_job_row(mix, State.FAILED)
    make_job_row(mix, State.DONE)
    assert "Version 1" in page(as_alice, mix) and "Version 3" not in page(as_alice, mix)
    as_alice.post(reverse("mixes:version_name", args=[made.pk]), {"name": " For \u200b the radio "})
    assert "For the radio" in page(as_alice, mix)
    as_alice.post(reverse("mixes:version_name", args=[made.pk]), {"name": ""})
    assert "Version 1" in page(as_alice, mix)


def test_going_back_is_one_edit_that_undo_takes_back(as_alice, mix, made):
    first = order(mix)
    item = mix.items.get(position=0).pk
    edited = edits.edit(mix, None, "moved", lambda a: arrangement.move(a, item, "bottom"))
    moved = order(mix)
    response = go_back(as_alice, made, edited.version)
    assert "arranged as “Version 1” was" in response.content.decode()
    assert order(mix) == first != moved
    now = Mix.objects.get()
    assert history.history_of(now)[0] == "Went back to “Version 1”"
    history.undo(now, now.version, tracks.restore_track)
    assert order(mix) == moved


def test_songs_come_back_from_the_bin_and_lost_ones_are_counted(as_alice, mix, made):
    binned, lost, _kept = (item.track for item in mix.items.order_by("position"))
    tracks.bin_track(binned)
    tracks.purge_track(lost)
    response = go_back(as_alice, made, Mix.objects.get().version)
    assert "1 song was removed for good" in response.content.decode()
    assert binned.title in order(mix) and lost.title not in order(mix)


def test_a_stale_page_changes_nothing(as_alice, mix, made):
    item = mix.items.get(position=0).pk
    edits.edit(mix, None, "moved", lambda a: arrangement.move(a, item, "bottom"))
    moved = order(mix)
    assert go_back(as_alice, made, 0).status_code == 409
    assert order(mix) == moved


def test_a_result_without_an_arrangement_says_so_and_changes_nothing(as_alice, mix, made):
    snapshot = {name: value for name, value in made.snapshot.items() if name != "arrangement"}
    MixJob.objects.update(snapshot=snapshot)
    assert "Go back to it" not in page(as_alice, mix)
    response = go_back(as_alice, made, mix.version)
    assert "kept no arrangement" in response.content.decode()
    assert Mix.objects.get().version == mix.version


def test_two_versions_are_compared_in_words(as_alice, mix, made):
    edits.edit(mix, None, "", lambda a: arrangement.remove(a, mix.items.get(position=1).pk))
    gone = made.snapshot["tracks"][1]["title"]
    assert f"“{gone}” was taken out." in page(as_alice, mix)
    second = make_job_row(Mix.objects.get(), State.DONE)
    assert f"“{gone}” was added as number 2." in page(as_alice, mix, old=second.pk, new=made.pk)
    assert "Nothing differs" in page(as_alice, mix, old=second.pk, new="now")


@pytest.mark.parametrize("old", ["", "now", "x", "00000000-0000-0000-0000-000000000000"])
def test_unknown_versions_are_compared_by_default(as_alice, mix, made, old):
    assert "Nothing differs" in page(as_alice, mix, old=old, new=old)


def test_versions_of_others_are_not_found(as_bob, mix, made):
    assert as_bob.get(reverse("mixes:versions", args=[mix.pk])).status_code == 404
    for name in ("version_name", "version_back"):
        assert as_bob.post(reverse(f"mixes:{name}", args=[made.pk])).status_code == 404
