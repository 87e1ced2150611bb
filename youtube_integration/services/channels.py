"""Connect, check and disconnect YouTube channels."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from mixes.leases import ENDED, OPEN, State, ended, requeued
from mixes.queues import PUBLISH, wake
from youtube_integration.google.types import (
    PLAYLIST_SCOPE,
    READ_SCOPE,
    UPLOAD_SCOPE,
    Channel,
    ConsentRefused,
    GrantLost,
    Refused,
    Tokens,
    Unreachable,
)
from youtube_integration.models import HELD, YouTubeCredential, YouTubePublication
from youtube_integration.problems import MAY_BE_THERE
from youtube_integration.security.sealing import owner_key
from youtube_integration.security.token_keys import cipher
from youtube_integration.services.credentials import api_for, mark_reconnect, seal_tokens
from youtube_integration.services.revocations import retry_revocations, revoke_later

logger = logging.getLogger(__name__)

REQUIRED_SCOPES = (UPLOAD_SCOPE, READ_SCOPE)
ALL_SCOPES = (*REQUIRED_SCOPES, PLAYLIST_SCOPE)  # includes the other two
CONSENT_TIMEOUT_S = 1800  # after this time the consent must be started again
CHECK_EVERY = timedelta(days=7)
TESTING_LIFE = timedelta(days=7)  # lifetime of a grant while the Google project is in state “Testing”
CHANNEL_RETENTION = timedelta(days=30)  # YouTube's developer policies: refreshed or deleted within 30 days
LOST_GRANT_RETENTION = timedelta(days=7)  # the same policies: data of a lost grant are deleted within 7 days

Pending = dict[str, Any]  # kept in the session until Google's answer

NOT_BEGUN = gettext_lazy(
    "This connection was not started here, or too long ago. Nothing was changed: press Connect."
)
REFUSALS = {
    "access_denied": gettext_lazy("You said no at Google, so nothing is connected. Nothing was changed."),
    "no_refresh_token": gettext_lazy(
        "Google gave no lasting permission. Remove this site on Google's page of connections, then connect "
        "again."
    ),
    "unreachable": gettext_lazy("Google could not be reached. Nothing was changed: try again in a while."),
    "invalid_client": gettext_lazy(
        "Google does not know this site's keys. Please tell the operator of this site; nothing was changed."
    ),
}
REFUSED = gettext_lazy("Google did not confirm it. Nothing was changed: press Connect to try again.")
BOX_UNTICKED = gettext_lazy(
    "A box was left unticked at Google. To publish, Mixtape must be allowed to upload videos and to see your "
    "channel: connect again and leave all boxes ticked."
)
NO_CHANNEL = gettext_lazy(
    "This Google account has no YouTube channel. Make one on youtube.com, then connect again."
)
NOT_ENABLED = gettext_lazy(
    "Google says that this site may not use YouTube yet. Please tell its operator; nothing was changed."
)


class NotConnected(Exception):
    """No channel was connected; str() is a sentence for the user."""


def callback_address() -> str:
    return settings.SITE_URL + reverse("youtube:callback")


def begin_connection(user: User, *, playlists: bool) -> tuple[str, Pending]:
    """Return the URL of Google's consent page, and the values to keep in the session. Raises NotConnected."""
    from youtube_integration.google import client  # imported here: Google's libraries take 40 MB and 0.7 s

    try:
        cipher()
    except ImproperlyConfigured as error:  # fail before the user grants anything
        logger.error("No channel can be connected: %s", error)
        raise NotConnected(NOT_ENABLED) from None
    scopes = ALL_SCOPES if playlists else REQUIRED_SCOPES
    consent = client.begin_consent(callback_address(), scopes)
    return consent.url, {
        "user": user.pk,
        "state": consent.state,
        "verifier": consent.verifier,
        "scopes": list(scopes),
        "begun_s": timezone.now().timestamp(),
    }


def finish_connection(user: User, pending: Pending | None, query: str) -> YouTubeCredential:
    """Connect a channel with the answer of the consent page. Raises NotConnected."""
    from youtube_integration.google import client  # imported here: Google's libraries take 40 MB and 0.7 s

    if (
        pending is None
        or pending["user"] != user.pk
        or timezone.now().timestamp() - pending["begun_s"] > CONSENT_TIMEOUT_S
    ):
        raise NotConnected(NOT_BEGUN)
    address = callback_address()
    try:
        tokens = client.finish_consent(
            address, pending["scopes"], pending["state"], pending["verifier"], f"{address}?{query}"
        )
    except ConsentRefused as error:
        logger.warning("A channel was not connected: %s", error.reason)
        raise NotConnected(REFUSALS.get(error.reason, REFUSED)) from None
    try:
        return store_grant(user, tokens, channel_of(tokens))
    except NotConnected:
        revoke_unused(user, tokens)
        raise


def channel_of(tokens: Tokens) -> Channel:
    """Return the channel of a new grant. Raises NotConnected with the reason."""
    from youtube_integration.google import client  # imported here: Google's libraries take 40 MB and 0.7 s

    if PLAYLIST_SCOPE not in tokens.scopes and not set(REQUIRED_SCOPES) <= set(tokens.scopes):
        raise NotConnected(BOX_UNTICKED)
    api = client.connect_api(tokens, lambda fresh: None)
    try:
        return api.channel()
    except Refused as error:
        logger.warning("A channel was not connected: %s %s", error.status, error.reason)
        raise NotConnected(_why_no_channel(error)) from None
    except Unreachable:
        raise NotConnected(REFUSALS["unreachable"]) from None
    except GrantLost:
        raise NotConnected(REFUSED) from None
    finally:
        api.close()


def _why_no_channel(error: Refused) -> str:
    if error.reason == "youtubeSignupRequired":
        return str(NO_CHANNEL)
    if error.reason == "insufficientPermissions":
        return str(BOX_UNTICKED)
    if error.reason in ("accessNotConfigured", "SERVICE_DISABLED"):
        logger.error("The YouTube Data API v3 is not enabled in this site's project at Google.")
        return str(NOT_ENABLED)
    return str(REFUSED)


@transaction.atomic
def store_grant(user: User, tokens: Tokens, channel: Channel) -> YouTubeCredential:
    """Store the grant and resume publications that waited for it. Raises NotConnected."""
    User.objects.select_for_update().get(pk=user.pk)  # serialises two answers that arrive at once
    open_rows = YouTubePublication.objects.filter(owner=user, state__in=OPEN)
    if other := open_rows.exclude(channel_id=channel.id).first():
        text = _(
            "You chose the channel “%(new)s”, but something is still on its way to “%(old)s”. Nothing was "
            "changed: connect again and choose “%(old)s”, or cancel that upload first."
        )
        raise NotConnected(text % {"new": channel.title, "old": other.channel_title})
    now = timezone.now()
    grant = {
        "scopes": list(tokens.scopes),
        "sealed_tokens": seal_tokens(user.pk, tokens),
        "state": YouTubeCredential.State.ACTIVE,
        "granted_at": now,
        "last_ok_at": now,
        "lost_at": None,
    }
    credential, _made = YouTubeCredential.objects.update_or_create(
        user=user, defaults=grant | channel_columns(channel)
    )
    open_rows.update(credential=credential)
    wake(PUBLISH)
    return credential


def channel_columns(channel: Channel) -> dict[str, Any]:
    return {
        "channel_id": channel.id,
        "channel_title": channel.title[:200],
        "channel_picture": channel.picture[:500],
        "uploads_playlist": channel.uploads_playlist,
        "long_uploads": channel.long_uploads[:20],
        "channel_read_at": timezone.now(),
    }


def revoke_unused(user: User, tokens: Tokens) -> None:
    """Revoke an unused grant, unless Google treats it as the same grant as the connected one."""
    if not YouTubeCredential.objects.filter(user=user).exists():
        revoke_later(owner_key(user.pk), seal_tokens(user.pk, tokens))


def may_use_playlists(credential: YouTubeCredential) -> bool:
    return PLAYLIST_SCOPE in credential.scopes


@transaction.atomic
def disconnect(credential: YouTubeCredential) -> None:
    """Disconnect a channel: cancel its publications, delete YouTube's data, revoke the grant."""
    end_publications(credential)
    credential.delete()  # `end_grant` in apps.py then revokes the grant


def end_publications(credential: YouTubeCredential) -> None:
    """Cancel open publications of a channel, and delete YouTube's data from those that have a video."""
    owned = YouTubePublication.objects.filter(owner=credential.user_id, channel_id=credential.channel_id)
    rows = owned.filter(state__in=OPEN)
    rows.exclude(video_id=None).update(**ended(State.DONE), phase=YouTubePublication.Phase.PUBLISHED)
    rows.filter(video_id=None, final_sent_at__isnull=False).update(
        **requeued(),
        phase=YouTubePublication.Phase.NEEDS_REVIEW,
        not_before=HELD,
        error_code="maybe_there",
        message=str(MAY_BE_THERE),
    )
    for pk in rows.filter(final_sent_at=None).values_list("pk", flat=True):
        YouTubePublication.objects.request_cancel(pk)
    owned.filter(state__in=ENDED).update(channel_title="")
    owned.filter(state__in=(State.DONE, State.CANCELLED)).update(sealed_session="")
    owned.update(processing={}, privacy_actual="", google_reason="")


def read_channel(credential: YouTubeCredential) -> None:
    """Read the channel from YouTube, which also tests its grant. Raises GrantLost, Unreachable, Refused."""
    api = api_for(credential)
    try:
        channel = api.channel()
    finally:
        api.close()
    if channel.id != credential.channel_id:
        raise GrantLost("another_channel")
    YouTubeCredential.objects.filter(pk=credential.pk, channel_id=channel.id).update(
        **channel_columns(channel), last_ok_at=timezone.now()
    )


def maintain_grants() -> None:
    """Test each grant weekly, delete expired data, retry revocations; called hourly."""
    now = timezone.now()
    retry_revocations()
    active = YouTubeCredential.objects.filter(state=YouTubeCredential.State.ACTIVE).select_related("user")
    for credential in active.filter(channel_read_at__lt=now - CHECK_EVERY):
        check_grant(credential)
    YouTubeCredential.objects.filter(channel_read_at__lt=now - CHANNEL_RETENTION).update(
        channel_title="", channel_picture="", uploads_playlist="", long_uploads=""
    )
    for credential in YouTubeCredential.objects.filter(lost_at__lt=now - LOST_GRANT_RETENTION):
        disconnect(credential)


def check_grant(credential: YouTubeCredential) -> None:
    """Test one grant; mail its owner when it is lost."""
    try:
        read_channel(credential)
    except GrantLost:
        if mark_reconnect(credential):
            mail_lost_grant(credential)
    except (Unreachable, Refused) as error:
        logger.warning("The channel of user %s could not be read: %s", credential.user_id, error)


def mail_lost_grant(credential: YouTubeCredential) -> None:
    if not settings.HAS_MAIL:
        return
    subject = _("Your YouTube channel is no longer connected")
    text = _(
        "Google has ended the permission to publish to “%(channel)s”. If you want to keep publishing from "
        "here, connect it again within a week:\n\n%(address)s\n\nAfter that, what this site knows of the "
        "channel is deleted. Your videos on YouTube stay as they are.\n"
    )
    words = {"channel": credential.channel_title, "address": settings.SITE_URL + reverse("youtube:channel")}
    try:
        send_mail(subject, text % words, from_email=None, recipient_list=[credential.user.email])
    except OSError:  # includes the errors of smtplib
        logger.warning("The mail about a lost grant could not be sent.", exc_info=True)
