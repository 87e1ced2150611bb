"""`manage.py api_description`: write the description of the API into docs/openapi.json."""

from typing import Any

from django.core.management.base import BaseCommand

from api.description import FILE, as_text


class Command(BaseCommand):
    help = "Writes the description of the API, which a test compares with the code, into docs/openapi.json."

    def handle(self, *args: Any, **options: Any) -> None:
        FILE.write_text(as_text())
        self.stdout.write(f"Written: {FILE}")
