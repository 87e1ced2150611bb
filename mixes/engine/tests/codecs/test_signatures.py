"""Files that are no songs, though songs may be in them: recognised before a decoder sees them."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile

import pytest

from mixes.engine.codecs.decode import open_track
from mixes.engine.codecs.signatures import not_audio_reason
from mixes.engine.errors import DecodeError
from mixes.engine.tests.signals import pink_noise, run_ffmpeg, write_audio


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "a.mp3"
    return write_audio(path, pink_noise(2.0), 44_100, "-b:a", "128k").read_bytes()


def zipped(song, method=zipfile.ZIP_STORED, name="a.mp3"):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr(name, song)
    return data.getvalue()


def tarred(song, form):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        member = tarfile.TarInfo("Music/a.mp3")
        member.size = len(song)
        archive.addfile(member, io.BytesIO(song))
    return data.getvalue()


def old_tarred(song):
    """A TAR of before 1988: no word in it says so, only its checksum is right."""
    header = bytearray(tarred(song, tarfile.USTAR_FORMAT)[:512])
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + song


def disc(song, sector=2048, before=0):
    descriptor = b"\x01CD001\x01\0"
    raw = b"\0" + b"\xff" * 10 + b"\0" if before else b""
    return raw.ljust(16 * sector + before, b"\0") + descriptor + bytes(4000) + song


def partitioned(song):
    entry = struct.pack("<B3sB3sII", 0x80, b"", 0x0C, b"", 2048, 4096)
    return b"\xfa\x31\xc0".ljust(446, b"\x90") + entry.ljust(64, b"\0") + b"\x55\xaa" + song


def lengthless(form, *options):
    """A file that a program wrote into a pipe, where no header can be completed."""
    return run_ffmpeg("-f", "lavfi", "-i", "sine=d=1", *options, "-f", form, "-")


CONTAINERS = {
    "zip": (zipped, "ZIP"),
    "zip deflated": (lambda song: zipped(song, zipfile.ZIP_DEFLATED), "ZIP"),
    "zip of nothing": (lambda song: b"PK\5\6" + bytes(18), "ZIP"),
    "book": (lambda song: zipped(song, name="mimetype"), "document"),
    "rar": (lambda song: b"Rar!\x1a\7\1\0" + bytes(40) + song, "RAR"),
    "old rar": (lambda song: b"Rar!\x1a\7\0" + bytes(40) + song, "RAR"),
    "7z": (lambda song: b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24) + song, "7z"),
    "tar": (lambda song: tarred(song, tarfile.USTAR_FORMAT), "TAR"),
    "gnu tar": (lambda song: tarred(song, tarfile.GNU_FORMAT), "TAR"),
    "pax tar": (lambda song: tarred(song, tarfile.PAX_FORMAT), "TAR"),
    "old tar": (old_tarred, "TAR"),
    "gz": (gzip.compress, "gzip"),
    "gz stored": (lambda song: gzip.compress(song, 0), "gzip"),
    "xz": (lzma.compress, "xz"),
    "bz2": (bz2.compress, "bzip2"),
    "zstd": (lambda song: b"\x28\xb5\x2f\xfd\x04" + song, "Zstandard"),
    "cab": (lambda song: b"MSCF\0\0\0\0" + bytes(60) + song, "CAB"),
    "lha": (lambda song: b"\x20\x10-lh0-" + song, "LHA"),
    "deb": (lambda song: b"!<arch>\n" + song, "package"),
    "iso": (disc, "image of a disc"),
    "raw cd": (lambda song: disc(song, 2352, 16), "image of a CD"),
    "audio cd image": (lambda song: b"\0" + b"\xff" * 10 + b"\0" + bytes(4) + song, "image of a CD"),
    "dmg": (lambda song: song + b"koly".ljust(512, b"\0"), "disk image"),
    "vhd": (lambda song: song + b"conectix".ljust(512, b"\0"), "disk image"),
    "nero": (lambda song: bytes(4096) + song + b"NER5" + bytes(8), "image of a disc"),
    "fat": (lambda song: b"\xeb\x3c\x90MSDOS5.0".ljust(510, b"\0") + b"\x55\xaa" + song, "disk image"),
    "memory card": (partitioned, "disk image"),
    "gpt": (lambda song: bytes(510) + b"\x55\xaaEFI PART" + bytes(500) + song, "disk image"),
    "ext4": (lambda song: bytes(1024 + 56) + b"\x53\xef" + bytes(900) + song, "disk image"),
    "qcow": (lambda song: b"QFI\xfb\0\0\0\3" + song, "disk image"),
    "pdf": (lambda song: b"%PDF-1.7\n" + song, "PDF"),
    "word": (lambda song: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + song, "document"),
    "exe": (lambda song: b"MZ\x90\0" + bytes(60) + song, "program"),
    "elf": (lambda song: b"\x7fELF\2\1\1" + bytes(57) + song, "program"),
    "script": (lambda song: b"#!/bin/sh\n" + song, "program"),
    "avi": (lambda song: b"RIFF\0\0\1\0AVI LIST" + song, "video"),
    "flv": (lambda song: b"FLV\1\4\0\0\0\x09" + song, "video"),
    "mpeg": (lambda song: b"\0\0\1\xba\x44" + song, "video"),
    "apple double": (lambda song: b"\0\5\x16\7\0\2\0\0" + song, "macOS"),
    "picture": (lambda song: b"\x89PNG\r\n\x1a\n" + song, "picture"),
    "m3u": (lambda song: b"\xef\xbb\xbf#EXTM3U\na.mp3\n", "playlist"),
    "pls": (lambda song: b"[playlist]\nFile1=a.mp3\n", "playlist"),
    "xspf": (lambda song: b'<?xml version="1.0"?>\n<playlist version="1">', "playlist"),
    "cue": (lambda song: b'FILE "a.mp3" MP3\n' + song, "CUE sheet"),
    "zip after zeros": (lambda song: bytes(100) + zipped(song), "ZIP"),
    "zip after a stub": (lambda song: b"stub" * 30 + zipped(song), "ZIP"),
    "docx": (lambda song: zipped(song, name="docProps/app.xml"), "document"),
    "apk": (lambda song: zipped(song, name="AndroidManifest.xml"), "program"),
    "jar": (lambda song: zipped(song, name="META-INF/MANIFEST.MF"), "program"),
    "wim": (lambda song: b"MSWIM\0\0\0" + song, "archive"),
    "e-mail": (lambda song: b"Return-Path: <a@b.c>\r\nReceived: from d\r\n\r\n" + song, "e-mail"),
    "mailbox": (lambda song: b"From a@b.c Mon Nov 30\nSubject: Song\n\n" + song, "e-mail"),
    "web page": (lambda song: b"<!DOCTYPE html>\n<html><body>" + song, "web page"),
    "text": (lambda song: b"The words of my song\nare these.\n" + song, "but text"),
    "form": (lambda song: b"------Boundary\r\nContent-Type: audio/mpeg\r\n\r\n" + song, "but text"),
    "midi": (lambda song: b"MThd\0\0\0\6" + song, "instruments"),
    "font": (lambda song: b"wOF2" + song, "font"),
    "heic": (lambda song: b"\0\0\0\x18ftypheic" + bytes(12) + song, "picture"),
    "aiff of a pipe": (lambda song: lengthless("aiff"), "AIFF .* names no length"),
    "w64 of a pipe": (lambda song: lengthless("w64"), "W64 .* names no length"),
    "rf64 of a pipe": (lambda song: lengthless("wav", "-rf64", "always"), "RF64 .* names no length"),
    "of an unknown program": (lambda song: b"XY12" + b"\x80\1\2\3" * 5_000 + song, "not an audio file"),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_what_holds_a_song_is_none_and_is_named(ffmpeg, tmp_path, song, kind):
    make, word = CONTAINERS[kind]
    path = tmp_path / "Album.mp3"
    path.write_bytes(make(song))
    with pytest.raises(DecodeError, match=word), open_track(ffmpeg, path, None):
        pytest.fail("it was taken for a song")


@pytest.mark.parametrize(
    "before",
    [
        b"",
        bytes(40_000),
        b"ID3\4\0\0\0\0\x0f\x76" + bytes(2038),
        b"\x55\xaa" * 300,
        b"ICY 200 OK\r\nicy-name: Radio\r\n\r\n",
        b"TAG" + b"A song of\nlines".ljust(125, b"\0"),
    ],
)
def test_songs_with_something_in_front_stay_songs(tmp_path, song, before):
    path = tmp_path / "a.mp3"
    path.write_bytes(before + song)
    assert not_audio_reason(path) is None


@pytest.mark.parametrize(
    ("suffix", "encoder"),
    [("mp2", "mp2"), ("mp3", "libmp3lame"), ("aac", "aac"), ("ac3", "ac3"), ("eac3", "eac3")],
)
@pytest.mark.parametrize("rate", [24_000, 48_000])
@pytest.mark.parametrize("cut", [0, 333, 5_000])
def test_frames_are_found_where_a_recorder_began_inside_one(tmp_path, suffix, encoder, rate, cut):
    if "ac3" in suffix:
        rate = 48_000  # AC-3 has no other
    path = write_audio(tmp_path / f"a.{suffix}", pink_noise(2.0, rate), rate, "-c:a", encoder)
    path.write_bytes(path.read_bytes()[cut:])
    assert not_audio_reason(path) is None


def test_a_song_with_the_name_of_a_picture_is_refused_with_what_to_do(ffmpeg, tmp_path, song):
    path = tmp_path / "Cover.PNG"
    path.write_bytes(song)
    with (
        pytest.raises(DecodeError, match=r"ending of its sound, such as \.mp3"),
        open_track(ffmpeg, path, None),
    ):
        pytest.fail("its decoder opens it by its name")
