"""Artist and title out of a file name: what is known of a track whose file has no tags.

In: the name a file had on its user's disk. Out: artist, title and numbers, without what download sites, video
pages and rippers put around them. A rule gives way where nothing would be left.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from mixes.engine.suffixes import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES
from mixes.engine.text import clean_text, decode_text, unescape_entities

UNTITLED = "Untitled"
DASH = r"\-\u2010-\u2015\u2212\uff0d"  # for a character class: hyphens and dashes, minus, full width
FILE_SUFFIX = re.compile(
    rf"(?:{'|'.join(map(re.escape, (*AUDIO_SUFFIXES, *UNREADABLE_SUFFIXES)))})\s*$", re.IGNORECASE
)

# yt-dlp writes "Title [dQw4w9WgXcQ]", youtube-dl wrote "Title-dQw4w9WgXcQ". Eleven letters may be a word, so
# there must be a digit, a dash, an underscore, or a capital after a small letter among them.
VIDEO_ID = re.compile(
    r"\s*(?:\[(?=[\w-]*(?:[\d_-]|[a-z][A-Z]))[\w-]{11}\]|(?<=[^\s-])-(?=[\w-]*\d)(?=[\w-]*[a-z][\w-]*[A-Z])[\w-]{11})$",
    re.ASCII,
)
DOWNLOAD_SITE = (
    r"(?:www\.)?(?:(?:y2mate|y2meta|yt\w*mp[34]|yt\d+s?|x2mate|x2download|(?:ss)?youtube|savefrom|9convert|mp3juices?"
    r"|tubidy|spot(?:ify|i)?-?(?:down(?:loader)?|mate|saver)|snapsave|savetube|keepvid|pagalworld)(?:\.[a-z]{2,9})*"
    r"|[a-z\d-]{3,}\.(?:com|net|org|info|cc|mobi|biz))"
)
# Copies of one file: "name (1)", "name - Copy", and behind a bracket "name (...)_1"
COPY_NUMBER = rf"\s*\(\d{{1,2}}\)|(?<=[)\]])\s\d|\s+[{DASH}]\s*copy"
VIDEO_LABEL = (
    r"official\s+(?:(?:music|lyrics?|hd|4k|audio|video|full)\s+)*(?:video|audio|visuali[sz]er|clip|mv|m/v)"
    r"|(?:music|lyrics?)\s+video|(?:video|clip|videoclip)\s+offi?ci[ae]l|(?:with\s+)?lyrics"
    r"|(?:mp[34]\s+)?(?:64|96|128|160|192|256|320)\s*k(?:bps|bits?|b/s)?|m/v|v?\d{3,4}p|hd|hq"
)
NOISE_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^[\[(]?\s*{DOWNLOAD_SITE}\s*(?:[\])]\s*[{DASH}_|]*|[{DASH}_|]+)\s*",
        rf"\s*(?:[{DASH}|]\s*{DOWNLOAD_SITE}|[\[(]\s*{DOWNLOAD_SITE}\s*[\])])$",
        rf"(?:{COPY_NUMBER})$",
        rf"[\s{DASH}|\uff5c/:,]*(?<![^\W_])(?:{VIDEO_LABEL})(?:[\s{DASH}|\uff5c]+(?:hd|hq|4k|\d{{3,4}}p))*$",
    )
)
BRACKET = re.compile(
    r"\s*(?:\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}|\u3010([^\u3010\u3011]*)\u3011|\uff08([^\uff08\uff09]*)\uff09)"
)
# A bracket is noise when it holds only words of these two lists (or a year), and one of the first
NOISE_WORDS = re.compile(
    r"offici(?:al|el|elle)|oficial|offiziell(?:es|er)|ufficiale|официальный|официальное|video|videos|vídeo|видео"
    r"|клип|clip|videoclip|audio|áudio|lyric|lyrics|lyrical|letra|letras|legendado|paroles|testo|visuali[sz]er|hd|hq"
    r"|uhd|fhd|4k|8k|mv|\d{3,4}p|kbps|(?:64|96|128|160|192|256|320)(?:k(?:bps)?)?|download|youtube|explicit|vevo"
)
NEUTRAL_WORDS = re.compile(
    r"(?:19|20)\d\d|a|aac|and|com|color|coded|con|copyright|de|definition|eng|english|flac|free|full|h264|high"
    r"|hits|in|k|m|mp[34]|musi[ck]|musical|new|no|of|on|only|opus|original|out|now|premiere|promo|quality|release"
    r"|remaster|remastered|rom|screen|song|sub|subs|subtitles|the|v|version|wav|with"
)

# "1-03 Title", "CD1 - 03 - Title"
DISC = re.compile(
    rf"(?:(?:cd|dis[ck])\s*(\d{{1,2}})[\s{DASH}.]+|(\d{{1,2}})[-.](?=\d\d[\s{DASH}.]))(?=\d)", re.IGNORECASE
)
# "03 - Title", "3. Title", "[03] Title", "03-Title", "03 Title", "Track 03 - Title". A number with a space
# and nothing else behind it needs its leading zero: 50 Cent is an artist, 99 Problems a song.
NUMBER = re.compile(
    rf"(?:track\s*)?(?:[#\u2116]?\s*(\d{{1,3}})\s*(?:\.(?!\d)|\)|\s[{DASH}]+(?=\s))|[\[(](\d{{1,3}})[\])]"
    rf"|(\d\d)[{DASH}](?![\s\d])|(0\d{{1,2}})(?=\s))[\s{DASH}]*(?=\S)",
    re.IGNORECASE,
)
# "10 Song" counts as numbered only where the files beside it are numbered too
PLAIN_NUMBER = re.compile(r"(\d{1,3})\s+(?=\S)")
MAX_NUMBER_STEP = 3  # between the numbers of files beside each other: some may be missing
MIN_NUMBERED, MIN_NUMBERED_SHARE = 3, 0.6
EDGES = re.compile(rf"^[\s_|\uff5c{DASH}]+|[\s_|\uff5c{DASH}]+$")
SPACED_DASH = re.compile(rf"\s+[{DASH}]+\s+")
LOOSE_DASH = re.compile(rf"\s+[{DASH}]+(?=\S)|(?<=\S)[{DASH}]+\s+")


@dataclass(frozen=True, slots=True)
class TrackName:
    """What a file name tells; `artist` is empty and the numbers are None where it does not say."""

    title: str
    artist: str = ""
    track_number: int | None = None
    disc_number: int | None = None


def parse_track_name(name: str, *, is_numbered: bool = False) -> TrackName:
    """Return what the file name tells of its track; the title is never empty.

    `is_numbered` says that any number it begins with is that of the track.
    """
    stem = _stem(name)
    text = _strip_noise(_restore_spaces(_unless_empty(VIDEO_ID.sub("", stem), stem)))
    disc, text = _split_number(DISC, text)
    number, text = _split_number(NUMBER, text)
    if number is None and is_numbered:
        number, text = _split_number(PLAIN_NUMBER, text)
    artist, inner_number, title = _split(text)
    number = inner_number if number is None else number
    return TrackName(clean_text(title) or stem or UNTITLED, clean_text(artist), number, disc)


def numbered_names(names: Iterable[str]) -> set[str]:
    """Return the file names of one folder that begin with a track number for which the others speak.

    "10 Song" is numbered beside "09 Song"; "99 Problems" is not. Names with a number that is clear by itself
    are not among them.
    """
    clear: set[int] = set()
    plain: dict[str, int] = {}
    names = set(names)
    for name in names:
        text = _restore_spaces(_stem(name))
        number, _ = _split_number(NUMBER, text)
        if number is not None:
            clear.add(number)
        elif match := PLAIN_NUMBER.match(text):
            plain[name] = int(match[1])
    numbers = clear or _consecutive(plain.values(), len(names))
    found = set()
    for name, number in sorted(plain.items(), key=lambda item: item[1]):
        if any(0 < number - other <= MAX_NUMBER_STEP for other in numbers) or (number in numbers - clear):
            numbers = numbers | {number}
            found.add(name)
    return found


def _consecutive(numbers: Iterable[int], names: int) -> set[int]:
    """Return the numbers that have a neighbour, where most of the names have one."""
    known = set(numbers)
    found = {number for number in known if known & {number - 1, number + 1}}
    is_rip = len(found) >= max(MIN_NUMBERED, MIN_NUMBERED_SHARE * names) or (found == {1, 2} and names == 2)
    return found if is_rip else set()


def _stem(name: str) -> str:
    """Return the last part of a path of either kind, cleaned, without its ending or endings."""
    name = re.split(r"[/\\]", _decoded(name).rstrip("/\\"))[-1]
    stem = clean_text(unescape_entities(name))
    while (shorter := FILE_SUFFIX.sub("", stem)) != stem:
        stem = shorter
    return "" if stem.strip(". ") == "" else stem


def _decoded(name: str) -> str:
    """Return a name in letters: Python keeps bytes of a file name that are no UTF-8 as surrogates."""
    try:
        return decode_text(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # a surrogate that no file name gave
        return name


def _restore_spaces(stem: str) -> str:
    """Put back the spaces that programs write as something else."""
    if " " in stem:
        return stem.replace("_", " ")
    if "%20" in stem:
        return clean_text(unquote(stem)).replace("_", " ")
    if ".-." in stem:
        return stem.replace(".", " ")
    if "_" in stem:  # here a dash alone parts artist and title: "daft_punk-one_more_time"
        return (stem if "_-_" in stem else stem.replace("-", " - ")).replace("_", " ").strip()
    if stem.count("+") > 1:
        return stem.replace("+", " ")
    if stem.count("-") > 1 and stem == stem.lower():
        return stem.replace("-", " ")
    return stem


def _strip_noise(text: str) -> str:
    """Take away site names, labels and copy numbers until nothing changes."""
    before = ""
    while text != before:
        before = text
        for noise in NOISE_PATTERNS:
            text = _unless_empty(noise.sub("", text), text)
        text = _unless_empty(BRACKET.sub(_strip_noise_bracket, text), text)
    return text


def _strip_noise_bracket(match: re.Match[str]) -> str:
    """Return the bracket, or nothing when it says nothing of the music."""
    content = next(filter(None, match.groups()), "").lower()
    words = re.findall(r"\w+", content.replace("m/v", "mv"))
    others = [word for word in words if not NOISE_WORDS.fullmatch(word)]
    is_noise = not content.strip() or (len(others) < len(words) and all(map(NEUTRAL_WORDS.fullmatch, others)))
    return "" if is_noise else match[0]


def _split_number(pattern: re.Pattern[str], text: str) -> tuple[int | None, str]:
    """Return the number the text begins with and what follows; None and the text where that is not so."""
    match = pattern.match(text)
    if match is None:
        return None, text
    return int(next(filter(None, match.groups()))), text[match.end() :]


def _split(text: str) -> tuple[str, int | None, str]:
    """Return artist, track number and title of "Artist - Title" or "Artist - Album - 03 - Title"."""
    first, *others = SPACED_DASH.split(text)
    if not others:
        first, *others = LOOSE_DASH.split(text, maxsplit=1)
    if not others:
        return "", None, text
    for index, part in enumerate(others[:-1]):
        if re.fullmatch(r"\d{1,3}", part):
            return first, int(part), " - ".join(others[index + 1 :])
    number, last = _split_number(NUMBER, others[-1])
    if number is not None and len(others) > 1:
        return first, number, last
    return first, None, " - ".join(others)


def _unless_empty(text: str, before: str) -> str:
    """Return `text` without dashes around it, or `before` when no letter or digit is left in it."""
    trimmed = EDGES.sub("", text)
    return trimmed if re.search(r"[^\W_]", trimmed) else before
