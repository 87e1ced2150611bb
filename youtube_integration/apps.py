"""Publishing to YouTube."""

from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import pre_delete


class YoutubeIntegrationConfig(AppConfig):
    name = "youtube_integration"
    verbose_name = "YouTube"

    def ready(self) -> None:
        from mixes.queues import PUBLISH
        from mixes.services.maintenance.restore import database_restored
        from mixes.tasks import KINDS
        from publishing.protocol import PUBLISHERS
        from publishing.reviews import hold_restored
        from youtube_integration import checks
        from youtube_integration.jobs import queue
        from youtube_integration.models import YouTubeCredential
        from youtube_integration.publisher import YOUTUBE

        for check in (
            checks.check_google_addresses,
            checks.check_transport,
            checks.check_google_keys,
            checks.check_token_keys,
        ):
            register(check)
        # deleting a user deletes the credential by cascade, and `accounts` does not know this app
        pre_delete.connect(end_grant, sender=YouTubeCredential)
        PUBLISHERS[YOUTUBE.name] = YOUTUBE
        database_restored.connect(hold_restored, dispatch_uid="publishing")
        KINDS[PUBLISH] += (queue.KIND,)  # `mixes` does not know this app


def end_grant(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Schedule the revocation of a grant at Google, no matter what deleted its credential."""
    from youtube_integration.security.sealing import owner_key
    from youtube_integration.services import revocations

    revocations.revoke_later(owner_key(instance.user_id), instance.sealed_tokens)
