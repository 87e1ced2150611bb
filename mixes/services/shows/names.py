"""The names in braces that episodes fill in: in their titles and in the description."""

import re
from collections.abc import Mapping

from django.utils import timezone
from django.utils.translation import gettext as _

from mixes.engine.text import clean_text
from mixes.models import Mix, Show
from mixes.services import wording

TITLE_LENGTH = 200
IN_TITLES = ("show", "n", "date", "year")
NAMED = re.compile(r"\{([^\W\d]\w{0,30})\}")
# "Evenings #12 - 3 May": the name of the show, and a number behind one of these marks
NUMBERED = re.compile(
    r"^(?P<name>.*?)[\s,:|-]*(?:#|\bno\.?|\bepisode|\bep\.?)\s*(?P<n>\d{1,5})\b", re.IGNORECASE
)


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Replace `{name}` by its value in one pass; names without one stay as they are."""
    return NAMED.sub(lambda match: values.get(match[1], match[0]), text)


def title_of(show: Show, number: int) -> str:
    """Return the title of an episode made today."""
    values = {**_values(show, number), "date": wording.today()}
    return clean_text(fill_in(show.title_pattern, values))[:TITLE_LENGTH] or show.name


def fill_in_words(mix: Mix, template: str) -> str:
    """Return a description template of a mix; for an episode its show, number and year are filled in."""
    if mix.show is None:
        return template
    number = mix.show.next_number if mix.episode is None else mix.episode
    return fill_in(template, _values(mix.show, number))


def unknown_names(text: str) -> list[str]:
    """Return the names in braces that no title fills in."""
    return [name for name in dict.fromkeys(NAMED.findall(text)) if name not in IN_TITLES]


def read_title(title: str) -> tuple[str, int | None]:
    """Return the show's name and the number that the title of an episode holds, None without one."""
    found = NUMBERED.match(title)
    if not found or not found["name"].strip():
        return title, None
    return found["name"].strip(), int(found["n"])


def clean_name(text: str) -> str:
    """Return a name on one line; braces would be read as a name to fill in."""
    return clean_text(text.replace("{", "(").replace("}", ")"))[:100].strip() or _("My show")


def _values(show: Show, number: int) -> dict[str, str]:
    return {"show": show.name, "n": str(number), "year": str(timezone.localdate().year)}
