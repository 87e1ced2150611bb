"""Playlists and CUE sheets of any program to the files they name, in order, and what they call them."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from xml.etree import ElementTree

from mixes.engine.errors import EngineError
from mixes.engine.suffixes import AUDIO_SUFFIXES
from mixes.engine.tags.tags import Tags, tags_from_name
from mixes.engine.text import clean_text

MAX_BYTES = 16 << 20
OLD_ENCODINGS = (
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp850",
    "mac_roman",
    "cp932",
    "gb18030",
    "big5",
)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
DRIVE = re.compile(r"[A-Za-z]:(?=[/\\])")
CUE_LINE = re.compile(r'\s*(\w+)\s+(?:"([^"]*)"|(\S+))\s*(.*)')

CUE_TIME = re.compile(r"(\d{1,4}):(\d{1,2}):(\d{1,2})")
CUE_FRAMES_PER_S = 75


@dataclass(frozen=True, slots=True)
class Part:
    """A song in a longer file, as a CUE sheet names it. It ends where the next one starts."""

    start_s: float
    tags: Tags


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a playlist names, and what it calls the song, or the songs in it."""

    path: Path
    tags: Tags | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Playlist:
    """What a playlist names, in its order; of addresses of the network only themselves."""

    entries: list[Entry]
    addresses: list[str]


@dataclass(slots=True)
class _Named:
    """A line of a playlist, as it stands there."""

    location: str
    artist: str = ""
    title: str = ""
    parts: list[Part] = field(default_factory=list)


def read_playlist(playlist: Path) -> Playlist:
    """Return what a playlist names; what is not there too. Raises EngineError, OSError."""
    if playlist.stat().st_size > MAX_BYTES:
        raise EngineError(f"The playlist {playlist} is far longer than any playlist.")
    read = READERS.get(playlist.suffix.lower(), _read_m3u)
    finder = FileFinder(playlist.parent, any_format=playlist.suffix.lower() == ".cue")
    try:
        readings = [
            [entry for entry in read(text) if entry.location.strip()]
            for text in decode_texts(playlist.read_bytes())
        ]
    except ElementTree.ParseError as error:
        raise EngineError(f"The playlist {playlist} is damaged and cannot be read.") from error
    named = max(readings, key=lambda entries: sum(finder.find(one.location).exists() for one in entries))
    if not named:
        raise EngineError(f"The playlist {playlist} names no file.")
    addresses = [one.location.strip() for one in named if _is_address(one)]
    entries = [_entry(finder, one) for one in named if not _is_address(one)]
    if not entries:
        raise EngineError(f"The playlist {playlist} names {addresses[0]}, but no file on this machine.")
    return Playlist(entries, addresses)


def _is_address(named: _Named) -> bool:
    location = named.location.strip()
    return bool(ADDRESS.match(location)) and not location.lower().startswith("file:")


def _entry(finder: "FileFinder", named: _Named) -> Entry:
    path = finder.find(named.location)
    if not named.artist:
        tags = tags_from_name(named.title) if named.title.strip() else None
    else:
        tags = Tags(named.title.strip(), named.artist.strip()) if named.title.strip() else None
    if len(named.parts) == 1:
        return Entry(path, named.parts[0].tags)
    return Entry(path, tags, tuple(named.parts))


def decode_texts(data: bytes) -> list[str]:
    """Return the text in UTF-8 or UTF-16, or its readings in old encodings, the likeliest first."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return [data.decode("utf-16", "replace")]
    pairs = len(data) // 2
    for encoding, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[0::2])):
        if pairs and zeros.count(0) > 0.4 * pairs:
            return [data.decode(encoding, "replace")]
    try:
        return [data.decode("utf-8-sig")]
    except UnicodeDecodeError:  # .m3u files without UTF-8 are in the encoding of the system that wrote them
        return [data.decode(encoding, "replace") for encoding in OLD_ENCODINGS]


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)  # a name may hold what else splitlines takes for a line's end


def _read_m3u(text: str) -> Iterator[_Named]:
    label = ""
    for line in _lines(text):
        if info := re.match(r"\s*#EXTINF:[^,]*,(.*)", line, re.IGNORECASE):
            label = info[1]
        elif line.strip() and not line.lstrip().startswith("#"):
            yield _Named(line, title=label)
            label = ""


def _read_pls(text: str) -> Iterator[_Named]:
    values: dict[tuple[str, int], str] = {}
    for line in _lines(text):
        if found := re.match(r"\s*(File|Title)\s*(\d{1,6})\s*=(.*)", line, re.IGNORECASE):
            values[found[1].lower(), int(found[2])] = found[3]
    for kind, number in sorted(values):
        if kind == "file":
            yield _Named(values[kind, number], title=values.get(("title", number), ""))


def _read_xml(text: str) -> Iterator[_Named]:
    """Read XSPF (`location`), Windows Media Player's WPL (`media src`) and ASX (`ref href`)."""
    text = re.sub(r"^\s*<\?.*?\?>", "", text, flags=re.DOTALL)  # the encoding it names is no longer its own
    text = re.sub(r"<!DOCTYPE[^>\[]*(\[.*?\])?[^>]*>", "", text, flags=re.DOTALL)  # so no entity is expanded
    for element in ElementTree.fromstring(text).iter():
        name = element.tag.rpartition("}")[2].lower()
        children = {child.tag.rpartition("}")[2].lower(): child for child in element}
        attributes = {key.lower(): value for key, value in element.attrib.items()}
        words = {key: (child.text or "") for key, child in children.items()}
        if name == "track" and "location" in children:
            yield _Named(words["location"], words.get("creator", ""), words.get("title", ""))
        elif name == "media" and "src" in attributes:
            yield _Named(attributes["src"])
        elif name == "entry" and "ref" in children:
            hrefs = {key.lower(): value for key, value in children["ref"].attrib.items()}
            yield _Named(hrefs.get("href", ""), words.get("author", ""), words.get("title", ""))


def _read_cue(text: str) -> Iterator[_Named]:
    """Read a CUE sheet. A track belongs to the file that holds its INDEX 01."""
    files: list[_Named] = []
    album = performer = artist = title = ""
    number = 0
    for line in _lines(text):
        if not (found := CUE_LINE.match(line)):
            continue
        word, value = found[1].upper(), _cue_value(found)
        if word == "FILE":
            files.append(_Named(value))
        elif word == "TRACK":
            number, artist, title = number + 1, performer, ""
        elif word == "PERFORMER":
            performer, artist = (performer, value) if number else (value, value)
        elif word == "TITLE":
            album, title = (album, value) if number else (value, "")
        elif word == "INDEX" and value == "01" and files and (time := CUE_TIME.match(found[4])):
            start_s = int(time[1]) * 60 + int(time[2]) + int(time[3]) / CUE_FRAMES_PER_S
            tags = Tags(clean_text(title) or f"Track {number}", clean_text(artist), clean_text(album), number)
            files[-1].parts.append(Part(start_s, tags))
    yield from files


def _cue_value(found: re.Match[str]) -> str:
    """Return the value of a line of a CUE sheet, whose quotes may be missing."""
    if found[2] is not None:
        return found[2]
    word, rest = found[1].upper(), f"{found[3]} {found[4]}".strip().strip('"')
    if word == "FILE":  # everything but the type, which comes last
        return rest.rpartition(" ")[0].strip('" ')
    return rest if word in ("TITLE", "PERFORMER") else found[3]


READERS: dict[str, Callable[[str], Iterator[_Named]]] = {
    ".pls": _read_pls,
    ".xspf": _read_xml,
    ".wpl": _read_xml,
    ".asx": _read_xml,
    ".cue": _read_cue,
}


class FileFinder:
    """Finds files as other programs and systems write their places, from one folder.

    With `any_format`, a file that is not there may have become one of another format, as of CUE sheets.
    """

    def __init__(self, folder: Path, *, any_format: bool) -> None:
        self._folder = folder
        self._any_format = any_format
        self._names: dict[Path, dict[str, list[str]]] = {}

    def find(self, location: str) -> Path:
        """Return the file that is meant; where none is, the place as it was written."""
        spellings = list(dict.fromkeys(_spellings(location)))
        for spelling in spellings:
            if (path := self._folder / spelling).exists():
                return path
        for spelling in spellings:
            if alike := self._find_alike(self._folder / spelling):
                return alike
        for spelling in spellings:  # the playlist was moved together with its songs
            if moved := self._find_moved(spelling):
                return moved
        return self._folder / location.strip()

    def _find_alike(self, path: Path) -> Path | None:
        """Return the one file whose place differs in case or in how its accents are written."""
        place = Path(path.anchor or ".")
        for part in path.parts[1:] if path.anchor else path.parts:
            if part == ".." or (place / part).exists():
                place /= part
                continue
            names = self._names_in(place).get(_fold(part), [])
            if not names and self._any_format and part == path.name:
                names = self._converted(place, Path(part).stem)
            if len(names) != 1:
                return None
            place /= names[0]
        return place if place.exists() else None

    def _find_moved(self, spelling: str) -> Path | None:
        """Return the file at the end of an absolute place that is below the folder, or its parent."""
        if not spelling.startswith("/") and not DRIVE.match(spelling):
            return None
        parts = [part for part in spelling.split("/") if part and not DRIVE.match(part + "/")]
        for start in range(len(parts)):
            for folder in (self._folder, self._folder.parent):  # playlists may have a folder beside the songs
                if ".." not in parts[start:] and (path := self._find_alike(folder.joinpath(*parts[start:]))):
                    return path
        return None

    def _converted(self, folder: Path, stem: str) -> list[str]:
        """Return the audio files in a folder that are called `stem`, whatever their format."""
        found = [Path(name) for names in self._names_in(folder).values() for name in names]
        return [
            path.name
            for path in found
            if _fold(path.stem) == _fold(stem) and path.suffix.lower() in AUDIO_SUFFIXES
        ]

    def _names_in(self, folder: Path) -> dict[str, list[str]]:
        if folder not in self._names:
            self._names[folder] = {}
            for path in folder.iterdir() if folder.is_dir() else ():
                self._names[folder].setdefault(_fold(path.name), []).append(path.name)
        return self._names[folder]


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def _spellings(location: str) -> Iterator[str]:
    """Yield what a line may mean, the likeliest first."""
    bare = location.strip().strip("\"'")
    for text in (location, location.strip(), bare):
        yield text
        if text.lower().startswith("file:"):
            yield from _of_address(text)
        if "%" in text:
            yield _unquote(text)
        if "\\" in text:
            yield text.replace("\\", "/")
            yield _unquote(text.replace("\\", "/"))


def _of_address(text: str) -> Iterator[str]:
    """Yield the places of a `file:` address, of this machine or written by Windows."""
    rest = text[5:].replace("\\", "/")
    for place in (_unquote(urlsplit("file:" + rest).path), _unquote(rest), rest):
        path = re.sub(r"^/+(?=/)", "", place)
        yield path
        yield re.sub(r"^/(?=[A-Za-z]:/)", "", path)
        yield re.sub(r"^/localhost(?=/)", "", path)


def _unquote(text: str) -> str:
    """Return text without percent signs, of UTF-8 or of an old encoding."""
    raw = unquote_to_bytes(text)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return unquote(text, "cp1252")
