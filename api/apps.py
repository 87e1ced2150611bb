"""App configuration of the API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from api import events  # noqa: F401  # connects its receivers
        from api.jobs import webhook_job
        from mixes.queues import HOOKS
        from mixes.tasks import KINDS

        KINDS[HOOKS] = (webhook_job.KIND,)  # `mixes` does not know this app
