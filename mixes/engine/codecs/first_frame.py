"""Find the frames of a file without a header (MPEG audio, ADTS, AC-3), because ffmpeg finds some in anything.

In: the first bytes of an untrusted file. Out: whether it is a song by them.
"""

import re

JUNK_BYTES = 16_384  # in front of the first frame: the rest of a cut frame, or a damaged beginning
JUDGED_BYTES = 256
CHAIN_FRAMES = 3  # so many in a row are no accident
# Beginnings of files whose own demuxer, not the one of MPEG audio, decides whether they can be read
HEADERS = re.compile(
    rb"ID3|3DI|TAG|APETAGEX|LYRICSBEGIN|RIFF....(?:WAVE|RMP3)|RIFX|RF64|BW64|riff\x2e\x91|fLaC|OggS|FORM|FRM8|wvpk"
    rb"|MAC |MP\+|MPCK|TTA[12]|tBaK|\.snd|dns\.|caff|#!AMR|DSD |\x0b\x77|\x77\x0b|\x1a\x45\xdf\xa3"
    rb"|\x30\x26\xb2\x75|.{4}(?:ftyp|moov|mdat|free|skip|wide|pnot|uuid|moof|styp|sidx|\x57\x90\x75\x36)",
    re.DOTALL,
)
AC3_SYNC, AC3_FRAMES = b"\x0b\x77", 5  # so many in what we read are no accident
SYNC = re.compile(rb"\xff[\xe0-\xff]")
V1_LAYER_1 = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
V1_LAYER_2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
V1_LAYER_3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
V2_LAYER_1 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
V2_LAYERS_2_3 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES_HZ = (44_100, 48_000, 32_000)


def begins_as_sound(head: bytes, junk_bytes: int = JUNK_BYTES) -> bool:
    """Tell whether a file begins with a header or a tag of sound, or with frames after so much junk at most.

    Zeros in front do not count. Zeros alone, or a few bytes, tell nothing against it.
    """
    if len(head) < JUDGED_BYTES or HEADERS.match(head):
        return True
    head = head.lstrip(b"\0")
    if not head or HEADERS.match(head):
        return True
    if head.count(AC3_SYNC) >= AC3_FRAMES:
        return True
    return any(_is_chain(head, found.start()) for found in SYNC.finditer(head, 0, junk_bytes + 2))


def _is_chain(head: bytes, at: int) -> bool:
    """Tell whether frames follow each other from `at` on; the last may be cut, or have what we read end."""
    for frames in range(CHAIN_FRAMES):
        if at + 6 > len(head):
            return frames > 0
        length = frame_bytes(head[at : at + 6])
        if not length:
            return False
        at += length
    return True


def frame_bytes(header: bytes) -> int:
    """Return the length of the frame of MPEG audio or ADTS with this header of 6 bytes, 0 for no frame."""
    if header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    if header[1] & 0xF6 == 0xF0:  # ADTS: layer 0
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return length if length > 7 and header[2] >> 2 & 15 < 13 else 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0
    is_v1 = version == 3
    rate_hz = RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 1:
        return (12_000 * (V1_LAYER_1 if is_v1 else V2_LAYER_1)[bitrate] // rate_hz + padding) * 4
    rates_kbps = (V1_LAYER_2, V1_LAYER_3)[layer - 2] if is_v1 else V2_LAYERS_2_3
    halved = 1 if is_v1 or layer == 2 else 2
    return 144_000 * rates_kbps[bitrate] // halved // rate_hz + padding
