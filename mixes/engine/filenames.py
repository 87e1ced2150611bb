"""A file name from a title in any script: safe on every system, and still readable.

In: a mix's title. Out: the stem to which the kind of file is appended (`my-mix.mp3`, `夜の道.cue`).
"""

import re
import unicodedata

from mixes.engine.text import clean_text, cut_to_bytes

MAX_STEM_BYTES = 200  # bytes of UTF-8; file systems allow 255, and `.chapters.json.part` comes behind
FALLBACK = "mix"
# Windows opens the device, whatever the folder and the ending
RESERVED = re.compile(r"(con|prn|aux|nul|conin|conout|(com|lpt)[0-9\u00b9\u00b2\u00b3])$", re.IGNORECASE)
INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0"  # letters to Unicode, nothing to the eye
EMOJI_STYLE = "\ufe0f"  # left behind where an emoji was dropped


def file_stem(title: str) -> str:
    """Return a name of letters, digits and `-` in lower case, of 1 to MAX_STEM_BYTES bytes of UTF-8.

    Lower case because two names that differ in case only are one file on Windows and macOS.
    """
    text = clean_text(title).lower().replace("'", "").replace("\u2019", "")
    stem = cut_to_bytes(unicodedata.normalize("NFC", _words(text)), MAX_STEM_BYTES).strip("-") or FALLBACK
    return f"{stem}-{FALLBACK}" if RESERVED.match(stem) else stem


def _words(text: str) -> str:
    """Return letters, digits and the accents upon them, with one dash for anything between."""
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
