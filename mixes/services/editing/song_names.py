"""Titles and artists of all songs of a mix at once: from a table, or from a list that was pasted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.utils.translation import ngettext

from mixes.engine.text import clean_text
from mixes.models import Mix, Revision, Track
from mixes.services.editing import edits

TIME = r"[\[(]?\d{1,2}(?::\d{2}){1,2}[\])]?"
EDGES = re.compile(rf"^\s*(?:{TIME})?[\s\-\u2013\u2014|]*|[\s\-\u2013\u2014|]*(?:{TIME})?\s*$")
NUMBER = re.compile(r"^\s*(?:#\s*)?[\[(]?\d{1,3}(?:[.):\]]+\s*(?!\d{2}\b)|\s*[\-\u2013\u2014]\s+)")
BARE_NUMBER = re.compile(r"^\s*(\d{1,3})\s+(?=\S)")
BETWEEN = re.compile(r"\s+[\-\u2013\u2014]\s+|\t+")
MAX_LENGTH = 300  # characters, as in the form of one track


@dataclass(frozen=True, slots=True)
class ListedSong:
    """One line of a list; the artist is None where the line names none."""

    title: str
    artist: str | None


def clean_name(text: str) -> str:
    """Return a title or an artist on one line, without invisible characters."""
    return clean_text(text)[:MAX_LENGTH]


def read_list(text: str) -> list[ListedSong]:
    """Return the songs of a list, "Artist - Title" a line, without numbers and times at either end."""
    lines = [line for line in map(clean_text, text.splitlines()) if line]
    counted = [BARE_NUMBER.match(line) for line in lines]
    if len(lines) > 1 and [match and int(match[1]) for match in counted] == list(range(1, len(lines) + 1)):
        lines = [BARE_NUMBER.sub("", line) for line in lines]
    return [song for line in lines if (song := _read_line(line)).title]


def _read_line(line: str) -> ListedSong:
    line = EDGES.sub("", NUMBER.sub("", EDGES.sub("", line)))
    artist, *rest = BETWEEN.split(line, maxsplit=1)
    if not rest:
        return ListedSong(line[:MAX_LENGTH], None)
    return ListedSong(rest[0].strip()[:MAX_LENGTH], artist.strip()[:MAX_LENGTH])


def rename_songs(mix: Mix, seen_version: int | None, names: Mapping[UUID, tuple[str, str]]) -> Mix:
    """Set title and artist of tracks of a mix as one undo step. Raises StaleEdit."""
    with transaction.atomic():
        mine = Track.objects.filter(owner=mix.owner_id, places__mix=mix, pk__in=names).distinct()
        old = {pk: (title, artist) for pk, title, artist in mine.values_list("pk", "title", "artist")}
        new = {pk: names[pk] for pk in old if names[pk] != old[pk] and names[pk][0]}
        if not new:
            return mix
        what = ngettext("Changed the names of %d song", "Changed the names of %d songs", len(new)) % len(new)
        changed = edits.edit(mix, seen_version, what, lambda a: replace(a, names=_rows(new)))
        before = Revision.objects.get(mix=mix, number=changed.revision - 1)
        kept = {UUID(pk): (title, artist) for pk, title, artist in before.arrangement.get("names", ())}
        restored = _rows(kept | {pk: old[pk] for pk in new})
        before.arrangement |= {"names": [[str(pk), title, artist] for pk, title, artist in restored]}
        before.save(update_fields=["arrangement"])
    return changed


def _rows(names: Mapping[UUID, tuple[str, str]]) -> tuple[tuple[UUID, str, str], ...]:
    return tuple((pk, title, artist) for pk, (title, artist) in names.items())
