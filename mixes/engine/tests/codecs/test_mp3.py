"""Tests of MP3 files, decoded by ffmpeg and by a browser: exact length and first sample."""

import functools
import json
import os
import shutil
import signal
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import numpy as np
import pytest
from mutagen.id3 import APIC, CHAP, CTOC, ID3, TIT2, CTOCFlags

from mixes.engine.codecs import mp3
from mixes.engine.codecs.encoder_pool import EncoderPool
from mixes.engine.codecs.mp3 import InfoFrameData, Mp3Format, Mp3Writer, advance_crc16, crc16, info_frame
from mixes.engine.errors import OutputError
from mixes.engine.processes.sandbox import ENCODE, run_child
from mixes.engine.synth.songs import DEMO_SONGS, render_song
from mixes.engine.tests.signals import decode_file, lag, pink_noise, rms_db, run_ffmpeg, sine

RATE = 44_100
DELAY = 1105  # samples of delay of a raw stream of LAME's frames
# 10415 samples and the delay fill ten frames exactly
LENGTHS = [1, 47, 48, 575, 576, 1152, 3 * 1152, 10_415, 10_416, 2 * RATE + 7]


@functools.cache
def music(seconds, rate=RATE):
    return render_song(DEMO_SONGS[0], rate)[: seconds * rate]


def write_mp3(path, ffmpeg, samples, *, workers=2, block=50_000, rate=RATE, **more):
    with (
        EncoderPool(workers) as pool,
        Mp3Writer(path, ffmpeg, pool, rate=rate, frames=len(samples), **more) as writer,
    ):
        for at in range(0, len(samples), block):
            writer.push(samples[at : at + block])
    return path


def slow_crc16(data):
    """Return the CRC-16/ARC by its definition, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def id3_tag():
    """Return a tag like that of a mix: title, chapters and a cover larger than a second of music."""
    tag = ID3()
    tag.add(TIT2(encoding=3, text="Mix"))
    tag.add(APIC(encoding=3, mime="image/jpeg", type=3, data=bytes(300_000)))
    tag.add(CTOC(element_id="toc", flags=CTOCFlags.TOP_LEVEL, child_element_ids=["c0"]))
    tag.add(CHAP(element_id="c0", start_time=0, end_time=9, sub_frames=[TIT2(encoding=3, text="Song")]))
    return tag


def signal_to_noise_db(original, decoded):
    noise = np.sum(np.square(decoded.astype(float) - original)) + 1e-12
    return 10 * np.log10(np.sum(np.square(original, dtype=float)) / noise)


@pytest.mark.parametrize("frames", LENGTHS)
def test_the_decoded_file_is_as_long_as_planned(tmp_path, ffmpeg, frames):
    samples = pink_noise(2.1)[:frames]
    assert len(decode_file(write_mp3(tmp_path / "a.mp3", ffmpeg, samples))) == frames


@pytest.mark.parametrize(
    ("rate", "bitrate_kbps"), [(44_100, 320), (48_000, 320), (44_100, 128), (48_000, 192)]
)
def test_the_first_decoded_sample_is_the_first_of_the_mix(tmp_path, ffmpeg, rate, bitrate_kbps):
    samples = music(6, rate)
    path = write_mp3(tmp_path / "a.mp3", ffmpeg, samples, rate=rate, bitrate_kbps=bitrate_kbps, chunk_s=1.5)
    decoded = decode_file(path, rate)
    assert len(decoded) == len(samples)
    for at in (0, len(samples) // 2, len(samples) - 32_768):
        assert lag(decoded, samples, at=at) == 0
    assert signal_to_noise_db(samples, decoded) > 15


@pytest.mark.parametrize("bitrate_kbps", mp3.BITRATES)
def test_the_bit_rate_is_constant_and_as_requested(tmp_path, ffmpeg, bitrate_kbps):
    samples = pink_noise(4)
    path = write_mp3(tmp_path / "a.mp3", ffmpeg, samples, bitrate_kbps=bitrate_kbps, chunk_s=1)
    frames = mp3.encoder_frames(len(samples)) + 1
    bytes_at_rate = frames * 1152 / RATE * bitrate_kbps * 1000 / 8
    assert abs(path.stat().st_size - bytes_at_rate) <= 8 + 1  # one byte for each of the chunks


@pytest.mark.parametrize("bitrate_kbps", mp3.BITRATES)
def test_every_bit_rate_keeps_the_level(tmp_path, ffmpeg, bitrate_kbps):
    tone = sine(1000, 3)
    decoded = decode_file(write_mp3(tmp_path / "a.mp3", ffmpeg, tone, bitrate_kbps=bitrate_kbps))
    assert rms_db(decoded[RATE:-RATE]) == pytest.approx(rms_db(tone), abs=0.05)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_seek_finds_the_same_samples(tmp_path, ffmpeg, rate):
    path = write_mp3(tmp_path / "a.mp3", ffmpeg, music(8, rate), rate=rate, chunk_s=2)
    late = run_ffmpeg("-ss", "5", "-i", str(path), "-f", "f32le", "-")
    assert len(late) == 3 * rate * 8
    assert lag(np.frombuffer(late, "<f4").reshape(-1, 2), music(8, rate)[5 * rate :]) == 0


def test_the_id3_tag_comes_first_and_changes_no_sample(tmp_path, ffmpeg):
    id3_tag().save(tmp_path / "tag")
    head = (tmp_path / "tag").read_bytes()
    path = write_mp3(tmp_path / "a.mp3", ffmpeg, music(1), id3_tag=head)
    assert path.read_bytes().startswith(head)
    decoded = decode_file(path)
    assert len(decoded) == RATE
    assert lag(decoded, music(1), frames=RATE) == 0
    assert ID3(path)["TIT2"].text == ["Mix"]


def test_neither_workers_nor_blocks_change_the_bytes(tmp_path, ffmpeg):
    samples = music(4)
    usual = write_mp3(tmp_path / "usual.mp3", ffmpeg, samples, chunk_s=1)
    for workers, block in ((1, 4 * RATE), (3, 1777)):
        other = write_mp3(tmp_path / "other.mp3", ffmpeg, samples, chunk_s=1, workers=workers, block=block)
        assert usual.read_bytes() == other.read_bytes()


def test_a_seam_adds_no_audible_noise(tmp_path, ffmpeg):
    """The signal-to-noise ratio at each cut is 30 dB or more, or at most 0.5 dB below one encoder's."""
    samples = music(15)
    path = tmp_path / "cut.mp3"
    with (
        EncoderPool(2) as pool,
        Mp3Writer(path, ffmpeg, pool, rate=RATE, frames=len(samples), chunk_s=1) as writer,
    ):
        writer.push(samples)
    frame = mp3.frame_format(ffmpeg, Mp3Format(RATE, 320))
    (tmp_path / "whole.mp3").write_bytes(
        run_child(frame.argv, limits=ENCODE, feed=[samples.data.cast("B")]).stdout
    )
    cut, whole = decode_file(path), decode_file(tmp_path / "whole.mp3")[DELAY:]
    cuts = [chunk.first * 1152 - DELAY for chunk in writer._plan[1:]]
    assert len(cuts) >= 15
    for at in cuts:
        near = slice(max(0, at - 1152), at + 2 * 1152)
        here = signal_to_noise_db(samples[near], cut[near])
        assert here >= 30 or here >= signal_to_noise_db(samples[near], whole[near]) - 0.5


def test_the_info_frame_describes_the_file(tmp_path, ffmpeg):
    samples = music(6)
    data = write_mp3(tmp_path / "a.mp3", ffmpeg, samples, id3_tag=b"x" * 99, chunk_s=1).read_bytes()[99:]
    offsets = mp3.frame_offsets(data, Mp3Format(RATE, 320))
    tag, flags, frames, size = struct.unpack(">4sIII", data[36:52])
    assert (tag, flags) == (b"Info", 15)
    assert size == len(data) == offsets[-1]
    assert frames == len(offsets) - 2 == mp3.encoder_frames(len(samples))
    for percent, point in enumerate(data[52:152]):
        position = offsets[1 + percent * frames // 100]
        assert point == position * 256 // len(data)
    assert data[156:165] == b"LAME3.100"
    delay_and_padding = int.from_bytes(data[177:180], "big")
    assert delay_and_padding >> 12 == 576
    assert 576 + len(samples) + (delay_and_padding & 0xFFF) == 1152 * frames
    music_bytes, music_crc, tag_crc = struct.unpack(">IHH", data[184:192])
    assert music_bytes == len(data)
    assert music_crc == slow_crc16(data[offsets[1] :])
    assert tag_crc == slow_crc16(data[:190])


def test_a_file_beyond_32_bits_has_no_byte_count_and_a_correct_rest():
    stream = Mp3Format(RATE, 320)
    samples = 30 * 3600 * RATE  # 30 hours
    frames = mp3.encoder_frames(samples)
    size = frames * 1045
    toc = tuple(size * percent // 100 for percent in range(100))
    frame = info_frame(stream, InfoFrameData(samples, frames, size, toc, 0))
    assert size > 2**32
    tag, flags, told_frames = struct.unpack(">4sII", frame[36:48])
    assert (tag, flags, told_frames) == (b"Info", 13, frames)
    points = frame[48:148]
    assert points[0] == 0 and points[99] == 253
    assert all(later - earlier in (2, 3) for earlier, later in pairwise(points))
    assert frame[152:161] == b"LAME3.100"
    assert frame[180:184] == b"\xff\xff\xff\xff"
    assert len(frame) == stream.frame_bytes


def test_ffmpeg_accepts_an_info_frame_without_a_byte_count(tmp_path, ffmpeg, monkeypatch):
    monkeypatch.setattr(mp3, "UINT32_MAX", 1000)
    decoded = decode_file(write_mp3(tmp_path / "a.mp3", ffmpeg, music(2)))
    assert len(decoded) == 2 * RATE
    assert lag(decoded, music(2)) == 0


@pytest.mark.parametrize("size", [0, 1, 2, 3, 2047, 2048, 2049, 6000, 6001])
def test_the_fast_crc_equals_the_reference(rng, size):
    data = rng.bytes(size)
    assert crc16(memoryview(data)) == slow_crc16(data)


def test_crcs_of_parts_combine_to_the_crc_of_the_whole(rng):
    data = memoryview(rng.bytes(5000))
    joined = advance_crc16(crc16(data[:1999]), 3001) ^ crc16(data[1999:])
    assert joined == slow_crc16(data)


@pytest.mark.parametrize(("rate", "bitrate_kbps"), [(44_100, 300), (32_000, 320), (44_100, 0)])
def test_unsupported_rates_are_refused(tmp_path, ffmpeg, rate, bitrate_kbps):
    with EncoderPool(1) as pool, pytest.raises(ValueError, match="No MP3"):
        Mp3Writer(tmp_path / "a.mp3", ffmpeg, pool, rate=rate, frames=9, bitrate_kbps=bitrate_kbps)
    assert not (tmp_path / "a.mp3").exists()


@pytest.mark.parametrize("garbage", [b"RIFF" * 300, b"\xff\xfb\x90\x64" + bytes(2000)])
def test_bytes_that_are_no_frames_of_the_format_are_refused(garbage):
    with pytest.raises(OutputError):
        mp3.frame_offsets(garbage, Mp3Format(RATE, 320))


PAGE = """<!doctype html><meta charset="utf-8"><pre id="answer"></pre><script>
(async () => {
  const answers = [];
  for (let file = 0; file < %d; file++) {
    const bytes = await (await fetch(`/${file}`)).arrayBuffer();
    const sound = await new OfflineAudioContext(2, 1, %d).decodeAudioData(bytes);
    answers.push([sound.length, Array.from(sound.getChannelData(0).slice(0, 8192))]);
  }
  document.getElementById("answer").textContent = JSON.stringify(answers);
})().finally(() => fetch("/done"));
</script><img src="/wait">"""


class PageServer(ThreadingHTTPServer):
    """Serves the page and the files; `/wait` keeps the page loading until it reports that it is done."""

    daemon_threads = True

    def __init__(self, page, files):
        super().__init__(("127.0.0.1", 0), PageHandler)
        self.page, self.files, self.done = page, files, threading.Event()


class PageHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        name, body, kind = self.path[1:], b"", "audio/mpeg"
        if name == "done":
            self.server.done.set()
        elif name == "wait":
            self.server.done.wait(60)
        elif name.isdigit():
            body = self.server.files[int(name)]
        else:
            body, kind = self.server.page.encode(), "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def decode_in_browser(browser, folder, files):
    """Return the decoded length and the beginning of the left channel of each file, at 44.1 kHz."""
    with PageServer(PAGE % (len(files), RATE), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom")
        address = f"http://127.0.0.1:{server.server_port}/"
        with subprocess.Popen(
            [browser, *options, f"--user-data-dir={folder}", address],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                page = process.communicate(timeout=60)[0].decode()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        server.shutdown()
    answer = page.partition('<pre id="answer">')[2].partition("</pre>")[0]
    return [(length, np.array(start)) for length, start in json.loads(answer)]


def test_a_browser_decodes_the_planned_samples(tmp_path, ffmpeg):
    """Skipped without Chromium, unless REQUIRE_BROWSER=1."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser and os.environ.get("REQUIRE_BROWSER") != "1":
        pytest.skip("no Chromium here to decode in; REQUIRE_BROWSER=1 makes this a failure")
    assert browser, "REQUIRE_BROWSER=1, but there is no Chromium"
    id3_tag().save(tmp_path / "tag")
    head = (tmp_path / "tag").read_bytes()
    files = [
        write_mp3(tmp_path / "a.mp3", ffmpeg, music(3)[:frames], id3_tag=head, chunk_s=1).read_bytes()
        for frames in LENGTHS
    ]
    decoded = decode_in_browser(browser, tmp_path / "profile", files)
    assert [length for length, _ in decoded] == LENGTHS
    for length, start in decoded:
        if length >= len(start) == 8192:
            original = music(3)[:8192, :1]
            assert lag(start[:, None], original, frames=8192) == 0
