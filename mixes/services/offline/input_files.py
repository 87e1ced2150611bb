"""Expand the paths of the command line to a list of track files in playing order."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from natsort import natsorted, ns

from mixes.engine.errors import EngineError

# In a folder only these count as tracks; a file named on the command line is always tried.
AUDIO_SUFFIXES = frozenset(
    (
        *(".mp3", ".wav", ".wave", ".w64", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".m4b"),
        *(".mp4", ".aac", ".alac", ".aif", ".aiff", ".aifc", ".wma", ".wv", ".ape", ".mpc"),
        *(".tta", ".au", ".caf", ".amr", ".dsf", ".tak", ".mka", ".ac3"),
    )
)
TIMELINE_SUFFIX = ".timeline.json"
PLAYLIST_SUFFIXES = frozenset((".m3u", ".m3u8"))


def find_tracks(paths: Sequence[Path], *, recursive: bool = False) -> list[Path]:
    """Return all track files: files as given, folders in natural order, playlists in their own order.

    Missing files are returned too and fail when they are opened. Raises EngineError for an empty folder or
    playlist.
    """
    return [track for path in paths for track in _expand(path, recursive=recursive)]


def _expand(path: Path, *, recursive: bool) -> list[Path]:
    if path.is_dir():
        found = natsorted(
            sorted(_list_folder(path, recursive=recursive)), key=str, alg=ns.PATH | ns.IGNORECASE
        )
        if not found:
            hint = "" if recursive else " (with -r its folders are searched too)"
            raise EngineError(f"There is no audio file in the folder {path}{hint}.")
        return found
    if path.suffix.lower() in PLAYLIST_SUFFIXES and path.is_file():
        return _read_playlist(path)
    return [path]


def _list_folder(folder: Path, *, recursive: bool) -> Iterator[Path]:
    paths = list(folder.rglob("*") if recursive else folder.iterdir())
    timelines = [path for path in paths if path.name.endswith(TIMELINE_SUFFIX)]
    mixes = {path.with_name(path.name.removesuffix(TIMELINE_SUFFIX)) for path in timelines}
    for path in paths:
        # Hidden: macOS's "._song.mp3" files without sound, or the work folder of another mix
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        made_here = path.with_suffix("") in mixes  # an earlier mix is not an input
        if path.suffix.lower() in AUDIO_SUFFIXES and not hidden and not made_here and path.is_file():
            yield path


def _read_playlist(playlist: Path) -> list[Path]:
    """Return the files of an M3U, relative to its folder. Raises EngineError when it names none."""
    data = playlist.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # .m3u files without UTF-8 are usually in Windows-1252
        text = data.decode("cp1252", "replace")
    lines = re.split(r"\r\n|\r|\n", text)  # splitlines would also break at characters that names may contain
    tracks = [playlist.parent / line for line in lines if line.strip() and not line.startswith("#")]
    if not tracks:
        raise EngineError(f"The playlist {playlist} names no file.")
    return tracks
