"""Recognise files that are no songs by their first bytes: archives, disk images, documents, programs.

ffmpeg's MP3 demuxer finds frames in anything that holds an MP3, so it must not see such a file at all.
"""

import os
import re
from pathlib import Path

from mixes.engine.codecs.first_frame import begins_as_sound
from mixes.engine.suffixes import PICTURE_SUFFIXES

HEAD_BYTES = 40_960  # holds the descriptor of a disc image, also of one with sectors of 2352 bytes
TAIL_BYTES = 512
TAR_BLOCK_BYTES = 512

UNPACK = "not a song. Unpack it and add the songs in it."
EXTRACT = "not a song. Copy the songs out of it and add them."
SAVE_SOUND = "which cannot be read. Save its sound as MP3, M4A, FLAC or WAV and add that."
NO_SOUND = "there is no sound in it."
NAMES_ONLY = "which only names songs. Add the songs themselves."
NAMED_AS_PICTURE = "its name is that of a picture. Give the file the ending of its sound, such as .mp3."
LENGTHLESS = "whose header names no length, as programs write it into a pipe. Save it again as FLAC or WAV."
IS_TEXT = "it is not an audio file that can be read, but text."
UNREADABLE = "it is not an audio file that can be read (MP3, WAV, FLAC, Ogg, Opus, M4A, AIFF, WMA, WavPack)."
MAIL = (
    rb"(?i:(?:return-path|received|from|to|subject|date|mime-version|delivered-to|message-id|reply-to|x-[\w-]+"
    rb"|content-type|dkim-signature|arc-seal) *: |from \S+@\S+ )"
)

IN_ZIP = rb"PK\x03\x04.{26}"  # before the name of the first file in an archive
DOCUMENT = IN_ZIP + rb"(?:mimetype|\[Content_Types\]|_rels/|docProps/|customXml/|word/|xl/|ppt/|Index/)"
PROGRAM = IN_ZIP + rb"(?:META-INF/|AndroidManifest|classes|res/|Payload/)"
# The beginning of a file -> what it is. The first that fits counts.
BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), f"it is {kind}")
    for pattern, kind in (
        (DOCUMENT, f"a document; {NO_SOUND}"),
        (PROGRAM, "a program, not a song."),
        (rb"PK(?:\x03\x04|\x05\x06|\x07\x08|00PK)", f"a ZIP archive, {UNPACK}"),
        (rb"FORM\0{4}AIF[FC].{0,40}?COMM.{6}\0{4}", f"an AIFF file {LENGTHLESS}"),
        (rb"riff\x2e\x91.{10}\xff{8}wave", f"a W64 file {LENGTHLESS}"),
        (rb"RF64.{4}WAVEds64.{12}\0{8}", f"an RF64 file {LENGTHLESS}"),
        (rb"Rar!\x1a\x07|RE~\^", f"a RAR archive, {UNPACK}"),
        (rb"7z\xbc\xaf\x27\x1c", f"a 7z archive, {UNPACK}"),
        (rb"\x1f(?:\x8b\x08|\x9d|\xa0)", f"a file compressed with gzip, {UNPACK}"),
        (rb"\xfd7zXZ\0|LZIP|\x5d\0\0.{2}\0{0,8}\xff{8}", f"a file compressed with xz, {UNPACK}"),
        (rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)", f"a file compressed with bzip2, {UNPACK}"),
        (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", f"a file compressed with Zstandard, {UNPACK}"),
        (rb"\x04\x22\x4d\x18", f"a file compressed with LZ4, {UNPACK}"),
        (rb"MSCF\0{4}|ISc\(", f"a CAB archive, {UNPACK}"),
        (rb"..-lh[0-9adesx]-|..-lz[45s]-", f"an LHA archive, {UNPACK}"),
        (rb"\x60\xea.{2}[\x1e-\x2e]", f"an ARJ archive, {UNPACK}"),
        (rb".{7}\*\*ACE\*\*", f"an ACE archive, {UNPACK}"),
        (rb"StuffIt |SIT!....rLau|SITD", f"a StuffIt archive, {UNPACK}"),
        (rb"xar!\0", f"an XAR archive, {UNPACK}"),
        (rb"!<arch>\n|\xed\xab\xee\xdb", f"a software package, {UNPACK}"),
        (rb"0707(?:01|02|07)[0-9a-fA-F]{6}", f"a cpio archive, {UNPACK}"),
        (rb"MSWIM\0|PAR2\0PKT|PACK\0{3}", f"an archive, {UNPACK}"),
        (rb"\0\xff{10}\0", f"an image of a CD, {EXTRACT}"),
        (rb"MComprHD|CISO.{4}|MEDIA DESCRIPTOR|ECM\0", f"an image of a disc, {EXTRACT}"),
        (rb"# Disk DescriptorFile|<<< .{0,40}Disk Image", f"a disk image, {EXTRACT}"),
        (rb"encrcdsa|sprs\0{3}|cdsaencr", f"a disk image, {EXTRACT}"),
        (rb"QFI\xfb|KDMV|COWD|vhdxfile|conectix|.{64}\x7f\x10\xda\xbe", f"a disk image, {EXTRACT}"),
        (rb"hsqs|sqsh|.{3}(?:NTFS    |EXFAT   )|LUKS\xba\xbe|-FVE-FS-", f"a disk image, {EXTRACT}"),
        (rb".{512}EFI PART|ER.{510}PM\0\0|\0{1024}(?:H\+\0\x04|HX\0\x05|BD)", f"a disk image, {EXTRACT}"),
        (rb"\0{1024}.{56}\x53\xef", f"a disk image, {EXTRACT}"),
        (rb"(?:\xef\xbb\xbf)?\s*%PDF-", f"a PDF document; {NO_SOUND}"),
        (
            rb"%!PS|\{\\rtf|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|AT&TFORM|ITSF\x03|!BDN|.{60}BOOKMOBI",
            f"a document; {NO_SOUND}",
        ),
        (
            rb"MZ|\x7fELF|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe|dex\n",
            "a program, not a song.",
        ),
        (rb"#!\s*/|\0asm\x01|.\r\r\n|L\0{3}\x01\x14\x02|[CFZ]WS[\x01-\x40]", "a program, not a song."),
        (rb"\0\x01\0{2}|OTTO|true\0|ttcf|wOF[F2]", "a font, not a song."),
        (rb"d\d{1,2}:(?:announce|comment|created|info)", f"a torrent, {NAMES_ONLY}"),
        (
            rb"SQLite format 3\0|PAR1|BLENDER|\x89HDF|\xd4\xc3\xb2\xa1|bplist00|\0{3}\x01Bud1",
            f"data; {NO_SOUND}",
        ),
        (rb"MThd|RIFF....RMID|FLhd|RIFF....sfbk", f"notes for instruments, {SAVE_SOUND}"),
        (
            rb"Extended Module: |IMPM|.{44}SCRM|.{1080}(?:M\.K\.|M!K!|FLT4|[468]CHN)",
            f"a tracker module, {SAVE_SOUND}",
        ),
        (
            rb"\x89PNG|\xff\xd8\xff[\xc0-\xfe]|GIF8[79]a|RIFF....WEBP|II\x2a\0|MM\0\x2a|8BPS",
            f"a picture; {NO_SOUND}",
        ),
        (
            rb".{4}ftyp(?:hei[cmsx]|hevc|mif1|msf1|avi[fs]|crx )|\0{3}\x0c(?:jP  |JXL )",
            f"a picture; {NO_SOUND}",
        ),
        (rb"\0\0[\x01\x02]\0|FUJIFILM|RIFF....CDR|FORM....ILBM", f"a picture; {NO_SOUND}"),
        (rb"BM.{4}\0{4}.{4}[\x0c\x28\x40\x6c\x7c]\0{3}", f"a picture; {NO_SOUND}"),
        (rb"\0\x05\x16[\0\x07]\0[\x01\x02]\0\0", f"what macOS notes of a file; {NO_SOUND}"),
        (
            rb"RIFF....AVI |FLV\x01|\.RMF\0\0\0|\0\0\x01\xba|(?:\x47.{187}){4}\x47",
            f"an AVI, FLV or MPEG video, {SAVE_SOUND}",
        ),
        (
            rb"(?:\xef\xbb\xbf)?\s*(?:#EXTM3U|\[playlist\]|<ASX\b|<\?xml.{0,300}<playlist)|\xff\xfe#\0E\0X\0T",
            f"a playlist, {NAMES_ONLY}",
        ),
        (rb'(?:\xef\xbb\xbf)?\s*(?:REM|TITLE|PERFORMER|FILE) +["\w]', f"a CUE sheet, {NAMES_ONLY}"),
        (MAIL, "an e-mail, not a song. Save the song that is attached to it and add that."),
        (rb"\s*<(?:!DOCTYPE\s+)?html", "a web page, not a song. Download the song itself and add that."),
    )
)
# A recorder of radio streams, or a download with its header, which players skip
STREAM_HEADER = re.compile(rb"(?:ICY|HTTP/\d(?:\.\d)?) \d{3} ")
TEXT = re.compile(rb"(?:\xef\xbb\xbf)?(?:[\t\n\f\r\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]{1,3})*")
LEAST_TEXT_BYTES = 10  # with a line's end or a mark of text among them
MARKED_TEXT = re.compile(rb"\s*[<{\[]|.*[\n\r]|-----BEGIN|begin \d{3} ", re.DOTALL)
ZIP_END = b"PK\x05\x06"
ZIP_END_BYTES = 22
DISC_DESCRIPTOR = re.compile(rb"[\0-\x02\xff]CD001\x01|\0(?:BEA01|NSR0[23])\x01", re.DOTALL)
# Where it stands: in one of the sectors from 16 on, of 2048 bytes or raw
DISC_OFFSETS = (*range(16 * 2048, 20 * 2048, 2048), 16 * 2352 + 16, 16 * 2352 + 24, 16 * 2336 + 8)


def not_audio_reason(path: Path) -> str | None:
    """Return why a file cannot be a song, as the end of a sentence, or None. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read(TAIL_BYTES)
    for beginning, reason in BEGINNINGS:
        if beginning.match(head):
            return reason
    if _is_tar(head):
        return f"it is a TAR archive, {UNPACK}"
    if any(DISC_DESCRIPTOR.match(head, offset) for offset in DISC_OFFSETS):
        return f"it is an image of a disc, {EXTRACT}"
    if tail[:4] == b"koly" or tail[:8] == b"conectix" or _is_boot_sector(head):
        return f"it is a disk image, {EXTRACT}"
    if tail[-12:-8] == b"NER5" or tail[-8:-4] == b"NERO":
        return f"it is an image of a disc, {EXTRACT}"
    if _is_text(head):
        return IS_TEXT
    if _ends_as_zip(tail) and not begins_as_sound(head, junk_bytes=0):
        return f"it is a ZIP archive, {UNPACK}"
    if not begins_as_sound(head):
        return UNREADABLE
    return NAMED_AS_PICTURE if path.suffix.lower() in PICTURE_SUFFIXES else None


def _is_text(head: bytes) -> bool:
    """Tell whether a file begins with words; the header of a stream is none, nor a tag of ID3v1."""
    text = TEXT.match(head)
    if not text or text.end() < LEAST_TEXT_BYTES or STREAM_HEADER.match(head) or head.startswith(b"TAG"):
        return False
    return bool(MARKED_TEXT.match(text[0]))


def _ends_as_zip(tail: bytes) -> bool:
    """Tell whether the last record of a ZIP, with its comment, ends the file."""
    at = tail.rfind(ZIP_END)
    return at >= 0 and at + ZIP_END_BYTES + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)


def _is_tar(head: bytes) -> bool:
    """Tell whether the file begins with a member's header, of any kind of TAR: its checksum is right."""
    header = head[:TAR_BLOCK_BYTES]
    stored = re.match(rb"[ \0]*([0-7]{1,7})[ \0]", header[148:156])
    if len(header) < TAR_BLOCK_BYTES or not stored or not header[0]:
        return False
    return int(stored[1], 8) == sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _is_boot_sector(head: bytes) -> bool:
    """Tell whether the file begins with a FAT volume's sector, or with a table of partitions."""
    if head[510:512] != b"\x55\xaa":
        return False
    is_volume = bool(re.match(rb"\xeb.\x90|\xe9", head, re.DOTALL))
    entries = [head[start : start + 16] for start in range(446, 510, 16)]
    has_partitions = any(entry[4] for entry in entries) and all(entry[0] in (0, 0x80) for entry in entries)
    return is_volume or has_partitions
