"""Hostile and unusual files, generated here, each with its expected outcome.

`use` (the sound is analysed), `refuse` (with a sentence), `either` (both are correct if the process
survives).
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mixes.engine.tests.signals import RATE, run_ffmpeg, sine, write_audio

USE, REFUSE, EITHER = "use", "refuse", "either"
SECRET = "secret.wav"  # in the folder of the crafted files; some of them name its full path


@dataclass(frozen=True)
class Crafted:
    name: str
    data: bytes
    expect: str


def riff(rate, channels, data, *, bits=16, code=1, claimed=None):
    """Return a WAV with the given sizes in its header."""
    block = channels * bits // 8
    form = struct.pack(
        "<HHIIHH", code, channels & 0xFFFF, rate, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    size = len(data) if claimed is None else claimed
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


def playlists(folder: Path, port: int) -> Iterator[Crafted]:
    """Yield playlists that name other files, or a server, under the names of songs."""
    secret = folder / SECRET
    url = f"http://127.0.0.1:{port}/secret.mp3"
    hls = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n{}#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
    for name, target in {
        "path": secret,
        "file": f"file://{secret}",
        "near": SECRET,
        "http": url,
        "concat": f"concat:{secret}|{secret}",
        "subfile": f"subfile,,start,0,end,99999,,:{secret}",
        "crypto": f"crypto:{secret}",
        "data": "data:audio/wav;base64,UklGRg==",
        "tcp": f"tcp://127.0.0.1:{port}",
        "udp": f"udp://127.0.0.1:{port}",
    }.items():
        yield Crafted(f"hls-{name}.mp3", hls.format("", target).encode(), REFUSE)
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="{secret}"\n'
    yield Crafted("hls-key.mp3", hls.format(key, SECRET).encode(), REFUSE)
    yield Crafted("hls-behind-a-tag.mp3", b"ID3\x03\0\0\0\0\0\0" + hls.format("", secret).encode(), REFUSE)
    for name, target in {"near": SECRET, "path": f"'{secret}'", "http": url}.items():
        yield Crafted(f"ffconcat-{name}.mp3", f"ffconcat version 1.0\nfile {target}\n".encode(), REFUSE)
    mpd = (
        '<?xml version="1.0"?>{}<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
        'bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'
    yield Crafted("dash-path.mp3", mpd.format("", secret).encode(), REFUSE)
    yield Crafted("dash-http.m4a", mpd.format("", url).encode(), REFUSE)
    yield Crafted("dash-entity.mp3", mpd.format(entity, "&e;").encode(), REFUSE)
    sdp = f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n"
    yield Crafted("sdp.mp3", sdp.encode(), REFUSE)
    for name, text in {
        "m3u": str(secret),
        "pls": f"[playlist]\nFile1={url}\n",
        "asx": f'<asx><entry><ref href="{url}"/></entry></asx>',
        "smil": f'<smil><body><audio src="{url}"/></body></smil>',
        "ram": url,
        "cue": f'FILE "{secret}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    }.items():
        yield Crafted(f"{name}.mp3", text.encode(), REFUSE)


def false_headers(folder: Path) -> Iterator[Crafted]:
    """Yield files with false sizes in their headers."""
    second = (sine(440, 1.0) * 32767).astype("<i2").tobytes()
    for rate in (0, 1, 7, 3_999, 1_000_000, 0x7FFFFFFF, 0xFFFFFFFF):
        yield Crafted(f"rate-{rate}.wav", riff(rate, 1, bytes(100_000)), REFUSE)
    for channels in (0, 65_535):
        yield Crafted(f"channels-{channels}.wav", riff(RATE, channels, bytes(1000)), REFUSE)
    yield Crafted("bits-0.wav", riff(RATE, 2, second, bits=0), EITHER)
    yield Crafted("claims-4-gb.wav", riff(RATE, 2, second, claimed=0xFFFFFFFF), USE)
    yield Crafted("claims-nothing.wav", riff(RATE, 2, second, claimed=0), EITHER)
    yield Crafted("header-only.wav", riff(RATE, 2, b""), REFUSE)
    flac = bytearray(write_audio(folder / "work.flac", sine(440, 1.0)).read_bytes())
    flac[18:26] = (int.from_bytes(flac[18:26], "big") >> 36 << 36 | RATE * 360_000).to_bytes(8, "big")
    yield Crafted("claims-100-hours.flac", bytes(flac), USE)
    m4a = write_audio(folder / "work.m4a", sine(440, 2.0), RATE, "-c:a", "aac").read_bytes()
    at = m4a.index(b"stsz")
    yield Crafted(
        "claims-2-billion-samples.m4a", m4a[: at + 12] + b"\x7f\xff\xff\xff" + m4a[at + 16 :], EITHER
    )
    for kind in (b"stsc", b"stco", b"stts", b"mdhd"):
        at = m4a.index(kind)
        yield Crafted(
            f"false-size-in-{kind.decode()}.m4a", m4a[: at + 8] + b"\xff" * 8 + m4a[at + 16 :], EITHER
        )
    mp3 = write_audio(folder / "work.mp3", sine(440, 2.0)).read_bytes()
    at = mp3.index(b"Info") if b"Info" in mp3 else mp3.index(b"Xing")
    yield Crafted("claims-many-frames.mp3", mp3[: at + 8] + b"\x7f\xff\xff\xff" + mp3[at + 12 :], EITHER)
    ogg = write_audio(folder / "work.ogg", sine(440, 2.0), RATE, "-c:a", "libvorbis").read_bytes()
    last = ogg.rindex(b"OggS")
    yield Crafted(
        "claims-aeons.ogg", ogg[: last + 6] + b"\xff\xff\xff\xff\xff\xff\xff\x7f" + ogg[last + 14 :], EITHER
    )
    yield Crafted("cut.mp3", mp3[: len(mp3) // 2], USE)
    yield Crafted("cut.ogg", ogg[: len(ogg) // 2], EITHER)
    yield Crafted("glued.mp3", mp3 + mp3, USE)


def sounds(folder: Path) -> Iterator[Crafted]:
    """Yield files whose samples are not finite, or far too many."""
    tone = (0.5 * np.sin(np.arange(RATE) / 10)).astype("<f4")
    for name, value in {"nan": np.nan, "inf": np.inf, "huge": 1e30}.items():
        data = tone.copy()
        data[::1000] = value
        yield Crafted(f"{name}.wav", riff(RATE, 1, data.tobytes(), bits=32, code=3), USE)
    nothing = np.full(RATE, np.nan, "<f4").tobytes()
    yield Crafted("all-nan.wav", riff(RATE, 1, nothing, bits=32, code=3), REFUSE)
    yield Crafted("silence.wav", riff(RATE, 1, bytes(2 * RATE)), REFUSE)
    yield Crafted("3-ms.wav", riff(RATE, 1, b"\x10\x20" * 132), REFUSE)
    bomb = folder / "work-bomb.flac"
    source = ("-f", "lavfi", "-i", "anullsrc=r=4000:cl=mono", "-t", "72000")
    run_ffmpeg(*source, "-compression_level", "0", "-frame_size", "65535", str(bomb))
    yield Crafted("20-hours-of-silence.flac", bomb.read_bytes(), REFUSE)


def others(folder: Path) -> Iterator[Crafted]:
    """Yield files that are no song, and songs that are another format as well."""
    mp3 = write_audio(folder / "work.mp3", sine(440, 2.0)).read_bytes()
    script = b"<html><script>alert(1)</script></html>"
    yield Crafted("page.mp3", script * 99, REFUSE)
    yield Crafted("page-and-song.mp3", script + mp3, EITHER)
    yield Crafted("song-and-page.mp3", mp3 + script * 99, USE)
    yield Crafted("archive-and-song.mp3", b"PK\x03\x04" + bytes(26) + mp3, EITHER)
    yield Crafted(
        "module.mp3",
        b"song name".ljust(20, b"\0") + bytes(930) + b"\x01\x7f" + bytes(128) + b"M.K." + bytes(1024),
        REFUSE,
    )
    nsf = b"NESM\x1a\x01\x01\x01\x00\x80\x00\x80\x00\x80".ljust(128, b"\0") + b"\x4c\x00\x80" * 8
    yield Crafted("console-forever.mp3", nsf, REFUSE)
    yield Crafted("avi.mp3", b"RIFF\x64\0\0\0AVI LIST\x40\0\0\0hdrlavih" + bytes(100), REFUSE)
    yield Crafted(
        "drawing.mp3",
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        REFUSE,
    )
    yield Crafted("picture.mp3", png_of(64, 64), REFUSE)
    yield Crafted("empty.mp3", b"", REFUSE)
    yield Crafted("one-byte.mp3", b"\xff", REFUSE)
    yield Crafted("noise.mp3", np.random.default_rng(440).bytes(100_000), EITHER)
    yield Crafted("zeros.mp3", bytes(1_000_000), REFUSE)
    yield Crafted("tag-of-20-mb.mp3", id3_of(b"TIT2", b"\x03" + b"x" * 20_000_000) + mp3, EITHER)
    yield Crafted("tag-without-end.mp3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + mp3, EITHER)
    for name, text in HOSTILE_WORDS.items():
        frame = b"\x01" + text.encode("utf-16", "surrogatepass")
        yield Crafted(f"tag-{name}.mp3", id3_of(b"TIT2", frame) + mp3, USE)


HOSTILE_WORDS = {
    "lines": "One\n0:00 Injected\r\n9:99 More",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "bidi": "abc\u202etxt.exe\u2066\u200f",
    "zero": "a\0b\x1b[31mred\x07",
    "long": "x" * 100_000,
    "quote": "\"; drop table mixes_track; -- '",
    "format": "{title.__class__} %(x)s %n {{ 7*7 }} {% load x %}",
    "surrogate": "\ud800 half",
    "metadata": "a=b;c#d\\e\n[CHAPTER]\nSTART=0",
    "link": "https://evil.example.org/ www.evil.example.org",
}


def id3_of(frame: bytes, data: bytes) -> bytes:
    """Return an ID3v2.4 tag with one frame."""
    body = frame + synchsafe(len(data)) + b"\0\0" + data
    return b"ID3\x04\0\0" + synchsafe(len(body)) + body


def synchsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def png_of(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG header of any size with almost no data."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", body) + part(b"IEND", b"")


def pictures(folder: Path, port: int) -> Iterator[Crafted]:
    """Yield pictures that are decompression bombs, programs, or other formats."""
    plain = png_of(64, 48)
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:{port}/x.png"/></svg>'
    yield Crafted("plain.png", plain, USE)
    yield Crafted("bomb-30000.png", png_that_claims(30_000, 30_000), REFUSE)
    yield Crafted("bomb-12000.png", png_that_claims(12_000, 12_000), REFUSE)
    yield Crafted("claims-2-billion.png", png_that_claims(0x7FFFFFFF, 0x7FFFFFFF), REFUSE)
    yield Crafted("claims-0.png", png_that_claims(0, 0), REFUSE)
    yield Crafted("drawing.png", drawing.encode(), REFUSE)
    yield Crafted("postscript.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", REFUSE)
    yield Crafted(
        "magick.png",
        f"push graphic-context\nimage over 0,0 0,0 'http://127.0.0.1:{port}/x'\n".encode(),
        REFUSE,
    )
    yield Crafted("page.gif", b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)", REFUSE)
    yield Crafted("cut.png", plain[: len(plain) // 2], EITHER)
    yield Crafted("song.jpg", riff(RATE, 1, bytes(1000)), REFUSE)
    yield Crafted("empty.png", b"", REFUSE)
    gif = bytearray(gif_of(8, 8))
    gif[6:10] = b"\xff\xff\xff\xff"
    yield Crafted("claims-65535.gif", bytes(gif), REFUSE)


def gif_of(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (width, height)).save(buffer, "GIF")
    return buffer.getvalue()


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip bytes, truncate, or move a block, as a bad disk, a bad connection or an attacker does."""
    changed = bytearray(data)
    deed: Callable[[], None] = [
        lambda: _flip(changed, rng),
        lambda: _cut(changed, rng),
        lambda: _splice(changed, rng),
    ][rng.integers(3)]
    deed()
    return bytes(changed)


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(1, 60)):
        data[rng.integers(len(data))] = rng.integers(256)


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[rng.integers(1, len(data)) :]


def _splice(data: bytearray, rng: np.random.Generator) -> None:
    start, size, to = rng.integers(len(data)), rng.integers(1, 5_000), rng.integers(len(data))
    piece = data[start : start + size]
    data[to:to] = piece
