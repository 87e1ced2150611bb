"""Clean untrusted text to one visible line, and cut text between graphemes.

In: a title, an artist or a file name of any origin. Out: the text without invisible characters, or its
beginning within a length. A grapheme is what a reader sees as one letter: a base with its accents, a flag of
two code points, an emoji with its skin colour.
"""

import html
import re
import unicodedata

MAX_TEXT_CHARS = 300  # characters kept of a title or a name
MAX_INPUT_CHARS = 10_000  # characters processed: Unicode normalisation is not linear for hostile text
ELLIPSIS = "\u2026"

# Whitespace, what `str.splitlines` or an editor treats as a line end, and letters that render as blanks
BLANK = re.compile("[\\s\x1c-\x1f\x85\u2028\u2029\u2800\u3164\uffa0]+")
# Controls; soft hyphen; zero-width and direction marks (an override shows `exe.jpg` as `gpj.exe`);
# interlinear annotation marks; lone surrogates, which cannot be encoded; noncharacters; tag characters
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
RARE_IN_JAPANESE = re.compile("[\uff61-\uff9f\ue000-\uf8ff]")  # half width, private use
CYRILLIC_WORD = re.compile(r"\b[\u0401\u0410-\u044f\u0451]{3,}\b")
MIXED_WORD = re.compile(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")  # an accent among Latin letters
ZERO_WIDTH_JOINER = "\u200d"


def clean_text(text: str) -> str:
    """Return `text` as one NFC line without control or direction marks, at most MAX_TEXT_CHARS long."""
    visible = INVISIBLE.sub("", BLANK.sub(" ", text[:MAX_INPUT_CHARS]))
    line = " ".join(unicodedata.normalize("NFC", visible).split())
    return line if len(line) <= MAX_TEXT_CHARS else _whole_graphemes(line, MAX_TEXT_CHARS).rstrip()


def decode_text(raw: bytes) -> str:
    """Decode text of unknown encoding: UTF-8 where it is valid, else the old encoding that fits.

    Cyrillic and Japanese are recognised only where the bytes make it sure; the rest is Western European.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    japanese = _decode_strictly(raw, "cp932")
    # kana in full width, two or more, and nothing that is rare in names
    if len(KANA.findall(japanese)) >= 2 and not RARE_IN_JAPANESE.search(japanese):
        return japanese
    cyrillic = _decode_strictly(raw, "cp1251")
    if len(CYRILLIC_WORD.findall(cyrillic)) > len(MIXED_WORD.findall(cyrillic)):
        return cyrillic
    return raw.decode("cp1252", "replace")


def _decode_strictly(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return ""


def unescape_entities(text: str) -> str:
    """Return the text with HTML entities decoded, twice where they were encoded twice."""
    for _ in range(2):
        text = ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text


def cut_to_bytes(text: str, limit: int) -> str:
    """Return the longest prefix of `text` in whole graphemes that has at most `limit` bytes of UTF-8."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return _whole_graphemes(text, len(encoded[:limit].decode(errors="ignore")))


def shorten_to_bytes(text: str, limit: int) -> str:
    """Return `text`, or a prefix and an ellipsis, in at most `limit` bytes of UTF-8 (3 or more)."""
    if len(text.encode()) <= limit:
        return text
    return cut_to_bytes(text, limit - len(ELLIPSIS.encode())).rstrip() + ELLIPSIS


def _whole_graphemes(text: str, end: int) -> str:
    """Return `text[:end]` without an incomplete last grapheme; a single longer grapheme is cut."""
    boundary = end
    while boundary and _inside_grapheme(text, boundary):
        boundary -= 1
    return text[: boundary or end]


def _inside_grapheme(text: str, index: int) -> bool:
    """Return whether a cut before `text[index]` splits a grapheme (UAX 29, the cases found in titles)."""
    before, after = text[index - 1], text[index : index + 1]
    if not after:
        return False
    if unicodedata.category(after)[0] == "M" or ZERO_WIDTH_JOINER in (before, after):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff":  # skin colours
        return True
    if _is_regional_indicator(after):
        return _regional_indicators_before(text, index) % 2 == 1
    # Decomposed Hangul: a vowel or a final consonant belongs to the character before it
    return "\u1160" <= after <= "\u11ff" and (
        "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    )


def _is_regional_indicator(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regional_indicators_before(text: str, index: int) -> int:
    count = 0
    while count < index and _is_regional_indicator(text[index - 1 - count]):
        count += 1
    return count
