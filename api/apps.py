"""App configuration of the API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from api import events  # noqa: F401  # connects its receivers
        from api.jobs import webhook_job
        from api.models import ApiToken, WebhookEndpoint
        from mixes.queues import HOOKS
        from mixes.services.maintenance.account_data import MORE_TABLES
        from mixes.tasks import KINDS

        MORE_TABLES.update(tokens=ApiToken, webhooks=WebhookEndpoint)
        KINDS[HOOKS] = (webhook_job.KIND,)  # `mixes` does not know this app
