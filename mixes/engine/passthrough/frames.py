"""Take MPEG-1 Layer III frames apart: what a copy of them needs, in pieces of any size.

In: a file, or the bytes of an encoder. Out: `Frames`, arrays of side information and where their main data
is. A frame is a header, side information and a slot; its main data (the bits of the sound) may begin up to
511 bytes of slots before its own. CRCs, ancillary data and stuffing are left behind; mono becomes mid/side.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mixes.engine.timeline import MP3_FRAME

PIECE_FRAMES = 4_000  # taken apart at a time, 4 MB of a 320 kbit/s file
RATES_HZ = (44_100, 48_000)
BITRATES_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
BLOCKS = (20, 79, 138, 197)  # first bit of each granule and channel in a stereo frame's side information
MID_BLOCKS = BLOCKS[::2]
MONO_BLOCKS = (18, 77)
HEADER_BYTES, CRC_BYTES = 4, 2
SIDE_BYTES, MONO_SIDE_BYTES = 32, 17
MONO_AS_MID_STEPS = 2  # of global_gain: exactly sqrt(2), which a decoder takes off mid/side stereo
MIXED_BLOCK = 9  # in `windows`: long and short blocks in one granule
FEWEST_FRAMES = 8  # of a file that is taken for an MP3
MOST_FRAMES = 700_000  # of a file: more than a song may be long
MOST_TAGS = 100  # in front of the first frame
DECODER_DELAY = 529  # samples that every decoder inserts
LARGEST_GAIN = 255  # of the field global_gain
WINDOW_BYTES = 1 << 22  # of a file, looked through at a time
BEHIND = (b"TAG", b"APETAGEX", b"LYRICS", b"ID3")  # what may follow the last frame
ENCODERS = (b"LAME", b"Lavf", b"Lavc")  # whose delay players believe

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]


class Unfit(Exception):
    """The frames of this song cannot be copied; the text is the end of a sentence that begins “because”."""


class Source(Protocol):
    """Bytes that are read where they are asked for."""

    def __getitem__(self, part: slice) -> bytes: ...


class FileBytes:
    """The bytes of a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def __getitem__(self, part: slice) -> bytes:
        return os.pread(self._file.fileno(), max(0, part.stop - part.start), part.start)


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the frames of a stream are. Slots are counted as if they followed each other without headers."""

    data: Source
    rate: int
    mono: bool
    heads: Bytes  # (n, 4)
    starts: Numbers  # position of each header
    bodies: Numbers  # and of each slot
    slots: Numbers  # (n + 1,) where each slot begins among all slots
    delay: int  # samples that decoders skip at the beginning
    cut: int  # and at the end

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def samples(self) -> int:
        """The length of the decoded sound."""
        return MP3_FRAME * len(self) - self.delay - self.cut

    @property
    def highest_kbps(self) -> int:
        return max(BITRATES_KBPS[byte >> 4] for byte in np.unique(self.heads[:, 2]).tolist())


@dataclass(frozen=True, slots=True)
class Frames:
    """Consecutive frames taken apart. Places of main data are counted as in `Stream.slots`."""

    side: Bytes  # (n, 32): always those of a stereo frame, without main_data_begin
    stereo: Numbers  # mode extension: bit 1 mid/side, bit 0 intensity
    padding: Numbers
    begin: Numbers  # where the main data of each begins
    size: Numbers  # and its bytes
    windows: Bytes  # (n, granule, channel): 0 long, 1 start, 2 short, 3 stop, MIXED_BLOCK
    main: bytes  # the slots that hold the main data
    main_at: int  # where they begin

    def __len__(self) -> int:
        return len(self.size)

    def __getitem__(self, part: slice) -> "Frames":
        return Frames(
            side=self.side[part],
            stereo=self.stereo[part],
            padding=self.padding[part],
            begin=self.begin[part],
            size=self.size[part],
            windows=self.windows[part],
            main=self.main,
            main_at=self.main_at,
        )


def silent_frame() -> Frames:
    """Return one frame without a bit: its slot is room for the main data of the next."""
    none = np.zeros(1, np.int64)
    return Frames(
        np.zeros((1, SIDE_BYTES), np.uint8), none, none, none, none, np.zeros((1, 2, 2), np.uint8), b"", 0
    )


def open_stream(data: Source) -> Stream:
    """Find all frames of a stream. Raises Unfit, OSError."""
    at = find_first(data)
    head = data[at : at + HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[0] != 255 or head[1] & 0xFE != 0xFA or head[2] >> 2 & 3 > 1:
        raise Unfit("its frames are not MPEG-1 Layer III at 44.1 or 48 kHz")
    rate, mono = RATES_HZ[head[2] >> 2 & 3], head[3] >> 6 == 3
    lengths = frame_lengths(rate, head[2] & 12)
    starts, heads = walk(data, at, lengths)
    if ((heads[:, 3] >> 6 == 3) != mono).any():
        raise Unfit("it changes between mono and stereo")
    width = MONO_SIDE_BYTES if mono else SIDE_BYTES
    tag = read_tag(data[at : at + int(lengths[head[2]])], HEADER_BYTES + width)
    delay, cut = tag or (0, 0)
    if tag is not None:
        starts, heads = starts[1:], heads[1:]
    fixed = HEADER_BYTES + np.where(heads[:, 1] & 1, 0, CRC_BYTES) + width
    slots = np.concatenate(([0], np.cumsum(lengths[heads[:, 2]] - fixed)))
    return Stream(data, rate, mono, heads, starts, starts + fixed, slots, delay, cut)


def find_first(data: Source) -> int:
    """Return the place of the first frame: behind ID3v2 tags and zeros. Raises Unfit."""
    at = tags = 0
    while (head := data[at : at + 10])[:3] == b"ID3" and len(head) == 10:
        if (tags := tags + 1) > MOST_TAGS:
            raise Unfit("too many tags lie before its frames")
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        at += 10 + size + (10 if head[5] & 16 else 0)
    while (window := data[at : at + WINDOW_BYTES]) and not window.strip(b"\0"):
        at += len(window)
    return at + len(window) - len(window.lstrip(b"\0"))


def frame_lengths(rate: int, rate_bits: int) -> Numbers:
    """Return the bytes of a frame by the third byte of its header; 0 where a frame cannot have that byte."""
    lengths = np.zeros(256, np.int64)
    for byte in range(256):
        if byte & 12 == rate_bits and BITRATES_KBPS[byte >> 4]:
            lengths[byte] = 144_000 * BITRATES_KBPS[byte >> 4] // rate + (byte >> 1 & 1)
    return lengths


def walk(data: Source, at: int, lengths: Numbers) -> tuple[Numbers, Bytes]:
    """Go from header to header; return their places and bytes. Raises Unfit where there is other data."""
    sizes = lengths.tolist()
    places: list[int] = []
    heads = bytearray()
    longest = max(sizes)
    length = longest  # of the frame looked at
    while length and (window := data[at : at + WINDOW_BYTES]):
        if len(places) > MOST_FRAMES:
            raise Unfit("it has too many frames")
        origin, end = at, at + len(window)
        last = end - longest if len(window) == WINDOW_BYTES else end - HEADER_BYTES
        while at <= last:
            first = at - origin
            if window[first] != 255 or window[first + 1] & 0xFE != 0xFA:
                length = 0
                break
            length = sizes[window[first + 2]]
            if not length:
                break
            places.append(at)
            heads += window[first : first + HEADER_BYTES]
            at += length
        else:
            if len(window) < WINDOW_BYTES:
                break
    end = at + len(data[at : at + WINDOW_BYTES])
    if places and not data[at - 1 : at]:  # the last frame is not whole
        at = places.pop()
        del heads[-HEADER_BYTES:]
    elif (
        (rest := data[at:end].lstrip(b"\0")) and not rest.startswith(BEHIND) and len(places) >= FEWEST_FRAMES
    ):
        raise Unfit("there is other data between its frames")
    if len(places) < FEWEST_FRAMES:
        raise Unfit("its frames cannot be distinguished")
    return np.array(places, np.int64), np.frombuffer(bytes(heads), np.uint8).reshape(-1, HEADER_BYTES)


def read_tag(frame: bytes, place: int) -> tuple[int, int] | None:
    """Return the samples that decoders skip at both ends; None for a first frame that is sound.

    Readers look where the side information ends in a frame without a CRC, even where it has one.
    """
    if frame[place : place + 4] not in (b"Xing", b"Info"):
        return (0, 0) if frame[36:40] == b"VBRI" else None
    flags = frame[place + 7] if len(frame) > place + 7 else 0
    lame = place + 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
    if frame[lame : lame + 4] not in ENCODERS or len(frame) < lame + 24:
        return 0, 0
    both = int.from_bytes(frame[lame + 21 : lame + 24], "big")
    return (both >> 12) + DECODER_DELAY, max(0, (both & 4095) - DECODER_DELAY)


def take_apart(stream: Stream, first: int, end: int, step: int = 0) -> Frames:
    """Return frames `first` to before `end`, louder by `step` steps of 1.505 dB. Raises Unfit.

    A step may take global_gain down to 0, where everything is silence, but not beyond its highest value.
    """
    width = MONO_SIDE_BYTES if stream.mono else SIDE_BYTES
    back_to = max(0, int(np.searchsorted(stream.slots, stream.slots[first] - 511, "right")) - 1)
    origin = int(stream.starts[back_to])
    ends = stream.bodies[end - 1] + stream.slots[end] - stream.slots[end - 1]
    raw = stream.data[origin : int(ends)]
    if len(raw) < ends - origin:
        raise Unfit("its file became shorter")
    some = slice(first, end)
    array = np.frombuffer(raw, np.uint8)
    sides = stream.bodies[some] - width - origin
    bits = np.unpackbits(array[sides[:, np.newaxis] + np.arange(width)], axis=1)
    back = numbers(bits, 0, 9)
    bits = mono_as_mid(bits) if stream.mono else bits
    bits[:, :12] = 0
    add_gain(bits, step, BLOCKS)
    size = -(-np.sum([numbers(bits, block, 12) for block in BLOCKS], axis=0) // 8)
    heads = stream.heads[some]
    extension = heads[:, 3] >> 4 & 3
    stereo = np.where(heads[:, 3] >> 6 == 1, extension, 2 if stream.mono else 0)
    return Frames(
        side=np.packbits(bits, axis=1),
        stereo=stereo.astype(np.int64),
        padding=(heads[:, 2] >> 1 & 1).astype(np.int64),
        begin=stream.slots[some] - back,
        size=size,
        windows=window_kinds(bits),
        main=read_slots(stream, raw, origin, back_to, end),
        main_at=int(stream.slots[back_to]),
    )


def read_slots(stream: Stream, raw: bytes, origin: int, first: int, end: int) -> bytes:
    """Return the slots of some frames, joined."""
    sizes = np.diff(stream.slots[first : end + 1]).tolist()
    places = (stream.bodies[first:end] - origin).tolist()
    view = memoryview(raw)
    return b"".join([view[at : at + size] for at, size in zip(places, sizes, strict=True)])


def numbers(bits: Bytes, at: int, width: int) -> Numbers:
    """Return a field of each frame's side information."""
    values: Numbers = bits[:, at : at + width] @ (1 << np.arange(width, dtype=np.int64)[::-1])
    return values


def window_kinds(bits: Bytes) -> Bytes:
    """Return the kind of each granule's window, shape (n, 2, 2)."""
    kinds = [
        np.where(bits[:, b + 36], MIXED_BLOCK, numbers(bits, b + 34, 2)) * bits[:, b + 33] for b in BLOCKS
    ]
    return np.stack(kinds, 1).astype(np.uint8).reshape(-1, 2, 2)


def mono_as_mid(bits: Bytes) -> Bytes:
    """Return the side information of mid/side frames: the sound in mid, a side without a single bit.

    The side granule has the windows of mid: decoders take both from one of them.
    """
    wide = np.zeros((len(bits), 8 * SIDE_BYTES), np.uint8)
    wide[:, 12:16] = bits[:, 14:18]  # scfsi
    for source, (mid, side) in zip(MONO_BLOCKS, ((20, 79), (138, 197)), strict=True):
        wide[:, mid : mid + 59] = bits[:, source : source + 59]
        wide[:, side + 33 : side + 37] = bits[:, source + 33 : source + 37]
    add_gain(wide, MONO_AS_MID_STEPS, MID_BLOCKS)
    return wide


def add_gain(bits: Bytes, step: int, blocks: tuple[int, ...]) -> None:
    """Move global_gain of these granules in place. Raises Unfit where it would go beyond its highest value.

    It may be cut at 0: under 20 a granule is silent, whatever its spectrum.
    """
    for at in blocks if step else ():
        gain = numbers(bits, at + 21, 8) + step
        if (gain > LARGEST_GAIN)[numbers(bits, at, 12) > 0].any():
            raise Unfit("its loudness cannot be moved so far")
        moved = gain.clip(0, LARGEST_GAIN).astype(np.uint8)
        bits[:, at + 21 : at + 29] = np.unpackbits(moved[:, np.newaxis], axis=1)


def highest_gain(frames: Frames) -> int:
    """Return the highest global_gain of frames that are heard."""
    bits: Any = np.unpackbits(frames.side, axis=1)
    gains = [numbers(bits, at + 21, 8)[numbers(bits, at, 12) > 0] for at in BLOCKS]
    return max((int(gain.max()) for gain in gains if len(gain)), default=0)
