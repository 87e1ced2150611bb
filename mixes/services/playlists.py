"""What a user names on the command line to the list of track files, in the order they are to be played."""

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
PLAYLIST_SUFFIXES = frozenset((".m3u", ".m3u8"))


def find_tracks(paths: Sequence[Path], *, recursive: bool = False) -> list[Path]:
    """Return the files of everything named: files, folders in natural order, playlists in their own.

    Raises EngineError when something is not there or holds no track.
    """
    return [track for path in paths for track in _expand(path, recursive=recursive)]


def _expand(path: Path, *, recursive: bool) -> list[Path]:
    if path.is_dir():
        found = natsorted(_list_folder(path, recursive=recursive), key=str, alg=ns.PATH | ns.IGNORECASE)
        if not found:
            hint = "" if recursive else " (with -r its folders are searched too)"
            raise EngineError(f"There is no audio file in the folder {path}{hint}.")
        return found
    if not path.exists():
        raise EngineError(f"There is no file or folder {path}.")
    if path.suffix.lower() in PLAYLIST_SUFFIXES:
        return _read_playlist(path)
    return [path]


def _list_folder(folder: Path, *, recursive: bool) -> Iterator[Path]:
    for path in folder.rglob("*") if recursive else folder.iterdir():
        hidden = path.name.startswith(".")  # such as macOS's "._song.mp3", which hold no sound
        if path.suffix.lower() in AUDIO_SUFFIXES and not hidden and path.is_file():
            yield path


def _read_playlist(playlist: Path) -> list[Path]:
    """Return the files an M3U names, relative to where it lies; raises EngineError for what is missing."""
    data = playlist.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # M3U without the 8 is by custom in the system's old encoding
        text = data.decode("cp1252", "replace")
    lines = (line.strip() for line in text.splitlines())
    tracks = [playlist.parent / line for line in lines if line and not line.startswith("#")]
    if not tracks:
        raise EngineError(f"The playlist {playlist} names no file.")
    for track in tracks:
        if not track.is_file():
            raise EngineError(f"The playlist {playlist} names a file that is not there: {track}")
    return tracks
