"""Write the CUE sheet of the finished MP3.

In: the chapters and the MP3's file name. Out: the text of the sheet, UTF-8. A sheet has at most 99 tracks:
players refuse or truncate a longer one. When a mix has more songs, neighbours share a track, evenly over the
mix, and a remark in the sheet says so.
"""

from collections.abc import Sequence

from mixes.engine.text import clean_text
from mixes.engine.tracklist.chapters import Chapter, Group, group_evenly, group_near

MAX_TRACKS = 99
FRAMES_PER_S = 75  # of a compact disc


def cue_sheet(chapters: Sequence[Chapter], *, file_name: str, title: str, artist: str = "") -> str:
    """Return the text of the sheet. Times are rounded down to CUE frames (1/75 s); minutes may exceed 99."""
    groups = group_near(chapters, _cue_frames, 1)
    if len(groups) > MAX_TRACKS:
        groups = group_evenly(groups, MAX_TRACKS)
    lines = [f'PERFORMER "{_quotable(artist)}"'] if artist else []
    lines += [f'TITLE "{_quotable(title)}"', f'FILE "{_quotable(file_name)}" MP3']
    if len(groups) < len(chapters):
        songs = f"{len(chapters)} songs on {len(groups)} tracks"
        lines.insert(0, f'REM COMMENT "{songs}: some neighbours share one"')
    for number, group in enumerate(groups, 1):
        lines += _track_lines(number, group)
    return "\n".join(lines) + "\n"


def _track_lines(number: int, group: Group) -> list[str]:
    artists = dict.fromkeys(chapter.artist for chapter in group if chapter.artist)
    performer = [f'    PERFORMER "{_quotable(", ".join(artists))}"'] if artists else []
    return [
        f"  TRACK {number:02d} AUDIO",
        f'    TITLE "{_quotable(" / ".join(chapter.title for chapter in group))}"',
        *performer,
        f"    INDEX 01 {_index_time(_cue_frames(group[0]))}",
    ]


def _cue_frames(chapter: Chapter) -> int:
    return int(chapter.start_s * FRAMES_PER_S)


def _index_time(frames: int) -> str:
    seconds, frame = divmod(frames, FRAMES_PER_S)
    return f"{seconds // 60:02d}:{seconds % 60:02d}:{frame:02d}"


def _quotable(text: str) -> str:
    """Return `text` on one line with its double quotes replaced: the format cannot escape them."""
    return clean_text(text).replace('"', "'")
