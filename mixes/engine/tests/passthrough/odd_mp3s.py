"""Odd MP3s: what encoders, taggers, cutters and bad disks make, and what nobody should."""

import functools
import random
from collections.abc import Callable, Iterator

import numpy as np

from mixes.engine.passthrough.frames import (
    BITRATES_KBPS,
    BLOCKS,
    RATES_HZ,
    Frames,
    open_stream,
    take_apart,
)
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.songs import DEMO_SONGS, render_song
from mixes.engine.tests.passthrough.streams import encode

SECONDS = 3
BARE = ("-write_xing", "0", "-id3v2_version", "0")
CRC = [
    functools.reduce(lambda c, _: c << 1 ^ (0x8005 if c & 0x8000 else 0), range(8), n << 8)
    for n in range(256)
]


@functools.cache
def music(rate: int = 44_100):
    return render_song(DEMO_SONGS[1], rate)[rate : (1 + SECONDS) * rate]


@functools.cache
def made(*options: str, rate: int = 44_100, mono: bool = False) -> bytes:
    """Return what LAME makes of some music."""
    sound = music(rate)
    return encode(find_ffmpeg(), sound[:, :1].copy() if mono else sound, *options, rate=rate)


@functools.cache
def bare(*options: str, mono: bool = False, rate: int = 44_100) -> bytes:
    """Return frames without any tag."""
    return made(*options, *BARE, mono=mono, rate=rate)


def frames_of(data: bytes) -> tuple[Frames, int]:
    """Return the frames of a stereo stream taken apart, and its rate."""
    stream = open_stream(data)
    return take_apart(stream, 0, len(stream)), stream.rate


def places_of(data: bytes) -> list[int]:
    """Return where each frame begins."""
    return [int(place) for place in open_stream(data).starts]


def crc_of(header: bytes, side: bytes) -> int:
    crc = 0xFFFF
    for byte in header[2:] + side:
        crc = (crc << 8 ^ CRC[crc >> 8 ^ byte]) & 0xFFFF
    return crc


def build(
    data: bytes,
    *,
    kbps: Callable[[int], int] = lambda frame: 320,
    mode: int = 1,
    crc: str = "",
    reservoir: int = 511,
    late: bool = False,
    stuffing: int = 0,
    low_bits: int = 0,
    junk_extension: int | None = None,
) -> bytes:
    """Return the frames of a stream in a new form.

    Main data lies as early as `reservoir` allows, or as late as the next frames do not mind. `crc` is "",
    "right" or "wrong"; `mode` that of the header; `low_bits` are copyright, original and emphasis.
    """
    frames, rate = frames_of(data)
    heads, slots, backs, at, used = [], [], [], 0, 0
    main = bytearray()
    for index in range(len(frames)):
        bit_rate, padding = kbps(index), int(frames.padding[index])
        length = 144_000 * bit_rate // rate + padding if bit_rate else 1_400
        slot = length - 4 - 32 - (2 if crc else 0)
        size = int(frames.size[index])
        place = max(used, at - reservoir)
        if late:
            place = max(place, at)
        assert place + size <= at + slot, "no room"
        main += bytes([stuffing]) * (at + slot - len(main))
        begin = int(frames.begin[index]) - frames.main_at
        main[place : place + size] = frames.main[begin : begin + size]
        extension = int(frames.stereo[index]) if junk_extension is None else junk_extension
        code = BITRATES_KBPS.index(bit_rate) << 4 | RATES_HZ.index(rate) << 2 | padding << 1
        heads.append(bytes([255, 0xFA if crc else 0xFB, code, mode << 6 | extension << 4 | low_bits]))
        backs.append(at - place)
        slots.append((at, at + slot))
        used, at = place + size, at + slot
    out = []
    for index, (head, back, (first, end)) in enumerate(zip(heads, backs, slots, strict=True)):
        side = bytearray(frames.side[index].tobytes())
        side[0], side[1] = back >> 1, side[1] & 0x7F | (back & 1) << 7
        check = b""
        if crc:
            check = (crc_of(head, side) ^ (0x5555 if crc == "wrong" else 0)).to_bytes(2, "big")
        out.append(head + check + bytes(side) + bytes(main[first:end]))
    return b"".join(out)


def with_side(data: bytes, frame: int, change: Callable[[np.ndarray], None]) -> bytes:
    """Return a stereo stream without CRCs in which the bits of one frame's side information are changed."""
    out = bytearray(data)
    at = places_of(data)[frame] + 4
    bits = np.unpackbits(np.frombuffer(bytes(out[at : at + 32]), np.uint8))
    change(bits)
    out[at : at + 32] = np.packbits(bits).tobytes()
    return bytes(out)


def set_bits(first: int, width: int, value: int) -> Callable[[np.ndarray], None]:
    def change(bits: np.ndarray) -> None:
        for at in BLOCKS:
            bits[at + first : at + first + width] = [value >> width - 1 - bit & 1 for bit in range(width)]

    return change


def with_heads(data: bytes, change: Callable[[bytearray, int], None], every: int = 1) -> bytes:
    """Return a stream with changed headers: `change` gets all bytes and the place of a frame."""
    out = bytearray(data)
    for place in places_of(data)[::every]:
        change(out, place)
    return bytes(out)


def id3(size: int, footer: bool = False) -> bytes:
    length = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    head = b"\x04\x00" + bytes([16 if footer else 0]) + length
    return b"ID3" + head + bytes(size) + (b"3DI" + head if footer else b"")


def xing(
    data: bytes, tag: bytes = b"Xing", flags: int = 15, frames: int = 0, lame: bytes = b"", both: int = 0
) -> bytes:
    """Return a stream behind a first frame that holds a tag."""
    frame = bytearray(417)
    frame[:4] = b"\xff\xfb\x90\x44"
    head = tag + flags.to_bytes(4, "big")
    head += frames.to_bytes(4, "big") * (flags & 1) + bytes(4) * (flags >> 1 & 1)
    head += bytes(range(100)) * (flags >> 2 & 1) + bytes(4) * (flags >> 3 & 1)
    if lame:
        head += (lame + b"3.100 ").ljust(9)[:9] + bytes(12) + both.to_bytes(3, "big") + bytes(12)
    frame[36 : 36 + len(head)] = head
    return bytes(frame) + data


def vbri(data: bytes) -> bytes:
    frame = bytearray(417)
    frame[:4] = b"\xff\xfb\x90\x44"
    frame[36:62] = b"VBRI" + b"\0\1" + bytes(20)
    return bytes(frame) + data


def encoded() -> Iterator[tuple[str, bytes]]:
    """Yield what LAME makes with all kinds of options."""
    for rate in (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000):
        yield f"{rate} Hz", made("-b:a", "64k", rate=rate)
    for rate in (44_100, 48_000):
        for kbps in (32, 56, 64, 96, 128, 160, 192, 224, 256, 320):
            yield f"{kbps} kbit/s at {rate} Hz", made("-b:a", f"{kbps}k", rate=rate)
        for quality in (0, 2, 4, 6, 9):
            yield f"V{quality} at {rate} Hz", made("-q:a", str(quality), "-ar", str(rate), rate=rate)
    for kbps in (32, 64, 128, 320):
        yield f"mono {kbps}", made("-b:a", f"{kbps}k", mono=True)
    yield "mono at 48 kHz", made("-b:a", "96k", mono=True, rate=48_000)
    yield "mono V4", made("-q:a", "4", mono=True)
    yield "mono without a tag", bare("-b:a", "96k", mono=True)
    for kbps in (96, 192, 320):
        yield f"simple stereo {kbps}", made("-b:a", f"{kbps}k", "-joint_stereo", "0")
        yield f"no reservoir {kbps}", made("-b:a", f"{kbps}k", "-reservoir", "0")
    yield "ABR", made("-abr", "1", "-b:a", "150k")
    yield "no tag", bare("-b:a", "192k")
    yield "no ID3", made("-b:a", "192k", "-id3v2_version", "0")
    yield "ID3v1 behind", made("-b:a", "192k", "-write_id3v1", "1", "-metadata", "title=x")


def rebuilt() -> Iterator[tuple[str, bytes]]:
    """Yield streams that are right, but that no usual encoder makes."""
    base, simple = bare("-b:a", "96k"), bare("-b:a", "96k", "-joint_stereo", "0")
    yield "reservoir to the limit", build(base, kbps=lambda frame: 192)
    yield "no back pointer", build(base, kbps=lambda frame: 320, late=True)
    yield "short reservoir", build(base, kbps=lambda frame: 256, reservoir=100)
    yield "every bit rate in turn", build(base, kbps=lambda frame: (192, 320, 160, 256, 224)[frame % 5])
    yield "a change of bit rate in the middle", build(base, kbps=lambda frame: 160 if frame < 50 else 320)
    yield "stuffed with ones", build(base, stuffing=255)
    yield "stuffed with half a sync", build(base, kbps=lambda frame: 256, stuffing=0xFB)
    yield "dual channel", build(simple, mode=2)
    yield "plain stereo with an extension", build(simple, mode=0, junk_extension=3)
    yield "intensity stereo", build(simple, mode=1, junk_extension=1)
    yield "intensity and mid/side", build(base, mode=1, junk_extension=3)
    for kind in ("right", "wrong"):
        yield f"{kind} CRC", build(base, crc=kind)
        yield f"{kind} CRC with reservoir", build(base, kbps=lambda frame: 192, crc=kind)
        yield f"{kind} CRC behind Xing", xing(build(base, crc=kind), lame=b"LAME", both=576 << 12 | 800)
    for bits, name in (
        (8, "copyright"),
        (4, "original"),
        (1, "emphasis"),
        (2, "reserved emphasis"),
        (15, "all"),
    ):
        yield f"{name} bits", build(base, low_bits=bits)
    yield "free format", build(bare("-b:a", "96k", rate=48_000), kbps=lambda frame: 0)
    yield "private bit", with_heads(base, lambda out, at: out.__setitem__(at + 2, out[at + 2] | 1))


def damaged_side() -> Iterator[tuple[str, bytes]]:
    """Yield streams of which one frame's side information is odd or wrong."""
    base = build(bare("-b:a", "128k"), kbps=lambda frame: 320)
    for name, change in {
        "gain 0": set_bits(21, 8, 0),
        "gain 255": set_bits(21, 8, 255),
        "gain 19": set_bits(21, 8, 19),
        "no bits, big values": set_bits(0, 12, 0),
        "longest part": set_bits(0, 12, 4095),
        "one bit": set_bits(0, 12, 1),
        "too many big values": set_bits(12, 9, 511),
        "big values 288": set_bits(12, 9, 288),
        "no big values": set_bits(12, 9, 0),
        "scale factors 15": set_bits(29, 4, 15),
        "reserved block type": set_bits(33, 3, 0b100),
        "short blocks": set_bits(33, 4, 0b1100),
        "mixed blocks": set_bits(33, 4, 0b1101),
        "start blocks": set_bits(33, 4, 0b1010),
        "stop blocks": set_bits(33, 4, 0b1110),
        "reserved tables": set_bits(34, 15, 0b00100_01110_00100),
        "preflag": set_bits(56, 1, 1),
        "coarse scale": set_bits(57, 1, 1),
        "other count table": set_bits(58, 1, 1),
    }.items():
        yield name, with_side(base, 40, change)
        yield f"{name}, last frame", with_side(base, len(places_of(base)) - 1, change)
    yield "shared scale factors", with_side(base, 40, lambda bits: bits[12:20].fill(1))
    yield "shared scale factors at first", with_side(base, 0, lambda bits: bits[12:20].fill(1))
    yield "longest back pointer", with_side(base, 40, lambda bits: bits[:9].fill(1))
    yield "back pointer at first", with_side(base, 0, lambda bits: bits[:9].fill(1))
    yield "no back pointer in the middle", with_side(base, 40, lambda bits: bits[:9].fill(0))
    yield "everything 1", with_side(base, 40, lambda bits: bits.fill(1))
    yield "everything 0", with_side(base, 40, lambda bits: bits.fill(0))


def noise_inside() -> Iterator[tuple[str, bytes]]:
    """Yield streams with bits turned over."""
    source = random.Random(7)
    base, full = bare("-b:a", "192k"), bare("-b:a", "320k")
    for number in range(16):
        data = bytearray(base if number % 2 else full)
        place = source.choice(places_of(bytes(data))[8:-8])
        first = place + (4 if number % 4 < 2 else 36)
        for _ in range(1 + number):
            data[first + source.randrange(30 if number % 4 < 2 else 500)] ^= 1 << source.randrange(8)
        yield f"bits turned over {number}", bytes(data)


def pieced() -> Iterator[tuple[str, bytes]]:
    """Yield what cutting, joining, tagging and downloading leave behind."""
    base, tagged, mono = bare("-b:a", "192k"), made("-b:a", "192k"), bare("-b:a", "192k", mono=True)
    other = bare("-b:a", "320k")
    places = places_of(base)
    middle = places[len(places) // 2]
    for frame in (1, 2, 5, 20):
        yield f"begins at frame {frame}", base[places[frame] :]
    yield "begins inside a frame", base[places[3] + 100 :]
    yield "begins inside a header", base[places[3] + 2 :]
    for cut in (1, 4, 50, 500, 700):
        yield f"ends {cut} bytes early", tagged[:-cut]
    yield "half of it", tagged[: len(tagged) // 2]
    yield "a frame is missing", base[:middle] + base[places_of(base)[len(places) // 2 + 1] :]
    yield "a frame is there twice", base[: places[60]] + base[places[59] :]
    yield "a byte is missing", base[:middle] + base[middle + 1 :]
    yield "a byte too many", base[:middle] + b"\0" + base[middle:]
    for name, junk in {
        "zeros": bytes(3000),
        "ones": b"\xff" * 700,
        "text": b"<html>404 not found</html>" * 9,
        "ID3": id3(300),
        "ID3v1": b"TAG" + bytes(125),
        "APE": b"APETAGEX" + bytes(120),
        "a false sync": b"\xff\xfb\xb0\x44" * 40,
    }.items():
        yield f"{name} between frames", base[:middle] + junk + base[middle:]
        yield f"{name} before", junk + base
        yield f"{name} behind", base + junk
        yield f"{name} before and behind a tag", junk + tagged + junk
    yield "two ID3s", id3(100) + id3(5000, footer=True) + base
    yield "ID3 of no size", id3(0) * 20 + base
    yield "ID3 longer than the file", id3(300)[:6] + b"\x7f\x7f\x7f\x7f" + base
    yield "two songs", base + bare("-b:a", "192k", "-joint_stereo", "0")
    yield "two songs with tags", tagged + made("-b:a", "320k")
    yield "two bit rates", base + other
    yield "stereo, then mono", base + mono
    yield "mono, then stereo", mono + base
    yield "44.1, then 48 kHz", base + bare("-b:a", "192k", rate=48_000)
    yield "MPEG-1, then MPEG-2", base + bare("-b:a", "64k", rate=22_050)
    yield "in a WAV", b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(30) + b"data" + bytes(4) + base
    yield "layer bits wrong", with_heads(base, lambda out, at: out.__setitem__(at + 1, 0xFD))
    yield "one layer wrong", with_heads(base, lambda out, at: out.__setitem__(at + 1, 0xFD), every=50)
    yield "one rate wrong", with_heads(base, lambda out, at: out.__setitem__(at + 2, 0xFF), every=50)
    yield "seven frames", base[: places[7]]
    yield "an empty file", b""
    yield "noise", random.Random(1).randbytes(50_000)


def with_tags() -> Iterator[tuple[str, bytes]]:
    """Yield streams whose first frame says what is or is not so."""
    base = bare("-b:a", "128k")
    count = len(places_of(base))
    yield "VBRI", vbri(base)
    for tag in (b"Xing", b"Info"):
        name = tag.decode()
        yield f"{name} without LAME", xing(base, tag, frames=count)
        yield f"{name} without anything", xing(base, tag, flags=0)
        yield f"{name} of no frames", xing(base, tag, lame=b"LAME", both=576 << 12)
        yield f"{name} of too many frames", xing(base, tag, frames=10 * count, lame=b"LAME", both=576 << 12)
        yield f"{name} of too few frames", xing(base, tag, frames=count // 2, lame=b"Lavf", both=576 << 12)
        yield f"{name} with the longest delay", xing(base, tag, frames=count, lame=b"LAME", both=0xFFFFFF)
        yield f"{name} without delay", xing(base, tag, frames=count, lame=b"LAME", both=0)
        yield f"{name} of another encoder", xing(base, tag, frames=count, lame=b"GOGO", both=576 << 12 | 900)
        yield f"{name} of Lavc", xing(base, tag, frames=count, lame=b"Lavc", both=576 << 12 | 900)
        yield f"{name} with some flags", xing(base, tag, flags=5, frames=count, lame=b"LAME", both=576 << 12)
    yield "two Xings", xing(xing(base, frames=count, lame=b"LAME", both=576 << 12), frames=count)
    yield "Xing in the middle", base + xing(base, frames=count, lame=b"LAME", both=576 << 12)


KINDS: dict[str, Callable[[], Iterator[tuple[str, bytes]]]] = {
    kind.__name__: kind for kind in (encoded, rebuilt, damaged_side, noise_inside, pieced, with_tags)
}
