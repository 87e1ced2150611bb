"""Episodes: what they begin with, and their numbers, which no two share."""

import subprocess
import sys
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from mixes.leases import State
from mixes.models import Mix, Track
from mixes.services import wording
from mixes.services.editing import arrangement, edits
from mixes.services.editing.arrangement import arrangement_of
from mixes.services.editing.engine_settings import items_of
from mixes.services.limits import LimitReached
from mixes.services.rendering import mix_requests
from mixes.services.shows import episodes, names, presets
from mixes.tests.factories import make_artwork_row, make_job_row, make_mix_row, make_track_row
from mixes.tests.maintenance.installations import ROOT, Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(alice):
    """A mix with everything set that an episode takes over."""
    fields = {
        "artist": "Ada",
        "description_template": "{title}\nEpisode {n} of {show}, {year}\n{tracklist}\n",
        "hashtags": "house evening",
        "style": "radio",
        "target_lufs": -10.0,
        "fade_out_s": 5.0,
        "make_mp4": True,
        "title_cards": True,
        "artwork": make_artwork_row(alice),
    }
    return make_mix_row(alice, "Evenings in the North", **fields)


@pytest.fixture
def show(first):
    show = presets.save_as_show(first)
    presets.change_show(show, {}, intro=make_track_row(first.owner), outro=make_track_row(first.owner))
    show.refresh_from_db()
    return show


def songs(mix):
    return [item.track_id for item in items_of(mix)]


def test_an_episode_begins_with_all_settings_of_the_mix(first, show):
    mix, notes = episodes.start_episode(show)
    begun = replace(arrangement_of(mix), title="", items=())
    assert begun == replace(arrangement_of(first), title="", items=())
    assert mix.title == f"Evenings in the North #1 - {wording.today()}"
    assert songs(mix) == [show.intro_id, show.outro_id]
    assert [item.unlisted for item in items_of(mix)] == [True, True]
    assert (mix.show, mix.episode, notes) == (show, None, ())


def test_new_songs_go_between_intro_and_outro(alice, show):
    mix, _notes = episodes.start_episode(show)
    added = [make_track_row(alice, title) for title in ("Zeta", "Alpha")]
    mix = edits.append_tracks(mix, added)
    assert songs(mix) == [show.intro_id, added[0].pk, added[1].pk, show.outro_id]
    by_pk = Track.objects.in_bulk(songs(mix))
    mix = edits.edit(mix, None, "Sorted", lambda a: arrangement.sort_by(a, "name", by_pk))
    assert songs(mix) == [show.intro_id, added[1].pk, added[0].pk, show.outro_id]


def test_the_number_is_taken_when_the_episode_is_made(show):
    begun = [episodes.start_episode(show)[0] for _ in range(2)]  # as in two tabs
    assert begun[0].title == begun[1].title
    later = mix_requests.request_mix(begun[1])
    assert later.title == f"Evenings in the North #1 - {wording.today()}"
    other = mix_requests.request_mix(begun[0])
    assert other.title == f"Evenings in the North #2 - {wording.today()}"
    assert other.snapshot["title"] == other.title
    assert f"Episode 2 of {show.name}, {timezone.localdate().year}" in other.snapshot["description_template"]
    assert list(Mix.objects.filter(show=show).order_by("episode").values_list("episode", flat=True)) == [1, 2]
    show.refresh_from_db()
    assert show.next_number == 3


def test_an_episode_made_again_keeps_its_number(show):
    mix, _notes = episodes.start_episode(show)
    job = mix_requests.request_mix(mix)
    mix_requests.cancel(job)
    again = mix_requests.request_mix(Mix.objects.get(pk=mix.pk))
    assert again.pk != job.pk
    assert again.title == job.title
    show.refresh_from_db()
    assert show.next_number == 2


def test_a_title_of_ones_own_stays(show):
    mix, _notes = episodes.start_episode(show)
    mix = edits.edit(mix, None, "Renamed", lambda a: arrangement.change_settings(a, title="Live at sea"))
    assert mix_requests.request_mix(mix).title == "Live at sea"
    assert Mix.objects.get(pk=mix.pk).episode == 1


def test_a_refused_press_takes_no_number(show, settings):
    mix, _notes = episodes.start_episode(show)
    settings.LIMITS = replace(settings.LIMITS, jobs_running=0)
    with pytest.raises(LimitReached):
        mix_requests.request_mix(mix)
    assert Mix.objects.get(pk=mix.pk).episode is None
    show.refresh_from_db()
    assert show.next_number == 1


def test_a_number_that_was_given_by_hand_is_passed_over(alice, show):
    make_mix_row(alice, show=show, episode=1)
    make_mix_row(alice, show=show, episode=2)
    mix, _notes = episodes.start_episode(show)
    mix_requests.request_mix(mix)
    assert Mix.objects.get(pk=mix.pk).episode == 3
    show.refresh_from_db()
    assert show.next_number == 4


def test_the_database_refuses_a_number_twice(alice, show):
    make_mix_row(alice, show=show, episode=7)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_mix_row(alice, show=show, episode=7)


PRESSES = """
import threading
from django.db import connection
from mixes.models import Mix
from mixes.services.rendering import mix_requests
pks = list(Mix.objects.exclude(show=None).order_by("created_at").values_list("pk", flat=True))
gate = threading.Barrier(10)

def press(pk):
    gate.wait()
    mix_requests.request_mix(Mix.objects.get(pk=pk))
    connection.close()

threads = [threading.Thread(target=press, args=(pk,)) for pk in pks[{start}::2]]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
TWENTY = """
from accounts.models import User
from mixes.services.shows import episodes, presets
from mixes.tests.factories import make_mix_row, make_track_row
alice = User.objects.create_user("alice@example.org", "alice likes records")
show = presets.save_as_show(make_mix_row(alice))
presets.change_show(show, {}, intro=make_track_row(alice))
show.refresh_from_db()
for _ in range(20):
    episodes.start_episode(show)
"""


def test_twenty_presses_of_two_processes_take_twenty_numbers(tmp_path):
    site = Site(tmp_path)
    site.environment = {"MIXTAPE_USER_JOBS": "50"}
    site.must("migrate", "--verbosity", "0")
    site.must("shell", "-c", TWENTY)
    presses = [
        subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-c", PRESSES.replace("{start}", str(start))],
            cwd=ROOT,
            env=site.environ(),
        )
        for start in (0, 1)
    ]
    assert [press.wait(120) for press in presses] == [0, 0]
    taken = site.query("SELECT episode FROM mixes_mix WHERE show_id IS NOT NULL ORDER BY episode")
    titles = site.query("SELECT title FROM mixes_mixjob")
    assert [number for (number,) in taken] == list(range(1, 21))
    assert len(titles) == len(set(titles)) == 20
    assert site.query("SELECT next_number FROM mixes_show") == [(21,)]


@pytest.mark.parametrize(
    ("title", "name", "number"),
    [
        ("Evenings #12 - 3 May 2026", "Evenings", 12),
        ("Night Bus, episode 7", "Night Bus", 7),
        ("Ep. 3: Night Bus", "Ep. 3: Night Bus", None),  # the name is what stands before the number
        ("Summer of 1969", "Summer of 1969", None),
        ("Number one", "Number one", None),
    ],
)
def test_a_number_is_read_from_the_title(title, name, number):
    assert names.read_title(title) == (name, number)


def test_a_made_mix_becomes_the_first_episode(first):
    make_job_row(first, State.DONE)
    show = presets.save_as_show(first)
    first.refresh_from_db()
    assert (first.show, first.episode, show.next_number) == (show, 1, 2)


def test_what_is_gone_is_left_out_and_named(alice, show, first):
    Track.objects.filter(pk=show.intro_id).update(deleted_at=timezone.now())
    first.artwork.delete()
    show.refresh_from_db()
    mix, notes = episodes.start_episode(show)
    assert songs(mix) == [show.outro_id]
    assert mix.artwork is None
    assert len(notes) == 2
    assert show.intro.label in notes[0]


def test_names_without_a_value_stay_as_they_are():
    assert names.fill_in("{n} {tracklist} {", {"n": "{show}", "show": "no"}) == "{show} {tracklist} {"


def test_a_copy_without_songs_has_the_settings(first):
    copy = edits.duplicate_mix(first, with_songs=False)
    assert replace(arrangement_of(copy), title="") == replace(arrangement_of(first), title="", items=())
    assert items_of(copy) == []
