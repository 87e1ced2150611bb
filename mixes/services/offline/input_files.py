"""Expand the paths of the command line to a list of track files in playing order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from natsort import natsorted, ns

from mixes.engine.errors import EngineError
from mixes.engine.suffixes import AUDIO_SUFFIXES, COMPANION_SUFFIXES, PLAYLIST_SUFFIXES
from mixes.engine.tags.tags import Tags
from mixes.engine.text import clean_text
from mixes.services.offline.playlists import Part, read_playlist

TIMELINE_SUFFIX = ".timeline.json"
MAX_NAMED = 5  # files that a sentence names


@dataclass(slots=True)
class Inputs:
    """The files to mix, and what is known of them."""

    tracks: list[Path] = field(default_factory=list)
    names: dict[Path, Tags] = field(default_factory=dict)  # from playlists, for files without tags
    parts: dict[Path, tuple[Part, ...]] = field(default_factory=dict)  # of files that hold several songs
    notes: list[str] = field(default_factory=list)  # sentences for the user


def find_inputs(paths: Sequence[Path], *, recursive: bool = False) -> Inputs:
    """Return all track files: files as given, folders in natural order, playlists in their own order.

    In a folder only files with an audio suffix count. Missing files are returned too and fail when they are
    opened. Raises EngineError for an empty folder or playlist, OSError.
    """
    inputs = Inputs()
    for path in paths:
        _add(inputs, path, recursive=recursive)
    return inputs


def _add(inputs: Inputs, path: Path, *, recursive: bool) -> None:
    if path.is_dir():
        _add_folder(inputs, path, recursive=recursive)
    elif path.suffix.lower() in PLAYLIST_SUFFIXES and path.is_file():
        _add_playlist(inputs, path, recursive=recursive)
    else:
        inputs.tracks.append(path)


def _add_folder(inputs: Inputs, folder: Path, *, recursive: bool) -> None:
    tracks, passed_over = _list_folder(folder, recursive=recursive)
    left_out = list_names([path.name for path in passed_over])
    if not tracks:
        hint = "" if recursive else " (with -r its folders are searched too)"
        others = f" {left_out} cannot be taken for one by its name." if passed_over else ""
        if lists := [path.name for path in folder.iterdir() if path.suffix.lower() in PLAYLIST_SUFFIXES]:
            others += f" To mix what {list_names(natsorted(lists))} names, give it in place of the folder."
        raise EngineError(f"There is no audio file in the folder {folder}{hint}.{others}")
    if passed_over:
        inputs.notes.append(
            f"Left out of the folder {clean_text(folder.name)}, as no audio by name: {left_out}."
        )
    inputs.tracks += tracks


def _list_folder(folder: Path, *, recursive: bool) -> tuple[list[Path], list[Path]]:
    """Return the tracks in a folder, and the other files that a user may take for one, in natural order."""
    paths = list(folder.rglob("*") if recursive else folder.iterdir())
    timelines = [path for path in paths if path.name.endswith(TIMELINE_SUFFIX)]
    mixes = {path.with_name(path.name.removesuffix(TIMELINE_SUFFIX)) for path in timelines}
    tracks, passed_over = [], []
    for path in natsorted(sorted(paths), key=str, alg=ns.PATH | ns.IGNORECASE):
        # Hidden: macOS's "._song.mp3" files without sound, or the work folder of another mix
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        made_here = path.with_suffix("") in mixes  # an earlier mix is not an input
        if hidden or made_here or not path.is_file():
            continue
        suffix = path.suffix.lower()
        if suffix in AUDIO_SUFFIXES:
            tracks.append(path)
        elif suffix not in COMPANION_SUFFIXES and suffix not in PLAYLIST_SUFFIXES:
            passed_over.append(path)
    return tracks, passed_over


def _add_playlist(inputs: Inputs, playlist: Path, *, recursive: bool) -> None:
    named = read_playlist(playlist)
    if named.addresses:
        inputs.notes.append(
            f"Passed over in {clean_text(playlist.name)}, as no files on this machine: "
            f"{list_names(named.addresses)}."
        )
    for entry in named.entries:
        if entry.path.is_dir():
            _add_folder(inputs, entry.path, recursive=recursive)
            continue
        inputs.tracks.append(entry.path)
        if entry.tags:
            inputs.names[entry.path] = entry.tags
        if entry.parts:
            inputs.parts[entry.path] = entry.parts


def list_names(names: Sequence[str]) -> str:
    """Return names for a sentence, the first few of many."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(map(clean_text, names[:MAX_NAMED])) + more
