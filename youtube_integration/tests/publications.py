"""Factories for publications, and helpers that run them like a worker."""

import hashlib
import os
import secrets
from datetime import timedelta

from django.utils import timezone

from mixes.jobs.runner import run_claimed
from mixes.leases import State
from mixes.services import storage
from youtube_integration.google.types import PLAYLIST_SCOPE, READ_SCOPE, UPLOAD_SCOPE, Tokens
from youtube_integration.jobs import queue
from youtube_integration.models import HELD, YouTubeCredential, YouTubePublication
from youtube_integration.services.credentials import seal_tokens

SCOPES = (UPLOAD_SCOPE, READ_SCOPE)
ALL_SCOPES = (*SCOPES, PLAYLIST_SCOPE)
BLOCK = 262_144
MOST_RUNS = 60


def give_tokens(google, scopes=SCOPES):
    """Return tokens that the stand-in has granted."""
    access, refresh = google.give_grant(scopes)
    return Tokens(access, refresh, timezone.now() + timedelta(hours=1), tuple(scopes))


def connect(google, owner, scopes=SCOPES):
    """Connect the channel of `owner`, for the first time or again."""
    now = timezone.now()
    credential, _ = YouTubeCredential.objects.update_or_create(
        user=owner,
        defaults={
            "channel_id": google.manner.channel_id,
            "channel_title": google.manner.channel_title,
            "sealed_tokens": seal_tokens(owner.pk, give_tokens(google, scopes)),
            "scopes": list(scopes),
            "state": YouTubeCredential.State.ACTIVE,
            "granted_at": now,
            "channel_read_at": now,
        },
    )
    return credential


def make_publication(credential, *, size=10 * BLOCK + 77, thumbnail=False, sparse=False, **fields):
    """Return a publication with its file, ready for upload; a sparse file uses no disk space."""
    publication = YouTubePublication(
        owner=credential.user,
        queue="publish",
        credential=credential,
        channel_id=credential.channel_id,
        channel_title=credential.channel_title,
        dedupe_key=f"youtube:{credential.channel_id}:{secrets.token_hex(4)}",
        **{"title": "Evenings in the North", "description": "0:00 A\n1:00 B\n2:00 C", **fields},
    )
    folder = storage.scratch_path("publish", publication.pk)
    folder.mkdir(parents=True)
    content = b"" if sparse else os.urandom(size)
    (folder / "video.mp4").write_bytes(content)
    os.truncate(folder / "video.mp4", size)
    name = f"scratch/publish-{publication.pk.hex}"
    publication.file = f"{name}/video.mp4"
    publication.size = size
    publication.sha256 = hashlib.sha256(content).hexdigest()
    publication.changed_ns = (folder / "video.mp4").stat().st_mtime_ns
    if thumbnail:
        (folder / "thumbnail.jpg").write_bytes(b"\xff\xd8 a picture")
        publication.thumbnail, publication.thumbnail_state = f"{name}/thumbnail.jpg", "wanted"
    publication.save(force_insert=True)
    return publication


def run_once(publication, kind=queue.KIND):
    """Run a due row once, as a worker does; return it as it is then."""
    rows = YouTubePublication.objects
    token = rows.claim(publication.pk, "w:1")
    assert token, (publication.state, publication.attempt, publication.error_text)
    run_claimed(kind, publication.pk, token, beats=False)
    publication.refresh_from_db()
    return publication


def drive(publication, *, most=MOST_RUNS):
    """Run a row until it ends or waits for a person, skipping its delays; return those delays.

    A wait is (error code, phase, seconds).
    """
    waits = []
    rows = YouTubePublication.objects.filter(pk=publication.pk)
    rows.exclude(not_before=HELD).update(not_before=None)
    for _ in range(most):
        run_once(publication)
        if publication.state != State.QUEUED or publication.not_before == HELD:
            return waits
        if publication.not_before:
            seconds = (publication.not_before - timezone.now()).total_seconds()
            waits.append((publication.error_code, publication.phase, round(seconds)))
            rows.update(not_before=None)
    raise AssertionError(f"the publication does not end: {waits}")


def set_active(user, is_active):
    type(user).objects.filter(pk=user.pk).update(is_active=is_active)


def uploaded_bytes(google):
    """Return the number of bytes received in all chunks, stored or not."""
    return sum(session.received for session in google.sessions.values())
