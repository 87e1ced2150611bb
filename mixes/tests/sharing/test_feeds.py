"""The podcast feed of a show: read as clients read it, its files played in ranges, its address ended."""

import io
import json
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID
from xml.etree import ElementTree

import feedparser
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from mixes.leases import State
from mixes.models import Artifact, Mix, Show
from mixes.pages.sharing.podcast_feed import ITUNES, PODCAST
from mixes.services import storage
from mixes.services.delivery.ranges import COUNTED_BYTES
from mixes.services.library.artwork import add_artwork
from mixes.services.sharing import feed_pictures, feeds
from mixes.services.shows import presets
from mixes.tests.factories import make_artifact_row, make_job_row, make_mix_row

pytestmark = pytest.mark.django_db
SOUND = bytes(range(256)) * 40
CHAPTERS = {"version": "1.2.0", "chapters": [{"startTime": 0, "title": "Aria"}]}
TEXT = "Deep & slow <3\n\n0:00 Aria\n0:52 Bolero\n"


def make_episode(mix, sound=SOUND, **fields):
    """Make a mix: a finished job with an MP3, chapters and a description."""
    job = make_job_row(mix, State.DONE, **fields)
    make_artifact_row(job, "mp3", sound)
    make_artifact_row(job, "chapters", json.dumps(CHAPTERS).encode())
    make_artifact_row(job, "description", TEXT.encode())
    return job


@pytest.fixture
def made(mix):
    """A show with its feed on, and one made episode that is not in it."""
    job = make_episode(mix)
    show = presets.save_as_show(mix)
    feeds.switch_feed(show, on=True)
    mix.refresh_from_db()
    return SimpleNamespace(show=show, mix=mix, job=job)


@pytest.fixture
def shared(made):
    """The same, with the episode in the feed."""
    feeds.put_in_feed(made.mix, wanted=True)
    return made


def read(show, **headers):
    return Client().get(reverse("mixes:feed", args=[show.feed_key]), headers=headers)


def parsed(show):
    answer = read(show)
    assert answer.status_code == 200
    found = feedparser.parse(answer.content)
    assert not found.bozo, found.get("bozo_exception")
    return found


def fetch(url, **headers):
    """Ask for an address of the feed as a client without cookies does."""
    return Client().get(url.removeprefix("http://127.0.0.1:8000"), headers=headers)


def test_a_feed_says_what_podcast_apps_ask_for(shared):
    presets.change_show(shared.show, {"artist": "Ada"}, description="Every Friday.", explicit=True)
    found = parsed(shared.show)
    channel, (episode,) = found.feed, found.entries
    assert found.version == "rss20"
    assert (channel.title, channel.subtitle, channel.author) == (shared.show.name, "Every Friday.", "Ada")
    assert (channel.language, channel.tags[0].term) == ("en", "Music")
    assert channel.itunes_block == 1  # Yes: not for directories
    assert channel.image.href.endswith(".jpg")
    own = next(link.href for link in channel.links if link.rel == "self")
    assert own == f"http://127.0.0.1:8000/feed/{shared.show.feed_key}/"
    assert (episode.id, episode.guidislink) == (f"urn:uuid:{shared.mix.pk}", False)
    assert (episode.title, episode.itunes_episode) == (shared.mix.title, "1")
    (sound,) = episode.enclosures
    assert (sound.type, int(sound.length)) == ("audio/mpeg", len(SOUND))
    timeline = shared.job.snapshot["timeline"]
    frames = shared.job.check_sheet["mp3"]["frames"]
    assert int(episode.itunes_duration) == round(frames / timeline["rate"])
    assert "Deep &amp; slow &lt;3" in episode.summary and "<br />0:52 Bolero" in episode.summary
    assert episode.podcast_chapters["type"] == "application/json+chapters"


def test_elements_of_the_namespaces_are_as_their_schema_says(shared):
    Show.objects.update(explicit=True)
    shared.show.refresh_from_db()
    channel = ElementTree.fromstring(read(shared.show).content)[0]
    names = {"podcast": PODCAST, "itunes": ITUNES}
    assert UUID(channel.findtext("podcast:guid", namespaces=names)).version == 5
    assert channel.findtext("podcast:block", namespaces=names) == "yes"
    assert channel.findtext("podcast:medium", namespaces=names) == "podcast"
    assert channel.findtext("itunes:explicit", namespaces=names) == "true"
    (item,) = channel.findall("item")
    chapters = item.find("podcast:chapters", names)
    assert set(chapters.attrib) == {"url", "type"} and not len(chapters) and not chapters.text
    assert float(item.findtext("podcast:episode", namespaces=names)) == 1
    guid = channel.findtext("podcast:guid", namespaces=names)
    feeds.renew_address(shared.show)
    again = ElementTree.fromstring(read(shared.show).content)[0]
    assert again.findtext("podcast:guid", namespaces=names) == guid


def test_the_sound_is_played_by_ranges_until_it_is_whole(shared):
    (sound,) = parsed(shared.show).entries[0].enclosures
    whole, step = b"", 4_000
    while len(whole) < int(sound.length):
        answer = fetch(sound.href, Range=f"bytes={len(whole)}-{len(whole) + step - 1}")
        part = b"".join(answer)
        assert answer.status_code == 206
        last = len(whole) + len(part) - 1
        assert answer["Content-Range"] == f"bytes {len(whole)}-{last}/{sound.length}"
        whole += part
    assert whole == SOUND
    head = Client().head(sound.href.removeprefix("http://127.0.0.1:8000"))
    assert (head["Content-Length"], head["Accept-Ranges"]) == (sound.length, "bytes")
    assert head["Content-Type"] == "audio/mpeg" and head["Access-Control-Allow-Origin"] == "*"
    assert fetch(sound.href, Range="bytes=999999-").status_code == 416
    assert fetch(sound.href, **{"If-None-Match": head["ETag"]}).status_code == 304


def test_chapters_are_those_of_the_episode_and_open_to_players_of_other_sites(shared):
    answer = fetch(parsed(shared.show).entries[0].podcast_chapters["url"])
    assert json.loads(b"".join(answer)) == CHAPTERS
    assert answer["Content-Type"] == "application/json+chapters"
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_made_again_an_episode_is_the_same_with_another_file(shared):
    before = parsed(shared.show).entries[0]
    again = make_episode(shared.mix, SOUND[:999])
    (after,) = parsed(shared.show).entries
    assert (after.id, after.published) == (before.id, before.published)
    assert int(after.enclosures[0].length) == 999
    assert b"".join(fetch(after.enclosures[0].href)) == SOUND[:999]
    assert b"".join(fetch(before.enclosures[0].href)) == SOUND  # a client may be in the middle of it
    again.delete()
    assert parsed(shared.show).entries[0].enclosures[0].href == before.enclosures[0].href


def test_only_episodes_that_were_put_into_the_feed_are_in_it(made):
    assert parsed(made.show).entries == []
    mp3 = made.job.artifacts.get(kind="mp3")
    address = reverse("mixes:feed_sound", args=[made.show.feed_key, mp3.pk])
    assert Client().get(address).status_code == 404
    feeds.put_in_feed(made.mix, wanted=True)
    assert Client().get(address).status_code == 200
    feeds.put_in_feed(made.mix, wanted=False)
    assert (parsed(made.show).entries, Client().get(address).status_code) == ([], 404)


@pytest.mark.parametrize("kind", ["mp4", "description", "timeline"])
def test_no_other_file_of_an_episode_can_be_fetched(shared, kind):
    artifact = shared.job.artifacts.filter(kind=kind).first() or make_artifact_row(shared.job, kind)
    for name in ("feed_sound", "feed_chapters"):
        assert Client().get(f"/feed/{shared.show.feed_key}/{artifact.pk}.mp3").status_code == 404
        assert (
            Client().get(reverse(f"mixes:{name}", args=[shared.show.feed_key, artifact.pk])).status_code
            == 404
        )


def test_files_of_another_show_need_its_own_address(shared, bob):
    other = make_mix_row(bob, "Tapes")
    theirs = make_episode(other)
    show = presets.save_as_show(other)
    feeds.switch_feed(show, on=True)
    feeds.put_in_feed(Mix.objects.get(pk=other.pk), wanted=True)
    mp3 = theirs.artifacts.get(kind="mp3")
    assert Client().get(reverse("mixes:feed_sound", args=[show.feed_key, mp3.pk])).status_code == 200
    for name, pk in (("feed_sound", mp3.pk), ("feed_picture", feed_pictures.picture_of(show))):
        assert Client().get(reverse(f"mixes:{name}", args=[shared.show.feed_key, pk])).status_code == 404


def everything(show):
    entry = parsed(show).entries[0]
    picture = reverse("mixes:feed_picture", args=[show.feed_key, feed_pictures.picture_of(show)])
    files = [entry.enclosures[0].href, entry.podcast_chapters["url"]]
    return [reverse("mixes:feed", args=[show.feed_key]), picture, *files]


def statuses(addresses):
    return {fetch(address).status_code for address in addresses}


def test_a_new_address_ends_the_old_one_with_all_its_files(as_alice, shared):
    old = everything(shared.show)
    as_alice.post(reverse("mixes:show_feed", args=[shared.show.pk]), {"renew": "1"})
    assert statuses(old) == {404}
    shared.show.refresh_from_db()
    new = everything(shared.show)
    assert statuses(new) == {200} and not set(old) & set(new)


def test_switched_off_and_on_the_address_is_the_same(as_alice, shared):
    address = reverse("mixes:show_feed", args=[shared.show.pk])
    all_of_it = everything(shared.show)
    as_alice.post(address, {"off": "1"})
    assert statuses(all_of_it) == {404}
    as_alice.post(address, {"on": "1"})
    assert statuses(all_of_it) == {200}


def test_a_feed_ends_with_its_show_its_owner_and_its_mix(shared, alice):
    all_of_it = everything(shared.show)
    alice.is_active = False
    alice.save()
    assert statuses(all_of_it) == {404}
    alice.is_active = True
    alice.save()
    Mix.objects.filter(pk=shared.mix.pk).update(deleted_at=timezone.now())
    assert (parsed(shared.show).entries, statuses(all_of_it[2:])) == ([], {404})
    Mix.objects.filter(pk=shared.mix.pk).update(deleted_at=None)
    presets.delete_show(shared.show)
    assert statuses(all_of_it) == {404}
    shared.mix.refresh_from_db()
    assert shared.mix.in_feed_since is None  # another show would have it in its feed otherwise


def test_an_unchanged_feed_is_not_sent_again(shared):
    first = read(shared.show)
    for headers in (
        {"If-None-Match": first["ETag"]},
        {"If-None-Match": f'"other", W/{first["ETag"]}'},
        {"If-Modified-Since": first["Last-Modified"]},
    ):
        answer = read(shared.show, **headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer["ETag"] == first["ETag"]
    assert read(shared.show).content == first.content
    assert read(shared.show, **{"Accept-Language": "de"}).content == first.content
    make_episode(shared.mix, SOUND[:999])
    assert read(shared.show, **{"If-None-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda made: presets.change_show(made.show, {}, description="Other words."),
        lambda made: feeds.put_in_feed(made.mix, wanted=False),
        lambda made: Mix.objects.filter(pk=made.mix.pk).update(deleted_at=timezone.now()),
        lambda made: make_episode(made.mix),
    ],
)
def test_every_change_is_later_than_the_one_before(shared, change):
    old = timezone.now() - timedelta(days=2)
    Show.objects.update(updated_at=old)
    Mix.objects.update(in_feed_since=old)
    Artifact.objects.update(created_at=old)
    shared.show.refresh_from_db()
    before = read(shared.show)["Last-Modified"]
    change(shared)
    answer = read(shared.show, **{"If-Modified-Since": before})
    assert (answer.status_code, answer["Last-Modified"] != before) == (200, True)


def test_characters_that_xml_cannot_hold_do_not_break_the_feed(shared):
    Show.objects.update(name="A \x0b\x01<b>&", description="\x0c]]>\ufffe\U0001f3b6")
    storage.path_of(shared.job.artifacts.get(kind="description").file).write_text("\x0b\x00 <script>&")
    shared.show.refresh_from_db()
    found = parsed(shared.show)
    assert found.feed.title == "A <b>&" and found.feed.subtitle == "]]>\U0001f3b6"
    assert "<script>" not in found.entries[0].summary


def test_a_description_that_is_gone_leaves_the_episode_in_the_feed(shared):
    storage.remove(shared.job.artifacts.get(kind="description").file)
    assert parsed(shared.show).entries[0].summary == ""


def test_the_picture_is_square_and_is_drawn_once(shared, monkeypatch):
    address = parsed(shared.show).feed.image.href
    answer = fetch(address)
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (1400, 1400))
    monkeypatch.setattr(feed_pictures, "draw", None)
    assert fetch(address).content == answer.content
    assert fetch(address, **{"If-None-Match": answer["ETag"]}).status_code == 304
    presets.change_show(shared.show, {}, name="Another name")
    shared.show.refresh_from_db()
    assert parsed(shared.show).feed.image.href != address
    assert fetch(address).status_code == 404


def test_an_episode_with_its_own_picture_has_it_in_the_feed(alice, made):
    content = io.BytesIO()
    Image.new("RGB", (600, 300), (200, 30, 30)).save(content, "PNG")
    artwork = add_artwork(alice, SimpleUploadedFile("red.png", content.getvalue()))
    made.mix.artwork = artwork
    made.mix.save()
    make_episode(made.mix)
    feeds.put_in_feed(made.mix, wanted=True)
    address = parsed(made.show).entries[0].image.href
    assert str(artwork.pk) in address
    picture = Image.open(io.BytesIO(fetch(address).content))
    assert picture.size == (1400, 1400) and picture.getpixel((700, 700))[0] > 180
    feeds.put_in_feed(made.mix, wanted=False)
    assert fetch(address).status_code == 404


def test_listeners_are_counted_by_their_address(shared, settings):
    settings.LIMITS = type(settings.LIMITS)(downloads_at_once=1)
    artifact = shared.job.artifacts.get(kind="mp3")
    storage.path_of(artifact.file).write_bytes(b"x" * (COUNTED_BYTES + 1))
    address = reverse("mixes:feed_sound", args=[shared.show.feed_key, artifact.pk])
    first = Client(REMOTE_ADDR="192.0.2.1").get(address)
    assert Client(REMOTE_ADDR="192.0.2.1").get(address).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.2").get(address).status_code == 200
    first.close()


def test_a_feed_costs_few_queries_however_long_it_is(shared, alice, django_assert_max_num_queries):
    for number in range(2, 6):
        mix = make_mix_row(alice, f"Number {number}", tracks=2)
        Mix.objects.filter(pk=mix.pk).update(show=shared.show, episode=number)
        make_episode(mix)
        feeds.put_in_feed(Mix.objects.get(pk=mix.pk), wanted=True)
    with django_assert_max_num_queries(7):
        assert len(parsed(shared.show).entries) == 5


# Pages


def test_the_page_of_a_show_has_a_switch_an_address_and_a_button_for_each_episode(as_alice, made):
    page = reverse("mixes:show", args=[made.show.pk])
    html = as_alice.get(page).content.decode()
    assert f"http://127.0.0.1:8000/feed/{made.show.feed_key}/</pre>" in html
    assert '<copy-button for="feed-address">' in html and "Get a new address" in html
    assert "Put it into the feed" in html
    answer = as_alice.post(reverse("mixes:mix_feed", args=[made.mix.pk]), {"in": "1"})
    assert answer.url == f"{page}#feed-title"
    html = as_alice.get(page).content.decode()
    assert "1 episode is in it." in html and "Take it out of the feed" in html
    as_alice.post(reverse("mixes:show_feed", args=[made.show.pk]), {"off": "1"})
    html = as_alice.get(page).content.decode()
    assert made.show.feed_key not in html and "Switch the feed on" in html


def test_the_page_of_a_result_puts_its_episode_into_the_feed(as_alice, made):
    page = reverse("mixes:job_detail", args=[made.job.pk])
    assert "Put it into the feed" in as_alice.get(page).content.decode()
    answer = as_alice.post(
        reverse("mixes:mix_feed", args=[made.mix.pk]), {"in": "1", "job": str(made.job.pk)}
    )
    assert answer.url == page
    assert "Take it out of the feed" in as_alice.get(page).content.decode()


def test_a_mix_without_a_show_is_in_no_feed(as_alice, mix):
    as_alice.post(reverse("mixes:mix_feed", args=[mix.pk]), {"in": "1"})
    mix.refresh_from_db()
    assert mix.in_feed_since is None


def test_copies_and_new_episodes_are_not_in_the_feed(as_alice, shared):
    as_alice.post(reverse("mixes:mix_duplicate", args=[shared.mix.pk]))
    as_alice.post(reverse("mixes:new_episode", args=[shared.show.pk]))
    assert Mix.objects.filter(in_feed_since__isnull=False).count() == 1
