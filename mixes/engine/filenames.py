"""Turn a title in any script into a file name that is safe on every system and still readable.

In: the title of a mix. Out: the stem of its file names (`my-mix.mp3`, `夜の道.cue`).
"""

import re
import unicodedata

from mixes.engine.text import clean_text, cut_to_bytes

MAX_STEM_BYTES = 200  # bytes of UTF-8; file systems allow 255, and `.chapters.json.part` is appended
FALLBACK = "mix"
# Windows opens the device of this name in any folder and with any suffix
RESERVED = re.compile(r"(con|prn|aux|nul|conin|conout|(com|lpt)[0-9\u00b9\u00b2\u00b3])$", re.IGNORECASE)
INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0"  # Unicode category L, but rendered as nothing
EMOJI_STYLE = "\ufe0f"  # variation selector that remains after its emoji is dropped


def file_stem(title: str) -> str:
    """Return a lower-case name of letters, digits and `-`, of 1 to MAX_STEM_BYTES bytes of UTF-8.

    It is lower case because Windows and macOS treat two names that differ only in case as one file.
    """
    text = clean_text(title).lower().replace("'", "").replace("\u2019", "")
    stem = cut_to_bytes(unicodedata.normalize("NFC", _words(text)), MAX_STEM_BYTES).strip("-") or FALLBACK
    return f"{stem}-{FALLBACK}" if RESERVED.match(stem) else stem


def safe_name(name: str) -> str:
    """Return a user's file name in a form that is safe in any archive."""
    stem, dot, ending = name.rpartition(".")
    return f"{file_stem(stem)}.{file_stem(ending)}" if dot and stem else file_stem(name)


def _words(text: str) -> str:
    """Return the letters and digits with their accents, one dash for each run of other characters."""
    kept: list[str] = []
    for character in text:
        kind = unicodedata.category(character)
        follows_letter = bool(kept) and kept[-1] != "-"
        if kind[0] in "LN" and character not in INVISIBLE_LETTERS:
            kept.append(character)
        elif kind in ("Mn", "Mc") and character != EMOJI_STYLE:
            kept.extend(character if follows_letter else "")
        elif follows_letter:
            kept.append("-")
    return "".join(kept).strip("-")
