"""Searches of the admin: each word is a condition on every column that is searched, so there are few."""

from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR, ChangeListSearchForm

MAX_QUERY_LENGTH, MAX_WORDS = 200, 12  # characters and words


class ShortSearchForm(ChangeListSearchForm):
    """Takes the first words of what is typed, in the lists of every app."""

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data.get(SEARCH_VAR, "")
        return {SEARCH_VAR: " ".join(typed[:MAX_QUERY_LENGTH].split()[:MAX_WORDS])}
