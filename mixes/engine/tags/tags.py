"""What a track says of itself: title, artist, album, numbers and cover, out of its tags or its file name.

In: a path, and the name the file had with its user. Out: `Tags`, cleaned and never without a title. An
untrusted file is read by a child process (tag_reader.py); if that fails, its name is used.
"""

import base64
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import Cancelled, EngineError
from mixes.engine.processes.readers import call_reader
from mixes.engine.tags.file_names import SPACED_DASH, parse_track_name
from mixes.engine.text import clean_text, unescape_entities

__all__ = ["Tags", "clean_text", "read_artwork", "read_tags", "tags_from_name"]

MAX_NUMBER = 9_999  # beyond it, it is a year, a catalogue number or a joke
# What rippers and players write when they know nothing, in the languages they come in
PLACEHOLDER = re.compile(
    r"[<\[(]?(?:untitled|unknown(?: (?:artist|title|album|track|composer))?(?: \(\d+\))?|n/a"
    r"|no (?:artist|title|album)|various(?: artists)?|(?:audio ?)?track ?\d+"
    r"|unbekannt(?:er (?:künstler|interpret|titel)|es album)?|(?:titel|spur|audiospur) ?\d+|kein titel"
    r"|(?:artiste|interprète|album|titre) inconnue?|inconnu|sans titre|piste ?\d+"
    r"|(?:artista|intérprete|álbum|título) desconocid[oa]|desconocido|sin título|pista ?\d+"
    r"|(?:artista|álbum|título) desconhecid[oa]|desconhecido|sem título|faixa ?\d+"
    r"|(?:artista|album|titolo) sconosciut[oa]|sconosciuto|senza titolo|traccia ?\d+"
    r"|onbekende? (?:artiest|album|titel)|onbekend|nummer ?\d+|okänd (?:artist|titel)|okänt album|spår ?\d+"
    r"|ukendt (?:kunstner|album|titel)|ukjent (?:artist|album|tittel)"
    r"|nieznany (?:wykonawca|album|tytuł|artysta)|utwór ?\d+|ścieżka ?\d+|bilinmeyen (?:sanatç.|albüm)"
    r"|неизвестный (?:исполнитель|артист|альбом)|неизвестное название|неизвестен|без названия"
    r"|(?:дорожка|трек) ?\d+|未知(?:艺术家|艺人|專輯|专辑|演出者|歌手)?|不明(?:なアーティスト|なアルバム)?"
    r"|トラック ?\d+|알 수 없는 (?:아티스트|음악가|앨범))[>\])]?",
    re.IGNORECASE,
)
FEATURED = re.compile(r"\s*[\[(]?\b(?:feat|ft|featuring)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tags:
    """A track's names, each one clean line of at most 300 characters; only the title is never empty."""

    title: str
    artist: str = ""
    album: str = ""
    track_number: int | None = None
    disc_number: int | None = None
    album_artist: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


def read_tags(path: Path, *, name: str | None = None, should_stop: ShouldStop = never) -> Tags:
    """Return the file's tags, filled up from `name` (by default the path's own).

    Raises Cancelled, and EngineError when the child that reads them fails: `tags_from_name` is what is left.
    """
    fields = call_reader(
        "tags.tag_reader", _reader_request(path), read=(path.absolute(),), should_stop=should_stop
    )
    return _merge_with_name(fields, tags_from_name(path.name if name is None else name))


def read_artwork(path: Path, *, should_stop: ShouldStop = never) -> bytes | None:
    """Return the bytes of the picture in the file, still untrusted; None without one. Raises Cancelled."""
    try:
        request = _reader_request(path, artwork=True)
        answer = call_reader("tags.tag_reader", request, read=(path.absolute(),), should_stop=should_stop)
    except Cancelled:
        raise
    except EngineError:
        return None
    return base64.b64decode(answer["artwork"]) if "artwork" in answer else None


def tags_from_name(name: str) -> Tags:
    """Return what a file name tells of its track."""
    parsed = parse_track_name(name)
    return Tags(parsed.title, parsed.artist, "", parsed.track_number, parsed.disc_number)


def _reader_request(path: Path, *, artwork: bool = False) -> dict[str, Any]:
    return {"path": str(path.absolute()), "artwork": artwork}


def _merge_with_name(fields: dict[str, str], from_name: Tags) -> Tags:
    """Return the tags' fields, and those of the file name where the tags are silent."""
    title, artist, album = (_without_placeholder(fields.get(key, "")) for key in ("title", "artist", "album"))
    if title and not artist and from_name.artist:
        title = _without_artist(title, from_name.artist)
    if title and artist:
        artist, title = _once(artist, title)
    return Tags(
        title=title or from_name.title,
        artist=artist or from_name.artist,
        album=album,
        track_number=_number(fields.get("track", ""), from_name.track_number),
        disc_number=_number(fields.get("disc", ""), from_name.disc_number),
        album_artist=_clean_field(fields.get("album_artist", "")),
    )


def _without_placeholder(text: str) -> str:
    """Return the text cleaned, empty when it only says that nothing is known."""
    cleaned = _clean_field(text)
    return "" if PLACEHOLDER.fullmatch(cleaned) else cleaned


def _clean_field(text: str) -> str:
    return clean_text(unescape_entities(text))


def _without_artist(title: str, artist: str) -> str:
    """Return "Title" of "Artist - Title": converters put both into the title and leave the artist empty."""
    parsed = parse_track_name(title)
    return parsed.title if parsed.artist.casefold() == artist.casefold() else title


def _once(artist: str, title: str) -> tuple[str, str]:
    """Return artist and title where the title says the artist again; a guest named there alone is kept."""
    parts = SPACED_DASH.split(title, maxsplit=1)
    if len(parts) != 2 or not all(map(str.strip, parts)):
        return artist, title
    named, rest = parts
    if named.casefold() == artist.casefold():
        return artist, rest
    if rest.casefold() == artist.casefold():
        return artist, named
    if named.casefold().startswith(artist.casefold()) and FEATURED.match(named[len(artist) :]):
        return named, rest
    return artist, title


def tags_beside(tags: Tags, name: str) -> Tags:
    """Return the tags of a file that is one of `numbered_names`, without the number in its title.

    A title that is not the file's name came from its tags and stays.
    """
    plain, numbered = parse_track_name(name), parse_track_name(name, is_numbered=True)
    if tags.title != plain.title:
        return tags
    return replace(
        tags,
        title=numbered.title,
        artist=numbered.artist if tags.artist in ("", plain.artist) else tags.artist,
        track_number=numbered.track_number if tags.track_number is None else tags.track_number,
    )


def _number(text: str, default: int | None) -> int | None:
    """Return the number that a text such as "3" or "03/12" begins with."""
    match = re.match(r"\s*(\d{1,9})", text)
    number = int(match[1]) if match else 0
    return number if 1 <= number <= MAX_NUMBER else default
