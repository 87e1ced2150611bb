"""What a user names on the command line to the list of track files, in the order they are to be played."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from natsort import natsorted, ns

from mixes.engine.errors import EngineError

# In a folder only these are taken for tracks; a file that is named by itself is always tried.
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
    """Return the files of everything named: files, folders in natural order, playlists in their own.

    What is not there is returned too: whoever opens it names it. Raises EngineError for an empty folder.
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
        # Hidden: such as macOS's "._song.mp3", which hold no sound, or the work folder of another run
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        made_here = path.with_suffix("") in mixes  # a mix of ours is no track of the next one
        if path.suffix.lower() in AUDIO_SUFFIXES and not hidden and not made_here and path.is_file():
            yield path


def _read_playlist(playlist: Path) -> list[Path]:
    """Return the files an M3U names, relative to where it lies; raises EngineError when there is none."""
    data = playlist.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # M3U without the 8 is by custom in the system's old encoding
        text = data.decode("cp1252", "replace")
    lines = re.split(r"\r\n|\r|\n", text)  # a name may hold what else splitlines takes for a line's end
    tracks = [playlist.parent / line for line in lines if line.strip() and not line.startswith("#")]
    if not tracks:
        raise EngineError(f"The playlist {playlist} names no file.")
    return tracks
