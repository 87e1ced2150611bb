"""Stored grants: encrypted, bound to their owner, refreshed, checked weekly, revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import services
from mixes.leases import State
from mixes.queues import PUBLISH
from mixtape_site.configuration.keys import read_or_make_key
from youtube_integration.google.types import GrantLost, Tokens
from youtube_integration.models import PendingRevocation, YouTubeCredential, YouTubePublication
from youtube_integration.security.sealing import SealBroken, owner_key, seal, unseal
from youtube_integration.security.token_keys import key_path
from youtube_integration.services.channels import maintain_grants
from youtube_integration.services.credentials import (
    api_for,
    mark_reconnect,
    seal_tokens,
    store_tokens,
    tokens_of,
)
from youtube_integration.tests.journeys import connect, connected

pytestmark = pytest.mark.django_db
TOKENS = Tokens("ya29.canary", "1//canary", datetime(2030, 1, 1, tzinfo=UTC), ("a", "b"))


@pytest.fixture
def credential(alice, as_alice, google):
    return connected(alice, as_alice)


def kept():
    return YouTubeCredential.objects.get()


def days_ago(days):
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def keys_of_the_site(settings):
    return read_or_make_key(settings.DATA_DIR / "keys" / "secret_key")


def lose_the_key():
    key_path().write_text(Fernet.generate_key().decode())


def test_a_sealed_value_opens_for_its_owner_only(alice, bob):
    sealed = seal(owner_key(alice.pk), {"refresh": "1//canary"})
    assert "canary" not in sealed
    assert unseal(owner_key(alice.pk), sealed) == {"refresh": "1//canary"}
    with pytest.raises(SealBroken):
        unseal(owner_key(bob.pk), sealed)
    for broken in ("", "rubbish", sealed[:-4], sealed.swapcase()):
        with pytest.raises(SealBroken):
            unseal(owner_key(alice.pk), broken)


def test_the_database_holds_no_token(credential):
    tokens = tokens_of(credential)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM youtube_integration_youtubecredential")
        row = repr(cursor.fetchall())
    assert tokens.access not in row and tokens.refresh not in row and "1//" not in row


def test_tokens_are_not_printed(credential):
    tokens = tokens_of(credential)
    assert tokens.refresh not in repr(tokens) and tokens.refresh not in repr(credential.__dict__)


def test_a_row_copied_to_another_user_cannot_be_decrypted(credential, bob, as_bob, google):
    connect(as_bob)
    YouTubeCredential.objects.filter(user=bob).update(sealed_tokens=credential.sealed_tokens)
    theirs = YouTubeCredential.objects.get(user=bob)
    with pytest.raises(GrantLost):
        api_for(theirs)
    theirs.refresh_from_db()
    assert theirs.state == "reconnect"
    assert as_bob.get("/youtube/").status_code == 200
    assert YouTubeCredential.objects.get(user=credential.user).state == "active"


def test_a_lost_key_asks_to_reconnect_without_an_error(credential, as_alice, google):
    lose_the_key()
    assert as_alice.get("/youtube/").status_code == 200
    with pytest.raises(GrantLost):
        api_for(kept())
    assert kept().state == "reconnect"
    assert "to be connected again" in as_alice.get("/youtube/").content.decode()
    assert "is connected" in connect(as_alice)
    assert kept().state == "active" and api_for(kept()).channel().id == "UCstandin"


def test_a_channel_with_a_lost_key_can_be_disconnected(
    credential, as_alice, google, django_capture_on_commit_callbacks
):
    lose_the_key()
    with django_capture_on_commit_callbacks(execute=True):
        as_alice.post(reverse("youtube:disconnect"))
    assert not YouTubeCredential.objects.exists() and not PendingRevocation.objects.exists()


def test_rotated_keys_decrypt_older_values(credential, keys_of_the_site):
    before = tokens_of(credential)
    call_command("rotate_keys")
    assert kept().sealed_tokens != credential.sealed_tokens
    assert tokens_of(kept()) == before
    call_command("rotate_keys", check=True)


def test_a_refreshed_token_is_stored(credential, google):
    google.expire_tokens()
    assert api_for(kept()).channel().id == "UCstandin"
    assert tokens_of(kept()).access != tokens_of(credential).access
    assert tokens_of(kept()).refresh == tokens_of(credential).refresh


def test_a_refresh_token_changed_by_google_is_stored(credential, google):
    google.manner.rotates_refresh = True
    for _ in range(2):
        google.expire_tokens()
        assert api_for(kept()).channel().id == "UCstandin"
    assert tokens_of(kept()).refresh in google.refresh


def test_a_long_job_stores_refreshed_tokens_while_keys_are_rotated(credential, google, keys_of_the_site):
    api = api_for(credential)
    call_command("rotate_keys")
    google.expire_tokens()
    api.channel()
    assert tokens_of(kept()).access in google.access


def test_an_older_job_does_not_overwrite_a_new_grant(credential, as_alice, google):
    connect(as_alice)
    fresh = kept().sealed_tokens
    assert not store_tokens(credential, TOKENS)
    assert not mark_reconnect(credential)
    assert kept().sealed_tokens == fresh and kept().state == "active"


def test_a_lost_grant_is_marked(credential, google):
    google.end_grants()
    google.expire_tokens()
    with pytest.raises(GrantLost):
        api_for(kept()).channel()
    assert mark_reconnect(kept()) and kept().state == "reconnect" and kept().lost_at
    with pytest.raises(GrantLost):  # without another call to Google
        api_for(kept())


def test_each_grant_is_tried_once_a_week(credential, google):
    google.manner.channel_title = "New Name"
    maintain_grants()
    assert kept().channel_title == "DJ Channel" and len(google.asked("GET", "/channels")) == 1
    YouTubeCredential.objects.update(channel_read_at=days_ago(8))
    maintain_grants()
    maintain_grants()
    assert kept().channel_title == "New Name" and len(google.asked("GET", "/channels")) == 2
    assert kept().channel_read_at > days_ago(1)


def test_a_lost_grant_is_reported_by_mail_once(credential, google, settings, mailoutbox):
    settings.HAS_MAIL = True
    google.end_grants()
    YouTubeCredential.objects.update(channel_read_at=days_ago(8))
    maintain_grants()
    maintain_grants()
    (message,) = mailoutbox
    assert message.to == ["alice@example.org"] and "“DJ Channel”" in message.body
    assert "http://127.0.0.1:8000/youtube/" in message.body
    assert kept().state == "reconnect"


def test_a_grant_for_another_channel_is_not_used(credential, google):
    google.manner.channel_id = "UCother"
    YouTubeCredential.objects.update(channel_read_at=days_ago(8))
    maintain_grants()
    assert (kept().state, kept().channel_id) == ("reconnect", "UCstandin")


def test_a_network_error_does_not_mark_the_grant_as_lost(credential, google):
    google.fail("channels", drop="rst", times=9)
    YouTubeCredential.objects.update(channel_read_at=days_ago(8))
    maintain_grants()
    assert kept().state == "active" and kept().channel_title == "DJ Channel"


def test_youtubes_data_are_deleted_when_not_refreshed_for_30_days(credential, google):
    google.fail("channels", status=500, times=9)
    YouTubeCredential.objects.update(channel_read_at=days_ago(31), channel_picture="https://yt3.ggpht.com/a")
    maintain_grants()
    assert (kept().channel_title, kept().channel_picture, kept().long_uploads) == ("", "", "")
    assert kept().state == "active"


def test_a_lost_grant_is_deleted_after_a_week(credential, alice, google):
    waiting = YouTubePublication.objects.create(owner=alice, channel_id="UCstandin", queue=PUBLISH, title="E")
    YouTubeCredential.objects.update(state="reconnect", lost_at=days_ago(6))
    maintain_grants()
    assert YouTubeCredential.objects.exists()
    YouTubeCredential.objects.update(lost_at=days_ago(8))
    maintain_grants()
    assert not YouTubeCredential.objects.exists()
    waiting.refresh_from_db()
    assert waiting.state == State.CANCELLED


def test_a_failed_revocation_is_retried_later(credential, google, django_capture_on_commit_callbacks):
    google.fail("revoke", status=500, times=2)
    with django_capture_on_commit_callbacks(execute=True):
        credential.delete()
    maintain_grants()
    assert len(google.asked("POST", "/revoke")) == 1  # not at once
    for tries in (1, 2):
        PendingRevocation.objects.update(not_before=days_ago(0))
        assert PendingRevocation.objects.get().tries == tries
        maintain_grants()
    assert len(google.revoked) == 1 and not PendingRevocation.objects.exists()


def test_an_unconfirmed_revocation_is_deleted_after_a_week(credential, google):
    google.fail("revoke", status=500, times=99)
    credential.delete()
    PendingRevocation.objects.update(created_at=days_ago(8))
    maintain_grants()
    assert not PendingRevocation.objects.exists() and not google.asked("POST", "/revoke")


def test_deleting_an_account_revokes_the_grant(alice, credential, google, django_capture_on_commit_callbacks):
    token = tokens_of(credential).refresh
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_account(alice)
    assert google.revoked == [token]
    assert not YouTubeCredential.objects.exists() and not PendingRevocation.objects.exists()


def test_deleting_an_account_while_google_is_down_revokes_the_grant_later(
    alice, credential, google, django_capture_on_commit_callbacks
):
    google.fail("revoke", drop="rst")
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_account(alice)
    assert not get_user_model().objects.filter(pk=alice.pk).exists()
    PendingRevocation.objects.update(not_before=days_ago(0))
    maintain_grants()  # the user is gone, and the token can still be decrypted
    assert len(google.revoked) == 1 and not PendingRevocation.objects.exists()


def test_an_account_that_is_not_deleted_keeps_its_grant(
    alice, credential, google, django_capture_on_commit_callbacks
):
    alice.is_superuser = True
    alice.save()
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(services.LastOperator):
        services.delete_account(alice)
    assert google.revoked == [] and YouTubeCredential.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_command_disconnects_one_users_channel(credential, google, bob, capsys):
    call_command("forget_youtube", "ALICE@example.org")
    assert "revoked" in capsys.readouterr().out
    assert len(google.revoked) == 1 and not YouTubeCredential.objects.exists()
    call_command("forget_youtube", bob.email)
    assert "no channel" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("forget_youtube", "nobody@example.org")


@pytest.mark.django_db(transaction=True)
def test_an_operator_sees_and_disconnects_grants_without_their_tokens(credential, google, admin_client):
    page = f"/admin/youtube_integration/youtubecredential/{credential.pk}/"
    for address in (
        "/admin/youtube_integration/youtubecredential/",
        f"{page}change/",
        f"{page}delete/",
        f"{page}history/",
    ):
        text = admin_client.get(address).content.decode()
        assert "DJ Channel" in text or "history" in address
        assert credential.sealed_tokens not in text and "sealed" not in text.lower()
    google.fail("revoke", status=500)
    admin_client.post(f"{page}delete/", {"post": "yes"})
    assert not YouTubeCredential.objects.exists() and len(google.asked("POST", "/revoke")) == 1
    pending = PendingRevocation.objects.get()
    for address in ("", f"{pending.pk}/change/"):
        text = admin_client.get(f"/admin/youtube_integration/pendingrevocation/{address}").content.decode()
        assert owner_key(credential.user_id) in text and pending.sealed_tokens not in text


def test_tokens_are_sealed_with_all_their_fields(alice):
    credential = YouTubeCredential(user=alice, sealed_tokens=seal_tokens(alice.pk, TOKENS))
    assert tokens_of(credential) == TOKENS
