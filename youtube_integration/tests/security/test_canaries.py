"""Secrets planted in every place that stores one must not appear in logs, pages, database or files."""

import io
import logging
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.urls import URLPattern, get_resolver, reverse

from mixes.queues import PUBLISH
from mixes.tests.factories import make_job_row, make_mix_row
from youtube_integration.models import PendingRevocation, YouTubeCredential, YouTubePublication
from youtube_integration.security.sealing import owner_key, seal
from youtube_integration.services.channels import maintain_grants
from youtube_integration.services.credentials import api_for, tokens_of
from youtube_integration.tests.journeys import begin, connect
from youtube_integration.tests.standin import CLIENT_SECRET

pytestmark = pytest.mark.django_db
SESSION = "https://youtube.googleapis.com/upload?upload_id=canary-of-a-session"


@pytest.fixture
def operator(alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return alice


def plain_pages():
    """Return the URL of every page of the site and the admin that needs no argument."""
    names = [
        entry.name for entry in get_resolver().url_patterns if isinstance(entry, URLPattern) and entry.name
    ]
    apps = {
        "youtube": "channel setup",
        "accounts": "profile export delete",
        "mixes": "mix_list track_list bin",
    }
    names += [f"{app}:{name}" for app, of in apps.items() for name in of.split()]
    names += ["account_email", "socialaccount_connections", "usersessions_list", "admin:index"]
    return [reverse(name) for name in names if name not in ("favicon", "healthz")]


def pages_of(models):
    for model in models:
        place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{place}_changelist")
        for row in model.objects.all():
            for page in ("change", "delete", "history"):
                yield reverse(f"{place}_{page}", args=[row.pk])


def everything_of(client, addresses):
    texts = []
    for address in addresses:
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        texts.append(f"{address} {answer.status_code} {answer.headers} " + body.decode(errors="replace"))
    return texts


def database_dump():
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    if connection.vendor == "sqlite":
        out.write("\n".join(connection.connection.iterdump()))
    return out.getvalue()


def live_through_it_all(client, google, owner):
    """Connect, refresh, fail in every way, wait; return all secrets created on the way."""
    codes = []
    for trouble in ("", "denied", "token", "channels", "forged"):
        google.manner.denies = trouble == "denied"
        if trouble in ("token", "channels"):
            google.fail(trouble, status=500, reason="backendError", times=1)
        path = begin(client)
        codes += list(google.codes)
        client.get(path.replace("state=", "state=x") if trouble == "forged" else path)
        client.get(path)
    connect(client)
    credential = YouTubeCredential.objects.get(user=owner)
    before = tokens_of(credential)
    google.expire_tokens()
    api_for(credential).channel()
    after = tokens_of(YouTubeCredential.objects.get())
    assert after.access != before.access
    return [
        CLIENT_SECRET,
        *codes,
        before.access,
        before.refresh,
        after.access,
        *google.access,
        *google.refresh,
    ]


def test_no_secret_is_in_logs_pages_database_or_files(
    operator, as_alice, google, settings, caplog, capfd, django_capture_on_commit_callbacks
):
    cache.clear()
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("django", "mixtape", "accounts", "allauth", "youtube_integration"):
            caplog.set_level(logging.DEBUG, logger=name)
    secrets = live_through_it_all(as_alice, google, operator)
    job = make_job_row(make_mix_row(operator), "done", files=("mp3",))
    YouTubePublication.objects.create(
        owner=operator,
        queue=PUBLISH,
        job=job,
        channel_id="UCstandin",
        title="Evening",
        sealed_session=seal(owner_key(operator.pk), {"address": SESSION}),
    )
    google.fail("revoke", status=500, times=2)
    with django_capture_on_commit_callbacks(execute=True):
        PendingRevocation.objects.create(
            sealed_tokens=YouTubeCredential.objects.get().sealed_tokens,
            owner_key=owner_key(operator.pk),
            not_before="2020-01-01T00:00Z",
        )
        maintain_grants()
    secrets += ["canary-of-a-session", *YouTubeCredential.objects.values_list("sealed_tokens", flat=True)]
    models = (YouTubeCredential, YouTubePublication, PendingRevocation)
    pages = everything_of(as_alice, [*plain_pages(), *pages_of(m for m in models if is_in_admin(m))])
    assert sum(" 200 " in page[:200] for page in pages) > 15
    captured = capfd.readouterr()
    places = {
        "pages": "\n".join(pages),
        "logs": caplog.text + captured.out + captured.err,
        "files": "\n".join(texts_below(Path(settings.MEDIA_ROOT), Path(settings.DATA_DIR))),
    }
    assert len(places["logs"]) > 1000
    places["database"] = database_dump()
    sealed = set(YouTubeCredential.objects.values_list("sealed_tokens", flat=True))
    hits = [
        (place, secret)
        for place, text in places.items()
        for secret in secrets
        if secret in text and not (place == "database" and secret in sealed)
    ]
    assert hits == []


def is_in_admin(model):
    from django.contrib import admin

    return admin.site.is_registered(model)


def texts_below(*folders):
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes().decode(errors="replace")
