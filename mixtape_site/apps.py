"""The project as an app, to register its system checks."""

from django.apps import AppConfig
from django.core.checks import register


class SiteConfig(AppConfig):
    name = "mixtape_site"

    def ready(self) -> None:
        from mixtape_site.operations import checks

        register(checks.check_ffmpeg)
        register(checks.check_folders)
        register(checks.check_sandbox)
        register(checks.check_keys)
        register(checks.check_reach)
