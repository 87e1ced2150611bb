"""Listen links: what others hear and see by them, in frames of other sites, and how they end."""

import io
import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from mixes.leases import State
from mixes.models import Mix, MixJob, ShareLink
from mixes.services.maintenance import account_data
from mixes.services.sharing import share_links
from mixes.tests.factories import make_artifact_row, make_job_row
from mixes.views.sharing import listen

pytestmark = pytest.mark.django_db
SOUND = bytes(range(256)) * 40
SITE = "http://127.0.0.1:8000"


@pytest.fixture
def job(mix):
    Mix.objects.filter(pk=mix.pk).update(artist="Ada", title='Night "Bus" <3')
    mix.refresh_from_db()
    job = make_job_row(mix, State.DONE)
    make_artifact_row(job, "mp3", SOUND)
    return job


@pytest.fixture
def link(job):
    return share_links.share(job, days=7, may_download=False)


def address(link, name="listen"):
    return reverse(f"mixes:{name}", args=[link.key])


def ask(path, **headers):
    return Client().get(path, headers=headers)


def ask_oembed(url, **more):
    return Client().get(reverse("mixes:oembed"), {"url": url, **more})


def test_the_owner_makes_changes_and_ends_a_link(as_alice, as_bob, job):
    card = reverse("mixes:job_share", args=[job.pk])
    page = reverse("mixes:job_detail", args=[job.pk])
    assert "Make a link" in as_alice.get(page).content.decode()
    assert as_bob.post(card, {"days": "7"}).status_code == 404
    assert as_alice.post(card, {"days": "7"}).url == f"{page}#share-title"
    link = ShareLink.objects.get()
    assert abs(link.ends_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    html = as_alice.get(page).content.decode()
    assert f"{SITE}/listen/{link.key}/</pre>" in html
    assert f"&lt;iframe src=&quot;{SITE}/listen/{link.key}/embed/&quot;" in html
    as_alice.post(card, {"days": "0", "may_download": "on"})
    changed = ShareLink.objects.get()
    assert (changed.key, changed.ends_at, changed.may_download) == (link.key, None, True)
    as_alice.post(card, {"days": "12345"})
    assert ShareLink.objects.get().ends_at is None
    as_alice.post(card, {"end": "1"})
    assert not ShareLink.objects.exists()
    assert ask(address(link)).status_code == 404


def test_a_mix_without_a_file_gets_no_link(as_alice, mix):
    job = make_job_row(mix)
    as_alice.post(reverse("mixes:job_share", args=[job.pk]), {"days": "7"})
    assert not ShareLink.objects.exists()


def test_the_page_shows_title_and_songs_and_nothing_else_of_its_owner(link, alice, job):
    answer = ask(address(link))
    html = answer.content.decode()
    for words in ("Night &quot;Bus&quot; &lt;3", "Ada", "Aria", "Bolero", "Canon"):
        assert words in html
    secrets = (alice.email, str(job.pk), str(job.mix_id), str(job.artifacts.get().pk))
    assert not [secret for secret in secrets if secret in html]
    assert "Download" not in html
    assert answer["X-Robots-Tag"] == "noindex, nofollow" and 'name="robots" content="noindex' in html
    assert f'<meta property="og:image" content="{SITE}{address(link, "listen_picture")}">' in html
    sound = address(link, "listen_sound")
    assert f'src="{sound}"' in html and re.search(rf'href="{sound}#t=\d+', html)


def test_the_sound_is_played_by_ranges(link):
    path = address(link, "listen_sound")
    answer = ask(path, Range="bytes=100-199")
    assert (answer.status_code, b"".join(answer)) == (206, SOUND[100:200])
    assert answer["Content-Range"] == f"bytes 100-199/{len(SOUND)}"
    whole = ask(path)
    assert b"".join(whole) == SOUND and whole["Content-Disposition"].startswith("inline")


def test_plays_are_counted_once_for_each_listener(link):
    path = address(link, "listen_sound")
    asked = (("1", ""), ("1", "bytes=0-"), ("2", "bytes=0-"), ("3", "bytes=500-"), ("4", "bytes=0-1"))
    for client, part in asked:
        Client(REMOTE_ADDR=f"192.0.2.{client}").get(path, headers={"Range": part} if part else {})
    Client(REMOTE_ADDR="192.0.2.5").head(path)
    link.refresh_from_db()
    assert link.plays == 2


def test_the_file_is_downloaded_only_where_its_owner_says_so(link, job):
    path = address(link, "listen_download")
    assert ask(path).status_code == 404
    share_links.share(job, days=7, may_download=True)
    answer = ask(path)
    assert answer["Content-Disposition"].startswith("attachment") and b"".join(answer) == SOUND
    assert path in ask(address(link)).content.decode()


NAMES = ("listen", "listen_embed", "listen_sound", "listen_picture")


def statuses(link):
    found = {ask(address(link, name)).status_code for name in NAMES}
    return found | {ask_oembed(SITE + address(link)).status_code}


def test_a_link_ends_with_its_time_its_owner_its_mix_and_its_result(link, alice, job):
    assert statuses(link) == {200}
    for model, ending in (
        (ShareLink, {"ends_at": timezone.now() - timedelta(seconds=1)}),
        (type(alice), {"is_active": False}),
        (Mix, {"deleted_at": timezone.now()}),
    ):
        before = {name: model.objects.values_list(name, flat=True).first() for name in ending}
        model.objects.update(**ending)
        assert statuses(link) == {404}
        model.objects.update(**before)
    assert statuses(link) == {200}
    MixJob.objects.all().delete()
    assert statuses(link) == {404} and not ShareLink.objects.exists()


def test_only_the_player_may_be_shown_in_frames_of_other_sites(as_alice, link, job):
    embed = ask(address(link, "listen_embed"))
    policy = [part.strip() for part in embed["Content-Security-Policy"].split(";")]
    assert "frame-ancestors *" in policy and "default-src 'none'" in policy
    assert "X-Frame-Options" not in embed
    assert "<form" not in embed.content.decode() and not embed.cookies
    pages = (
        ask(address(link)),
        ask("/"),
        ask(reverse("account_login")),
        ask(reverse("mixes:listen_embed", args=["nobody"])),
        as_alice.get(reverse("mixes:job_detail", args=[job.pk])),
    )
    for page in pages:
        assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
        assert page["X-Frame-Options"] == "DENY"


def test_the_player_shows_the_same_to_its_owner_and_to_others(as_alice, link):
    path = address(link, "listen_embed")
    assert as_alice.get(path).content == ask(path).content


def test_oembed_is_found_from_the_page_and_gives_the_player(link):
    found = re.search(
        r'<link rel="alternate"\s+type="application/json\+oembed"[^>]*href="([^"]+)"',
        ask(address(link)).content.decode(),
    )
    url = urlsplit(found[1].replace("&amp;", "&"))
    assert parse_qs(url.query) == {"url": [SITE + address(link)], "format": ["json"]}
    answer = Client().get(url.path, QUERY_STRING=url.query)
    said = json.loads(answer.content)
    assert answer["Content-Type"] == "application/json"
    assert (said["version"], said["type"], said["title"]) == ("1.0", "rich", 'Night "Bus" <3')
    assert (said["author_name"], said["provider_name"]) == ("Ada", "Mixtape")
    frame = f'<iframe src="{SITE}{address(link, "listen_embed")}" width="640" height="360"'
    assert said["html"].startswith(frame)
    assert 'title="Night &quot;Bus&quot; &lt;3"' in said["html"]
    picture = ask(urlsplit(said["thumbnail_url"]).path)
    size = Image.open(io.BytesIO(picture.content)).size
    assert size == (said["thumbnail_width"], said["thumbnail_height"])


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({"maxwidth": "320"}, (320, 360)),
        ({"maxheight": "200", "maxwidth": "9999999999999"}, (640, 200)),
        ({"maxwidth": "0", "maxheight": "-3"}, (640, 360)),
        ({"maxwidth": "\u0663", "maxheight": ""}, (640, 360)),
    ],
)
def test_oembed_keeps_to_the_room_there_is(link, more, size):
    said = ask_oembed(SITE + address(link), **more).json()
    assert (said["width"], said["height"]) == size
    assert f'width="{size[0]}" height="{size[1]}"' in said["html"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://[",
        "x",
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/listen/x/",
        "http://127.0.0.1:8000/nowhere",
    ],
)
def test_oembed_answers_for_links_of_this_site_alone(link, url):
    assert ask_oembed(url).status_code == 404
    assert ask_oembed(f"https://other.example.org{address(link)}").status_code == 404
    assert ask_oembed(SITE + address(link, "listen_sound")).status_code == 404


def test_oembed_says_that_it_speaks_json_only(link):
    assert ask_oembed(SITE + address(link), format="xml").status_code == 501


def test_a_client_that_asks_too_often_waits(link, monkeypatch):
    monkeypatch.setattr(listen, "MOST_REQUESTS", 2)
    cache.clear()
    found = [Client(REMOTE_ADDR="192.0.2.9").get(address(link)) for _ in range(3)]
    assert [answer.status_code for answer in found] == [200, 200, 429]
    assert found[2]["Retry-After"]
    assert Client(REMOTE_ADDR="192.0.2.10").get(address(link)).status_code == 200


def test_export_and_deletion_of_an_account_include_links(alice, link):
    (row,) = account_data.rows_of(account_data.tables_of(alice)["share_links"])
    assert (row["key"], row["plays"]) == (link.key, 0)
    with account_data.erasing(alice):
        pass
    assert not ShareLink.objects.exists()
