"""Admin search limited in length: each word adds a condition for every searched column."""

from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR, ChangeListSearchForm

MAX_QUERY_LENGTH, MAX_WORDS = 200, 12  # characters and words


class ShortSearchForm(ChangeListSearchForm):
    """Keep the first words of a search, in the lists of every app."""

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data.get(SEARCH_VAR, "")
        return {SEARCH_VAR: " ".join(typed[:MAX_QUERY_LENGTH].split()[:MAX_WORDS])}
