"""Every URL of the site: its response to anonymous users, other users and the owner.

A URL that is not in the table fails the test: a new one must state here who may see it.
"""

import itertools
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from api.services import tokens, webhooks
from mixes.leases import State
from mixes.models import (
    AnalysisJob,
    Artifact,
    Artwork,
    Mix,
    MixJob,
    MixTrack,
    Preview,
    Revision,
    Show,
    Track,
    Upload,
)
from mixes.services import storage
from mixes.services.sharing import feed_pictures, feeds, share_links
from mixes.services.shows import presets
from mixes.tests.factories import make_artwork_row, make_job_row, make_mix_row, make_track_row
from youtube_integration.models import YouTubePublication

pytestmark = pytest.mark.django_db
User = get_user_model()

EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SIGN_IN = "sign in"  # redirect to sign-in, and back afterwards
READ, FORM, WRITE = "GET HEAD", "GET HEAD POST", "POST"

# name: methods, then the first method's response to anonymous, other user, owner
OURS = {
    "home": (READ, 200, 302, 302),
    "healthz": (READ, 200, 200, 200),
    "readyz": (READ, 503, 503, 503),  # no worker runs here
    "metrics": (READ, 404, 404, 404),  # switched off here
    "status": (READ, SIGN_IN, 404, 404),  # operators only
    "favicon": (READ, 200, 200, 200),
    "mixes:mix_list": (READ, SIGN_IN, 200, 200),
    "mixes:mix_create": (WRITE, SIGN_IN, 302, 302),
    "mixes:mix_demo": (WRITE, SIGN_IN, 302, 302),
    "mixes:mix_detail": (READ, SIGN_IN, 404, 200),
    "mixes:mix_state": (FORM, SIGN_IN, 404, 200),
    "mixes:mix_rehearsal": (READ, SIGN_IN, 404, 200),
    "mixes:mix_rows": (WRITE, SIGN_IN, 404, 200),
    "mixes:names": (FORM, SIGN_IN, 404, 200),
    "mixes:order": (FORM, SIGN_IN, 404, 200),
    "mixes:song": (READ, SIGN_IN, 404, 200),
    "mixes:mix_wave": (READ, SIGN_IN, 404, 200),
    "mixes:track_wave": (READ, SIGN_IN, 404, 200),
    "mixes:mix_edit": (WRITE, SIGN_IN, 404, 422),
    "mixes:mix_settings": (WRITE, SIGN_IN, 404, 422),
    "mixes:mix_look": (FORM, SIGN_IN, 404, 200),
    "mixes:mix_video": (WRITE, SIGN_IN, 404, 422),
    "mixes:mix_frame": (READ, SIGN_IN, 404, 200),
    "mixes:mix_add": (FORM, SIGN_IN, 404, 200),
    "mixes:mix_duplicate": (WRITE, SIGN_IN, 404, 302),
    "mixes:mix_delete": (WRITE, SIGN_IN, 404, 302),
    "mixes:mix_restore": (WRITE, SIGN_IN, 404, 302),
    "mixes:join": (FORM, SIGN_IN, 404, 200),
    "mixes:join_preview": (WRITE, SIGN_IN, 404, 302),
    "mixes:save_as_show": (WRITE, SIGN_IN, 404, 302),
    "mixes:take_over": (WRITE, SIGN_IN, 404, 302),
    "mixes:show_import": (FORM, SIGN_IN, 200, 200),
    "mixes:show": (FORM, SIGN_IN, 404, 200),
    "mixes:new_episode": (WRITE, SIGN_IN, 404, 302),
    "mixes:show_picture": (WRITE, SIGN_IN, 404, 302),
    "mixes:show_intro": (FORM, SIGN_IN, 404, 200),
    "mixes:show_outro": (FORM, SIGN_IN, 404, 200),
    "mixes:show_file": (READ, SIGN_IN, 404, 200),
    "mixes:show_delete": (WRITE, SIGN_IN, 404, 302),
    "mixes:show_feed": (WRITE, SIGN_IN, 404, 302),
    "mixes:mix_feed": (WRITE, SIGN_IN, 404, 302),
    "mixes:feed": (READ, 200, 200, 200),  # the address is a secret
    "mixes:feed_sound": (READ, 200, 200, 200),
    "mixes:feed_chapters": (READ, 404, 404, 404),  # a mix without them
    "mixes:feed_picture": (READ, 200, 200, 200),
    "mixes:job_share": (WRITE, SIGN_IN, 404, 302),
    "mixes:listen": (READ, 200, 200, 200),  # the address is a secret
    "mixes:listen_embed": (READ, 200, 200, 200),
    "mixes:listen_sound": (READ, 200, 200, 200),
    "mixes:listen_download": (READ, 200, 200, 200),
    "mixes:listen_picture": (READ, 200, 200, 200),
    "mixes:oembed": (READ, 404, 404, 404),  # without the address of a link
    "mixes:bin": (READ, SIGN_IN, 200, 200),
    "mixes:track_list": ("GET", SIGN_IN, 200, 200),
    "mixes:track_states": ("GET", SIGN_IN, 200, 200),
    "mixes:track_edit": ("GET POST", SIGN_IN, 404, 200),
    "mixes:track_music": (WRITE, SIGN_IN, 404, 302),
    "mixes:track_row": ("GET", SIGN_IN, 404, 200),
    "mixes:track_delete": (WRITE, SIGN_IN, 404, 200),  # asks for confirmation: a mix uses it
    "mixes:track_restore": (WRITE, SIGN_IN, 404, 302),
    "mixes:track_retry": (WRITE, SIGN_IN, 404, 302),
    "mixes:track_original": (READ, SIGN_IN, 404, 200),
    "mixes:track_detail": (READ, SIGN_IN, 404, 200),
    "mixes:track_preview": ("GET POST", SIGN_IN, 404, 302),
    "mixes:upload_create": ("POST", 401, 412, 412),
    "mixes:upload_form": (WRITE, SIGN_IN, 302, 302),
    "mixes:upload": ("HEAD PATCH DELETE", 401, 404, 200),
    "mixes:upload_remove": (WRITE, SIGN_IN, 404, 302),
    "mixes:preview_status": ("GET", SIGN_IN, 404, 200),
    "mixes:preview_file": (READ, SIGN_IN, 404, 200),
    "mixes:artwork": (WRITE, SIGN_IN, 404, 302),
    "mixes:artwork_image": (READ, SIGN_IN, 404, 200),
    "mixes:mix_make": (WRITE, SIGN_IN, 404, 302),
    "mixes:job_detail": (READ, SIGN_IN, 404, 200),
    "mixes:job_status": (READ, SIGN_IN, 404, 302),
    "mixes:job_cancel": (WRITE, SIGN_IN, 404, 302),
    "mixes:job_retry": (WRITE, SIGN_IN, 404, 302),
    "mixes:job_delete": (WRITE, SIGN_IN, 404, 302),
    "mixes:job_mail": (WRITE, SIGN_IN, 404, 302),
    "mixes:job_timeline": (READ, SIGN_IN, 404, 200),
    "mixes:versions": (READ, SIGN_IN, 404, 200),
    "mixes:version_name": (WRITE, SIGN_IN, 404, 302),
    "mixes:version_back": (WRITE, SIGN_IN, 404, 422),
    "mixes:job_songs": (READ, SIGN_IN, 404, 302),  # its MP3 is none
    "mixes:job_tracklist": (READ, SIGN_IN, 404, 200),
    "mixes:artifact": (READ, SIGN_IN, 404, 200),
    "mixes:artifact_download": (READ, SIGN_IN, 404, 200),
    "youtube:playlists": (READ, SIGN_IN, 200, 200),
    "youtube:make": (WRITE, SIGN_IN, 404, 302),
    "youtube:publish": (FORM, SIGN_IN, 404, 302),  # to the kit: publishing is not set up here
    "youtube:chapters": (WRITE, SIGN_IN, 404, 200),
    "youtube:look_again": (WRITE, SIGN_IN, 404, 302),
    "youtube:thumbnail": (READ, SIGN_IN, 404, 200),
    "youtube:kit": (READ, SIGN_IN, 404, 200),
    "youtube:kit_zip": (READ, SIGN_IN, 404, 200),
    "youtube:publication": (READ, SIGN_IN, 404, 200),
    "youtube:publication_thumbnail": (READ, SIGN_IN, 404, 302),
    "youtube:status": (READ, SIGN_IN, 404, 302),
    "youtube:cancel": (WRITE, SIGN_IN, 404, 302),
    "youtube:resume": (WRITE, SIGN_IN, 404, 302),
    "youtube:review": (WRITE, SIGN_IN, 404, 302),
    "youtube:edit": (FORM, SIGN_IN, 404, 200),
    "accounts:profile": (FORM, SIGN_IN, 200, 200),
    "accounts:export": (FORM, SIGN_IN, 200, 200),
    "accounts:delete": (FORM, SIGN_IN, 200, 200),
    "accounts:first": (FORM, 404, 404, 404),  # not a valid link
    "youtube:channel": (READ, SIGN_IN, 200, 200),
    "youtube:connect": (WRITE, SIGN_IN, 302, 302),
    "youtube:callback": ("GET", SIGN_IN, 302, 302),  # no connection was started
    "youtube:disconnect": (WRITE, SIGN_IN, 302, 302),
    "youtube:setup": (READ, SIGN_IN, 404, 404),  # operators only
    "privacy": (READ, 200, 200, 200),
    "terms": (READ, 200, 200, 200),
    "robots": (READ, 200, 200, 200),
    "manifest": (READ, 200, 200, 200),
}
# The API: clients send a token, and without one a cookie counts for nothing
ANY = " ".join(EVERY_METHOD)
API = {
    "access:tokens": (FORM, SIGN_IN, 200, 200),
    "access:token_remove": (WRITE, SIGN_IN, 404, 302),
    "access:webhooks": (FORM, SIGN_IN, 200, 200),
    "access:webhook": (FORM, SIGN_IN, 404, 200),
    "access:webhook_remove": (WRITE, SIGN_IN, 404, 302),
    "access:delivery_again": (WRITE, SIGN_IN, 404, 302),
    "api:openapi": (READ, 200, 200, 200),
    "api:docs": (READ, 200, 200, 200),
    "api:nothing": (ANY, 404, 404, 404),
    "api:api-root": (ANY, 404, 404, 404),
    "api:upload_create": ("POST", 401, 412, 412),
    "api:upload": ("HEAD PATCH DELETE", 401, 404, 200),
    "api:me": ("GET", 401, 200, 200),
    "api:track_list": ("GET", 401, 200, 200),
    "api:track_from_form": ("POST", 401, 422, 422),
    "api:track": ("GET PATCH DELETE", 401, 404, 200),
    "api:track_change": ("PATCH GET DELETE", 401, 404, 200),
    "api:track_remove": ("DELETE GET PATCH", 401, 404, 409),  # a mix uses it
    "api:track_retry": ("POST", 401, 404, 200),
    "api:track_file": ("GET", 401, 404, 200),
    "api:mix_list": ("GET POST", 401, 200, 200),
    "api:mix_create": ("POST GET", 401, 201, 201),
    "api:mix": ("GET PATCH DELETE", 401, 404, 200),
    "api:mix_change": ("PATCH GET DELETE", 401, 404, 200),
    "api:mix_remove": ("DELETE GET PATCH", 401, 404, 204),
    "api:mix_tracks": ("PUT", 401, 404, 200),
    "api:join_list": ("GET", 401, 404, 200),
    "api:join_change": ("PATCH DELETE", 401, 404, 200),
    "api:join_reset": ("DELETE PATCH", 401, 404, 200),
    "api:job_list": ("GET", 401, 200, 200),
    "api:job_create": ("POST", 401, 404, 201),
    "api:job": ("GET DELETE", 401, 404, 200),
    "api:job_remove": ("DELETE GET", 401, 404, 204),
    "api:job_cancel": ("POST", 401, 404, 200),
    "api:job_retry": ("POST", 401, 404, 200),
    "api:job_artifacts": ("GET", 401, 404, 200),
    "api:job_timeline": ("GET", 401, 404, 200),
    "api:job_checks": ("GET", 401, 404, 200),
    "api:artifact": ("GET", 401, 404, 200),
    "api:artifact_file": (READ, 401, 404, 200),
    "api:artifact_head": ("HEAD GET", 401, 404, 200),
    "api:show_list": ("GET", 401, 200, 200),
    "api:show": ("GET", 401, 404, 200),
    "api:episode_create": ("POST", 401, 404, 422),  # of a track that is not there
    "api:episode_make": ("POST", 401, 404, 422),
    "api:webhook_list": ("GET POST", 401, 200, 200),
    "api:webhook_create": ("POST GET", 401, 201, 201),
    "api:webhook_remove": ("DELETE", 401, 404, 204),
    "api:webhook_deliveries": ("GET", 401, 404, 200),
    "api:webhook_test": ("POST", 401, 404, 204),
    "api:publication_list": ("GET", 401, 200, 200),
    "api:publication": ("GET", 401, 404, 200),
    "api:publication_create": ("POST", 401, 404, 409),  # publishing is not set up here
    "api:publication_cancel": ("POST", 401, 404, 200),
}
BODIES = {
    "api:mix_tracks": {"tracks": []},
    "api:publication_create": {"made_for_kids": False},
    "api:episode_create": {"tracks": [str(uuid.UUID(int=0))]},
    "api:episode_make": {"tracks": [str(uuid.UUID(int=0))]},
    "api:webhook_create": {"url": "https://hooks.example.org/", "events": ["job.done"]},
}
OURS |= API
# django-allauth's URLs: they contain no ids, except links that are secrets themselves
SIGNING_IN = {
    "accounts/password/reset/": ("GET", 404, 404, 404),  # no mail is set up here
    "accounts/email/": ("GET", SIGN_IN, 200, 200),
    "accounts/google/login/token/": ("POST", 404, 404, 404),  # not set up here
    "account_login": ("GET", 200, 302, 302),
    "account_logout": ("GET", 302, 200, 200),
    "account_inactive": ("GET", 200, 200, 200),
    "account_signup": ("GET", 200, 302, 302),
    "account_reauthenticate": ("GET", SIGN_IN, 200, 200),
    "account_email": ("GET", SIGN_IN, 200, 200),
    "account_email_verification_sent": ("GET", 200, 200, 200),
    "account_change_password": ("GET", SIGN_IN, 200, 200),
    "account_set_password": ("GET", SIGN_IN, 302, 302),
    "account_reset_password": ("GET", 404, 404, 404),
    "account_confirm_login_code": ("GET", 302, 302, 302),
    "account_confirm_email": ("GET", 200, 200, 200),
    "account_reset_password_from_key_done": ("GET", 200, 200, 200),
    "account_reset_password_from_key": ("GET", 200, 200, 200),
    "account_reset_password_done": ("GET", 200, 200, 200),
    "socialaccount_login_cancelled": ("GET", 200, 200, 200),
    "socialaccount_login_error": ("GET", 401, 401, 401),
    "socialaccount_signup": ("GET", 302, 302, 302),
    "socialaccount_connections": ("GET", SIGN_IN, 200, 200),
    "accounts/social/login/cancelled/": ("GET", 301, 301, 301),
    "accounts/social/login/error/": ("GET", 301, 301, 301),
    "accounts/social/signup/": ("GET", 301, 301, 301),
    "accounts/social/connections/": ("GET", 301, 301, 301),
    "google_login": ("GET", 404, 404, 404),  # not set up here
    "google_callback": ("GET", 404, 404, 404),
    "google_login_by_token": ("POST", 404, 404, 404),
    "usersessions_list": ("GET", SIGN_IN, 200, 200),
}
TABLE = OURS | SIGNING_IN
ARGUMENTS = {
    "accounts:first": ["never-printed"],
    "account_confirm_email": ["never-sent"],
    "account_reset_password_from_key": ["1", "never-sent"],
}
OBJECTS = {"mix_pk": "mix", "item_pk": "item", "track_pk": "track", "upload_pk": "upload", "job_pk": "job"}
OBJECTS |= {"show_pk": "show", "publication_pk": "publication", "drawn": "drawing"}
OBJECTS |= {f"{name}_id": name for name in ("mix", "item", "track", "job", "artifact", "show")}
OBJECTS |= {"publication_id": "publication"}
OBJECTS |= {"token_pk": "token", "rest": "nowhere", "delivery_pk": "delivery"}
OBJECTS |= {"webhook_pk": "webhook", "webhook_id": "webhook"}
OBJECTS |= {"moment": "moment", "form": "tracklist"}
OBJECTS |= {"key": "share", "picture_pk": "cover"}
OBJECTS |= {"preview_pk": "preview", "artwork_pk": "artwork", "artifact_pk": "artifact"}
OTHERS = {
    **{f"mixes:{name}": {"key": "feed"} for name in ("feed", "feed_sound", "feed_chapters", "feed_picture")},
    "mixes:mix_restore": {"mix_pk": "binned"},
    "mixes:track_restore": {"track_pk": "gone"},
}


def walk(patterns, route="", space="") -> Iterator[tuple[str, URLPattern, str]]:
    """Yield name, pattern and route of every URL below `patterns`."""
    for entry in patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from walk(entry.url_patterns, here, inner)
        else:
            yield f"{space}{entry.name or here}", entry, here


ALL = list(walk(get_resolver().url_patterns))
PATTERNS = {name: pattern for name, pattern, _route in ALL}


@pytest.fixture
def things(alice):
    """Create one of everything that alice can own."""
    mix = make_mix_row(alice)
    job = make_job_row(mix, State.DONE, files=("mp3",))
    coming = make_track_row(alice, state=Track.State.UPLOADING)
    week = timezone.now() + timedelta(days=7)
    track, artwork = mix.items.first().track, make_artwork_row(alice)
    for name in (track.file, artwork.shown_file, "previews/aa/1"):
        storage.path_of(name).parent.mkdir(parents=True, exist_ok=True)
        storage.path_of(name).write_bytes(b"bytes of alice")
    webhook = webhooks.create_endpoint(alice, "https://hooks.example.org/", ["job.done"])[0]
    webhooks.send_test(webhook)
    show = presets.save_as_show(mix)
    feeds.switch_feed(show, on=True)
    mix.refresh_from_db()
    feeds.put_in_feed(mix, wanted=True)
    return SimpleNamespace(
        webhook=webhook,
        delivery=webhook.deliveries.get(),
        mix=mix,
        binned=Mix.objects.create(owner=alice, title="Old", deleted_at=timezone.now()),
        item=MixTrack.objects.get(mix=mix, position=0),
        track=track,
        gone=make_track_row(alice, deleted_at=timezone.now()),
        upload=Upload.objects.create(owner=alice, track=coming, size=10, expires_at=week),
        preview=Preview.objects.create(
            owner=alice,
            kind=Preview.Kind.TRACK,
            key="0" * 64,
            recipe={"tracks": [str(track.pk)]},
            queue="short",
            state=State.DONE,
            finished_at=timezone.now(),
            file="previews/aa/1",
        ),
        artwork=artwork,
        moment=SimpleNamespace(pk="start"),
        show=show,
        feed=SimpleNamespace(pk=show.feed_key),
        share=SimpleNamespace(pk=share_links.share(job, days=0, may_download=True).key),
        cover=SimpleNamespace(pk=feed_pictures.picture_of(show)),
        tracklist=SimpleNamespace(pk="csv"),
        drawing=SimpleNamespace(pk="0123456789abcdef"),
        nowhere=SimpleNamespace(pk="nowhere"),
        token=tokens.create_token(alice, "A script", ["read"], days=None)[0],
        job=job,
        artifact=job.artifacts.get(),
        publication=YouTubePublication.objects.create(
            owner=alice, queue="publish", mix=mix, job=job, title="Evenings", channel_id="UC1"
        ),
    )


@pytest.fixture(autouse=True)
def tokens_sent(alice, bob, as_alice, as_bob):
    """Let the clients of alice and bob send a token, which the pages ignore."""
    for user, client in ((alice, as_alice), (bob, as_bob)):
        _row, secret = tokens.create_token(user, "test", tokens.SCOPES, days=None)
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"


def address_of(name, things):
    if name not in PATTERNS or name.startswith("accounts/"):
        return f"/{name}"
    if name in ARGUMENTS:
        return reverse(name, args=ARGUMENTS[name])
    which = OBJECTS | OTHERS.get(name, {})
    converters = PATTERNS[name].pattern.converters
    return reverse(name, kwargs={key: getattr(things, which[key]).pk for key in converters})


def ask(client, method, address, name=""):
    tus = {"Tus-Resumable": "1.0.0"} if method == "HEAD" else {}
    body = (json.dumps(BODIES.get(name, {})), "application/json") if name.startswith("api:") else ()
    answer = client.generic(method, address, *body, headers=tus)
    if (
        answer.status_code == 302
        and answer.url.startswith(reverse("account_login"))
        and ("next=" in answer.url or method != "GET")  # sign-in must not return to a form's own URL
    ):
        return SIGN_IN
    return answer.status_code


def test_every_url_is_in_the_table():
    ours = {name for name, _pattern, _route in ALL if not name.startswith("admin:")}
    assert ours == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_each_url_answers_each_user_as_the_table_says(name, as_nobody, as_bob, as_alice, things, settings):
    settings.SIGNUP_OPEN = True
    methods, *wanted = TABLE[name]
    address, method = address_of(name, things), methods.split()[0]
    assert [ask(client, method, address, name) for client in (as_nobody, as_bob, as_alice)] == wanted


@pytest.mark.parametrize("name", OURS)
def test_other_methods_are_refused(name, as_alice, things):
    address, allowed = address_of(name, things), OURS[name][0].split()
    refused = [method for method in EVERY_METHOD if method not in allowed]
    assert {method: ask(as_alice, method, address) for method in refused} == dict.fromkeys(refused, 405)


@pytest.mark.parametrize("name", [name for name in OURS if PATTERNS[name].pattern.converters])
def test_a_missing_object_answers_like_another_users_object(name, as_bob):
    converters = PATTERNS[name].pattern.converters
    texts = {"token": "x", "rest": "x", "key": "x"}
    address = reverse(name, kwargs={key: texts.get(key, uuid.uuid4()) for key in converters})
    assert ask(as_bob, OURS[name][0].split()[0], address, name) == 404


def test_the_admin_is_closed_to_other_users(as_nobody, as_bob):
    routes = [route for name, _pattern, route in ALL if name.startswith("admin:")]
    addresses = [f"/{plain_route(route)}" for route in routes]
    assert len(addresses) > 50
    for address in addresses:
        assert ask(as_nobody, "GET", address) in (302, SIGN_IN), address
        assert ask(as_bob, "GET", address) in (302, 403), address


def plain_route(route):
    """Return a URL that matches a route of the admin."""
    if "(?P<app_label>" in route:
        return "admin/mixes/"
    if "(?P<url>" in route:
        return "admin/nowhere/"
    parts = ("1" if part.startswith("<") else part for part in route.split("/"))
    return "/".join(parts)


# Forms of other sites (CSRF)


CHANGING = ("POST", "PUT", "PATCH", "DELETE")
# requests that change something when sent by our own pages
FORM_BODY = urlencode(
    {"title": "Taken over", "confirmed": "1", "version": "0", "undo": "1", "email": "mallory@example.org"}
)
FORM_TYPE = "application/x-www-form-urlencoded"
LEFT_ALONE = {  # django-allauth's: they change nothing by themselves, or carry their own proof
    "google_login_by_token",  # Google's own double-submit cookie
}


def everything():
    """Return all rows, to detect a change; the last-seen time of a session does not count."""
    ours = (
        Mix,
        MixTrack,
        MixJob,
        Show,
        Track,
        Upload,
        Preview,
        Artwork,
        Artifact,
        Revision,
        AnalysisJob,
        User,
    )
    rows = {model.__name__: sorted(map(repr, model.objects.order_by("pk").values())) for model in ours}
    return rows, sorted(storage.stored_names((*storage.STORED_FOLDERS, storage.UPLOADS)))


def test_a_cross_site_form_changes_nothing(alice, things):
    """Post to every URL with alice's cookies and without the CSRF token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get(reverse("accounts:profile"))  # the first request notes the session
    before = everything()
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Offset": "0"}
    ways = ({}, {**tus, "Upload-Metadata": "filename YQ=="}, {"HX-Request": "true"})
    for name, method, headers in itertools.product(TABLE, CHANGING, ways):
        answer = client.generic(method, address_of(name, things), FORM_BODY, FORM_TYPE, headers=headers)
        # without a token nobody is signed in to the API
        allowed = (
            {401, 403, 404, 405}
            if name.startswith("api:")
            else {403, 405}
            if name in OURS
            else {301, 302, 403, 404, 405}
        )
        assert answer.status_code in allowed or name in LEFT_ALONE, (name, method, answer.status_code)
    assert everything() == before


def test_safe_methods_change_nothing(as_alice, things, settings):
    """GET and HEAD, as a link or image in a mail would send."""
    settings.SIGNUP_OPEN = True
    as_alice.get(reverse("accounts:profile"))
    for name in TABLE:
        before = everything()
        for method in ("GET", "HEAD", "OPTIONS"):
            as_alice.generic(method, address_of(name, things), QUERY_STRING=FORM_BODY)
        after = everything()
        if name == "mixes:track_preview":  # a GET starts a preview, which loses nothing
            before[0]["Preview"] = after[0]["Preview"]
        assert after == before, name


def test_the_admin_refuses_cross_site_forms(alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    routes = {plain_route(route) for name, _pattern, route in ALL if name.startswith("admin:")}
    for route in sorted(routes):
        assert client.post(f"/{route}", {"post": "yes"}).status_code in (302, 403, 404, 405), route
    assert User.objects.filter(pk=alice.pk).exists()


# Response headers of files


FILES = {  # name: type, and whether it is shown inline or downloaded
    "mixes:artifact": ("audio/mpeg", "inline"),
    "mixes:artifact_download": ("audio/mpeg", "attachment"),
    "mixes:track_original": ("application/octet-stream", "attachment"),
    "mixes:preview_file": ("audio/mp4", "inline"),
    "mixes:artwork_image": ("image/jpeg", "inline"),
    "api:artifact_file": ("audio/mpeg", "attachment"),
    "api:track_file": ("application/octet-stream", "attachment"),
    "admin:mixes_artifact_file": ("audio/mpeg", "attachment"),
}


def check_headers(answer, *, in_frames=False):
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.get("X-Frame-Options") == (None if in_frames else "DENY")
    assert answer["Referrer-Policy"] == "same-origin"
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == ("*" if in_frames else "'none'")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", ["", "bytes=0-3"])
def test_files_have_safe_headers_and_are_never_html(name, part, alice, as_alice, things):
    alice.is_staff = alice.is_superuser = True  # operators' files need an operator
    alice.save()
    hostile = b"<html><script>alert(1)</script>"
    for file in (things.track.file, things.artwork.shown_file, "previews/aa/1", things.artifact.file):
        storage.path_of(file).write_bytes(hostile)
    address = (
        reverse(name, args=[things.artifact.pk]) if name.startswith("admin") else address_of(name, things)
    )
    answer = as_alice.get(address, headers={"Range": part} if part else {})
    assert answer.status_code == (206 if part else 200)
    assert b"".join(answer) == (hostile[:4] if part else hostile)
    kind, disposition = FILES[name]
    shown_as = answer.headers.get("Content-Disposition", "inline").split(";")[0]
    assert (answer["Content-Type"], shown_as) == (kind, disposition)
    check_headers(answer)


def test_every_response_has_the_csp(as_alice, as_nobody, things):
    for name in TABLE:
        for client in (as_alice, as_nobody):
            check_headers(client.get(address_of(name, things)), in_frames=name == "mixes:listen_embed")
