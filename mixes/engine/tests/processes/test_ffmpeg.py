"""Tests of the ffmpeg commands; the whitelists of the decode command are tested without the sandbox."""

import ctypes
import os
import socket
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mixes.engine.errors import EngineError, OutputError
from mixes.engine.processes import ffmpeg as tools
from mixes.engine.processes.ffmpeg import decode_args, find_ffmpeg, major_version, missing_encoders, version
from mixes.engine.processes.sandbox import Limits, run_child
from mixes.engine.tests.signals import run_ffmpeg, sine, write_audio

IN_OPEN = 0x20
HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:3.0,\n{0}\n#EXT-X-ENDLIST\n"
HLS_KEY = HLS.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="file://{0}"\n#EXTINF')
FFCONCAT = "ffconcat version 1.0\nfile '{}'\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT1S" minBufferTime="PT1S" '
    'profiles="urn:mpeg:dash:profile:isoff-live:2011"><Period><AdaptationSet mimeType="audio/mp4" '
    'contentType="audio"><Representation id="0" bandwidth="128000" codecs="mp4a.40.2" '
    'audioSamplingRate="44100"><SegmentList duration="1"><SegmentURL media="{}"/></SegmentList>'
    "</Representation></AdaptationSet></Period></MPD>"
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 0\n"
SCRIPTS = {
    "HLS": HLS,
    "HLS by URL": HLS.replace("{0}", "file://{0}"),
    "HLS concat": HLS.replace("{0}", "concat:{0}|{0}"),
    "HLS subfile": HLS.replace("{0}", "subfile,,start,0,end,0,,:{0}"),
    "HLS crypto": HLS.replace("{0}", "crypto:{0}"),
    "HLS key": HLS_KEY,
    "ffconcat": FFCONCAT,
    "DASH": DASH,
    "SDP": SDP,
}


class OpenWatch:
    """Detects whether a file was opened since the watch was created (inotify)."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.number = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self.number, os.fsencode(path), IN_OPEN) >= 0

    def was_opened(self):
        try:
            return bool(os.read(self.number, 4096))
        except BlockingIOError:
            return False


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """Return another user's track, fragmented so that a DASH manifest can reference it."""
    path = tmp_path_factory.mktemp("other") / "secret.m4a"
    fragmented = ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
    return write_audio(path, sine(1234, 1.0), 44_100, *fragmented)


@pytest.fixture
def watch(secret):
    return OpenWatch(secret)


def plain_ffmpeg(ffmpeg, path):
    """Return the simple decode command without whitelists."""
    return [str(ffmpeg), "-nostdin", "-v", "error", "-t", "1", "-i", str(path), "-f", "wav", "pipe:1"]


def engine_decode_args(ffmpeg, path):
    return decode_args(ffmpeg, path, max_s=5.0)


def sound_bytes(command):
    """Return how many bytes of sound a command outputs when it runs without the sandbox."""
    done = subprocess.run(command, capture_output=True, timeout=20, check=False)
    return max(0, len(done.stdout) - 100)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_named_mp3_opens_no_other_file(ffmpeg, tmp_path, secret, watch, script):
    path = tmp_path / "track.mp3"
    path.write_text(SCRIPTS[script].format(secret))
    assert sound_bytes(engine_decode_args(ffmpeg, path)) == 0
    assert not watch.was_opened()


@pytest.mark.parametrize("script", ["ffconcat", "DASH"])
def test_without_the_whitelists_a_script_opens_another_file(ffmpeg, secret, watch, script):
    path = secret.with_name("track.mp3")
    path.write_text(SCRIPTS[script].format(secret.name if script == "ffconcat" else secret))
    sound_bytes(plain_ffmpeg(ffmpeg, path))
    assert watch.was_opened()


@pytest.mark.parametrize("name", ["concat:{0}|{0}", "subfile,,start,0,end,0,,:{0}", "file:{0}", "{0}%03d"])
def test_a_file_name_is_never_interpreted(ffmpeg, secret, watch, name):
    assert sound_bytes(engine_decode_args(ffmpeg, Path(name.format(secret)))) == 0
    assert not watch.was_opened()


@pytest.mark.parametrize("script", [HLS, FFCONCAT, DASH], ids=["HLS", "ffconcat", "DASH"])
def test_nothing_is_fetched_from_the_network(ffmpeg, tmp_path, script):
    path = tmp_path / "track.mp3"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        path.write_text(script.format(f"http://127.0.0.1:{listener.getsockname()[1]}/a.mp3"))
        assert sound_bytes(engine_decode_args(ffmpeg, path)) == 0
        with pytest.raises(TimeoutError):
            listener.accept()


def protracker_module():
    """Return a module of 31 empty instruments and one empty pattern, played 128 times: 2 kB, 16 minutes."""
    song = bytes([128, 0]) + bytes(128) + b"M.K."
    return b"module".ljust(20, b"\0") + bytes(31 * 30) + song + bytes(1024)


def nes_sound():
    """Return a program for a game console that does nothing in an endless loop."""
    names = b"".join(name.ljust(32, b"\0") for name in (b"a", b"b", b"c"))
    addresses = struct.pack("<HHH", 0x8000, 0x8000, 0x8000)
    return (
        b"NESM\x1a\x01\x01\x01"
        + addresses
        + names
        + struct.pack("<H8sH6s", 0x411A, b"", 0x4E20, b"")
        + b"\x60"
    )


@pytest.mark.parametrize("make", [protracker_module, nes_sound])
def test_music_that_is_a_program_is_refused(ffmpeg, tmp_path, make):
    path = tmp_path / "track.mp3"
    path.write_bytes(make())
    assert sound_bytes(plain_ffmpeg(ffmpeg, path)) > 0
    assert sound_bytes(engine_decode_args(ffmpeg, path)) == 0


def test_a_picture_file_is_not_decoded(ffmpeg, tmp_path):
    path = tmp_path / "track.mp3"
    run_ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1", "-f", "image2", "-c:v", "png", str(path)
    )
    stderr = subprocess.run(
        engine_decode_args(ffmpeg, path), capture_output=True, timeout=20, check=False
    ).stderr
    assert b"Video: png" not in stderr


def test_supported_formats_pass_the_whitelists(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "track.mp3", sine(440, 1.0))
    done = subprocess.run(engine_decode_args(ffmpeg, path), capture_output=True, timeout=20, check=True)
    header = done.stdout.index(b"data") + 8
    assert len(np.frombuffer(done.stdout[header:], "<f4")) == 2 * 44_100


def test_a_full_disk_is_distinguished_from_a_broken_file(ffmpeg):
    source = ["-f", "lavfi", "-i", "sine", "-t", "1"]
    command = [str(ffmpeg), "-y", "-nostdin", "-v", "error", *source, "-f", "wav", "/dev/full"]
    with pytest.raises(OutputError, match="no space left"):
        run_child(command, limits=Limits(), write=[Path("/dev/full")])


def test_the_pinned_ffmpeg_has_all_needed_encoders(ffmpeg):
    assert major_version(version(ffmpeg)) >= tools.OLDEST_MAJOR
    assert missing_encoders(ffmpeg) == ()


def test_missing_encoders_are_named(tmp_path):
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho ' A....D aac   AAC'\necho ' V....D libx264   H.264'\n")
    poor.chmod(0o755)
    assert missing_encoders(poor) == ("libmp3lame", "pcm_f32le", "libsoxr")
    assert version(poor) == "unknown"


def test_the_operator_can_configure_another_ffmpeg(tmp_path, monkeypatch):
    other = tmp_path / "my-ffmpeg"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg(str(other)) == find_ffmpeg("my-ffmpeg") == other


@pytest.mark.parametrize("named", ["/nonexistent/ffmpeg", "no-such-ffmpeg", "{folder}", "{folder}/text"])
def test_an_ffmpeg_that_cannot_be_started_is_reported_in_one_sentence(tmp_path, named):
    (tmp_path / "text").write_text("not a program")
    named = named.format(folder=tmp_path)
    with pytest.raises(EngineError, match=f"^ffmpeg was not found at {named}, or it may not be started"):
        find_ffmpeg(named)


def test_a_missing_package_is_reported_in_one_sentence(monkeypatch):
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="not found in the package imageio-ffmpeg"):
        find_ffmpeg()


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("n9.0.2-17-g2a571b6068-20260930", 9),
        ("5.1.9-0+deb12u1", 5),
        ("7.0.2-static", 7),
        ("10.0", 10),
        ("N-118193-g5f38c82536", None),
        ("git-2026-01-02", None),
        ("unknown", None),
    ],
)
def test_the_major_version_is_read_from_every_notation(text, major):
    assert major_version(text) == major
