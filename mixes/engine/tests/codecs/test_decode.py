"""Good, odd, broken and hostile files, and what comes out: the exact samples, or one plain sentence."""

import struct
import time

import numpy as np
import pytest

from mixes.engine.codecs import decode
from mixes.engine.codecs.decode import count_channels, open_track, parse_stream_info
from mixes.engine.errors import Cancelled, DecodeError, FfmpegError
from mixes.engine.processes.sandbox import Limits
from mixes.engine.tests.signals import (
    RATE,
    lag,
    pink_noise,
    rms_db,
    run_ffmpeg,
    sine,
    write_audio,
    write_wav,
)

BLOCK = 30_000  # frames: not a divisor of anything


def read_all(ffmpeg, path, rate=None, **options):
    """Everything a track holds, and its decoder, which has ended."""
    with open_track(ffmpeg, path, rate, **options) as decoder:
        blocks = [decoder.read(BLOCK)]
        while len(blocks[-1]):
            blocks.append(decoder.read(BLOCK))
    return np.concatenate(blocks), decoder


def decode_error_of(ffmpeg, path, rate=None, **options):
    """The sentence with which a file is refused, without the name it begins with."""
    with pytest.raises(DecodeError) as caught:
        read_all(ffmpeg, path, rate, **options)
    assert str(caught.value) == f"{path.name}: {caught.value.reason}"
    assert caught.value.reason.endswith(".")
    assert "ffmpeg" not in caught.value.reason
    return caught.value.reason


def sweep(frames, rate):
    """Tones that in 1.5 s rise from 200 to 2,200 Hz (left) and fall (right): at no other place alike."""
    time_s = np.arange(frames) / rate
    left = np.sin(2 * np.pi * (200 * time_s + 2000 / 3 * time_s**2))
    right = np.sin(2 * np.pi * (2200 * time_s - 2000 / 3 * time_s**2))
    return (0.25 * np.stack([left, right], axis=1)).astype(np.float32)


def correlation(decoded, original):
    """Correlation of two sounds as they lie, 1.0 for the same."""
    frames = min(len(decoded), len(original))
    return np.corrcoef(decoded[:frames].ravel(), original[:frames].ravel())[0, 1]


def riff(rate, channels, data, *, kind=1, bits=8, declared=None):
    """A WAV file that says whatever it likes of itself."""
    per_frame = channels * bits // 8 & 0xFFFF
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * per_frame & 0xFFFFFFFF, per_frame, bits)
    size = len(data) if declared is None else declared
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) if declared is None else declared) + body


def write_bytes(path, data):
    path.write_bytes(data)
    return path


FORMATS = {
    "MP3 320": ("mp3", 44_100, ["-b:a", "320k"]),
    "MP3 VBR": ("mp3", 48_000, ["-q:a", "2"]),
    "MP3 MPEG-2": ("mp3", 22_050, ["-b:a", "96k"]),
    "Ogg Vorbis": ("ogg", 44_100, ["-c:a", "libvorbis", "-q:a", "6"]),
    "Opus": ("opus", 48_000, ["-b:a", "160k"]),
    "AAC": ("m4a", 44_100, ["-c:a", "aac", "-b:a", "192k"]),
    "AAC 48": ("m4a", 48_000, ["-c:a", "aac", "-b:a", "256k"]),
    "ALAC": ("m4a", 44_100, ["-c:a", "alac"]),
    "ALAC 24": ("m4a", 48_000, ["-c:a", "alac", "-sample_fmt", "s32p"]),
    "WMA": ("wma", 44_100, ["-c:a", "wmav2", "-b:a", "192k"]),
    "WavPack": ("wv", 44_100, []),
    "WavPack float": ("wv", 96_000, ["-sample_fmt", "fltp"]),
    "AIFF": ("aiff", 44_100, []),
    "AIFF 24": ("aiff", 48_000, ["-c:a", "pcm_s24be"]),
    "FLAC": ("flac", 44_100, []),
    "FLAC 24": ("flac", 96_000, ["-sample_fmt", "s32"]),
    "WAV 8": ("wav", 44_100, ["-c:a", "pcm_u8"]),
    "WAV 16": ("wav", 8_000, ["-c:a", "pcm_s16le"]),
    "WAV 24": ("wav", 192_000, ["-c:a", "pcm_s24le"]),
    "WAV 32": ("wav", 44_100, ["-c:a", "pcm_s32le"]),
    "WAV float": ("wav", 48_000, ["-c:a", "pcm_f32le"]),
    "WAV double": ("wav", 88_200, ["-c:a", "pcm_f64le"]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_its_exact_sound(ffmpeg, tmp_path, name):
    ending, rate, options = FORMATS[name]
    frames = round(1.5 * rate) + 123
    original = sweep(frames, rate)
    path = write_audio(tmp_path / f"track.{ending}", original, rate, *options)
    other_rate = 48_000 if rate == 44_100 else 44_100
    own, decoder = read_all(ffmpeg, path)
    other, _ = read_all(ffmpeg, path, other_rate)
    assert (decoder.rate, decoder.info.channels, decoder.decode_errors) == (rate, 2, 0)
    assert abs(len(other) - len(own) * other_rate / rate) <= 1
    if name == "WMA":  # it does not tell its length: whole packets, and the decoder swallows the first
        assert abs(len(own) - frames) <= 2048
        assert correlation(own, original[2048:]) > 0.99
        return
    assert len(own) == frames
    assert correlation(own, original) > 0.999
    assert correlation(other, sweep(len(other), other_rate)) > 0.999
    assert lag(other, sweep(len(other), other_rate), at=8000) == 0
    assert abs(rms_db(own) - rms_db(original)) < 0.5


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 8])
def test_any_number_of_channels_becomes_two(ffmpeg, tmp_path, channels):
    original = sweep(RATE, RATE)
    spread = np.zeros((RATE, channels), dtype=np.float32)
    spread[:, : min(channels, 2)] = original[:, : min(channels, 2)]
    samples, decoder = read_all(ffmpeg, write_wav(tmp_path / "track.wav", spread))
    assert decoder.info.channels == channels
    expected = original if channels > 1 else np.repeat(original[:, :1], 2, axis=1)
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_more_channels_than_have_a_place_are_refused(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "track.wav", np.zeros((RATE, 9), dtype=np.float32))
    assert decode_error_of(ffmpeg, path) == "it has more channels than can be mixed to stereo."
    path = write_bytes(tmp_path / "many.wav", riff(RATE, 65535, bytes(65535 * 4)))
    assert decode_error_of(ffmpeg, path) == "it has more channels than can be mixed to stereo."


def test_blocks_do_not_depend_on_how_they_are_asked_for(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "track.wav", pink_noise(1.0))
    for rate in (None, 48_000):
        whole, _ = read_all(ffmpeg, path, rate)
        with open_track(ffmpeg, path, rate) as decoder:
            sizes = [len(decoder.read(frames)) for frames in (1, 7, 40_000, 10_000)]
            assert sizes == [1, 7, 40_000, len(whole) - 40_008 if rate is None else 7_992]
            assert len(decoder.read(10)) == 0


def test_a_mono_track_is_as_loud_as_a_player_plays_it(ffmpeg, tmp_path):
    path = tmp_path / "track.mp3"
    run_ffmpeg("-i", str(write_wav(tmp_path / "mono.wav", sine(440, 1.0)[:, 0])), "-b:a", "192k", str(path))
    for rate in (None, 48_000):
        samples, decoder = read_all(ffmpeg, path, rate)
        assert decoder.info.channels == 1
        assert abs(rms_db(samples) - rms_db(sine(440, 1.0))) < 0.5  # not the 3 dB of halves of its power


@pytest.mark.parametrize("rate", [None, 44_100])
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (riff(1, 1, bytes(100_000)), "its sample rate of 1 Hz is not one music is made with."),
        (riff(0x7FFFFFFF, 1, bytes(100_000)), "its sample rate of 2147483647 Hz is not"),
        (riff(0xFFFFFFFF, 1, bytes(100_000)), "it is not an audio file that can be read"),
        (riff(0, 0, bytes(1000)), "it is not an audio file that can be read"),
        (riff(44_100, 2, b"", bits=16), "there is no sound in it."),
        (b"", "it is empty."),
        (b"R", "it is not an audio file that can be read"),
        (b"This is a text.\n" * 99, "it is not an audio file that can be read"),
        (np.random.default_rng(1).bytes(100_000), "it is not an audio file that can be read"),
        (b"fLaC" + np.random.default_rng(1).bytes(50_000), "it is not an audio file that can be read"),
    ],
    ids=["1 Hz", "2 GHz", "4 GHz", "0 Hz", "no samples", "empty", "one byte", "text", "noise", "fLaC"],
)
def test_what_is_no_music_is_refused_at_once(ffmpeg, tmp_path, header, reason, rate):
    started_s = time.monotonic()
    assert decode_error_of(ffmpeg, write_bytes(tmp_path / "track.mp3", header), rate).startswith(reason)
    assert time.monotonic() - started_s < 5.0


def test_what_is_not_there_is_refused(ffmpeg, tmp_path):
    assert decode_error_of(ffmpeg, tmp_path / "track.mp3") == "there is no such file."
    assert decode_error_of(ffmpeg, tmp_path) == "there is no such file."


def test_only_decoded_samples_count(ffmpeg, tmp_path):
    data = (sine(440, 0.5) * 32767).astype("<i2").tobytes()
    path = write_bytes(tmp_path / "track.wav", riff(RATE, 2, data, bits=16, declared=0xFFFFFFFF))
    samples, _ = read_all(ffmpeg, path)
    assert len(samples) == RATE // 2


def test_a_claim_of_hours_is_not_believed(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "track.flac", sine(440, 1.0))
    data = bytearray(path.read_bytes())
    total = int.from_bytes(data[18:26], "big") >> 36 << 36 | RATE * 360_000
    data[18:26] = total.to_bytes(8, "big")
    samples, decoder = read_all(ffmpeg, write_bytes(path, bytes(data)))
    assert len(samples) == RATE
    assert decoder.info.declared_s == 360_000


@pytest.fixture(scope="module")
def long_silence(tmp_path_factory):
    """2 kB that decode to 12 minutes."""
    path = tmp_path_factory.mktemp("bomb") / "bomb.flac"
    source = ("-f", "lavfi", "-i", "anullsrc=r=4000:cl=mono", "-t", "720")
    run_ffmpeg(*source, "-compression_level", "0", "-frame_size", "65535", str(path))
    return path


@pytest.mark.parametrize("rate", [None, 48_000])
def test_a_track_that_never_ends_is_cut_and_refused(ffmpeg, long_silence, rate):
    assert decode_error_of(ffmpeg, long_silence, rate, max_s=360.0) == "it is longer than 0.1 hours."


def test_a_track_that_just_fits_is_taken(ffmpeg, long_silence):
    samples, _ = read_all(ffmpeg, long_silence, max_s=720.0)
    assert len(samples) == 720 * 4000


def poisoned():
    """A float track with 2 NaN, 2 infinite, 2 absurd and 2 too loud samples, and without."""
    clean = sine(440, 2.0, level_db=-20.0)
    bad = clean.copy()
    bad[40_000], bad[40_001], bad[40_002], bad[40_003] = np.nan, (np.inf, -np.inf), 1e30, (20.0, -20.0)
    return bad, clean


def test_samples_that_are_no_sound_are_repaired_and_counted(ffmpeg, tmp_path):
    bad, clean = poisoned()
    samples, decoder = read_all(ffmpeg, write_wav(tmp_path / "track.wav", bad))
    assert decoder.repaired_samples == 8
    assert not samples[40_000:40_003].any()
    assert samples[40_003].tolist() == [16.0, -16.0]
    untouched = np.delete(samples, np.s_[40_000:40_004], axis=0)
    np.testing.assert_array_equal(untouched, np.delete(clean, np.s_[40_000:40_004], axis=0))


def test_what_is_no_sound_does_not_spread_when_resampled(ffmpeg, tmp_path):
    bad, clean = poisoned()
    bad[40_003] = clean[40_003]
    samples, decoder = read_all(ffmpeg, write_wav(tmp_path / "bad.wav", bad), 48_000)
    expected, _ = read_all(ffmpeg, write_wav(tmp_path / "clean.wav", clean), 48_000)
    assert decoder.repaired_samples == 6
    assert np.abs(samples).max() < 0.15
    difference = np.abs(samples - expected).max(axis=1)
    assert np.count_nonzero(difference > 0.01) < 100


@pytest.mark.parametrize(("tone_hz", "error_db"), [(1_000, -140), (20_000, -60)])
def test_resampling_changes_no_tone(ffmpeg, tmp_path, tone_hz, error_db):
    path = write_wav(tmp_path / "track.wav", sine(tone_hz, 1.0, level_db=-6.0))
    samples, _ = read_all(ffmpeg, path, 48_000)
    ideal = sine(tone_hz, 1.0, 48_000, level_db=-6.0)
    middle = np.s_[5_000:-5_000]  # the tone begins and ends with a step
    assert rms_db(samples[middle] - ideal[middle]) < error_db


def test_nothing_but_nan_is_silence(ffmpeg, tmp_path):
    bad = np.full((RATE, 2), np.nan, dtype=np.float32)
    samples, decoder = read_all(ffmpeg, write_wav(tmp_path / "track.wav", bad))
    assert not samples.any()
    assert decoder.repaired_samples == 2 * RATE


def test_sound_over_full_scale_is_kept(ffmpeg, tmp_path):
    loud = sine(440, 1.0, level_db=12.0)
    samples, decoder = read_all(ffmpeg, write_wav(tmp_path / "track.wav", loud))
    np.testing.assert_array_equal(samples, loud)
    assert decoder.repaired_samples == 0


def test_a_truncated_mp3_gives_what_it_has(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "track.mp3", pink_noise(2.0), RATE, "-b:a", "192k")
    samples, _ = read_all(ffmpeg, write_bytes(path, path.read_bytes()[:30_000]))
    assert 1.0 * RATE < len(samples) < 1.4 * RATE


def test_bit_rot_is_counted(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "track.flac", pink_noise(2.0))
    data = bytearray(path.read_bytes())
    for position in (100_000, 150_000):
        data[position] ^= 0xFF
    samples, decoder = read_all(ffmpeg, write_bytes(path, bytes(data)))
    assert decoder.decode_errors >= 2
    assert len(samples) > 1.5 * RATE


def test_a_cut_wav_is_called_damaged(ffmpeg, tmp_path):
    path = write_wav(tmp_path / "track.wav", (sine(440, 1.0) * 32767).astype(np.int16))
    samples, decoder = read_all(ffmpeg, write_bytes(path, path.read_bytes()[:-40_001]))
    assert decoder.decode_errors > 0
    assert len(samples) == pytest.approx(RATE - 10_000, abs=2)


def test_glued_files_of_other_rates_stay_as_long_as_they_are(ffmpeg, tmp_path):
    bare = ("-b:a", "128k", "-id3v2_version", "0", "-write_xing", "0")
    parts = [
        write_audio(tmp_path / "a.mp3", sine(440, 1.0), 44_100, *bare),
        write_audio(tmp_path / "b.mp3", sine(440, 1.0, 48_000), 48_000, "-ac", "1", *bare),
        write_audio(tmp_path / "c.mp3", sine(440, 1.0), 44_100, *bare),
    ]
    path = write_bytes(tmp_path / "track.mp3", b"".join(part.read_bytes() for part in parts))
    own, decoder = read_all(ffmpeg, path)
    assert len(own) == pytest.approx(3.1 * decoder.rate, rel=0.05)
    for rate in (44_100, 48_000):
        samples, _ = read_all(ffmpeg, path, rate)
        assert abs(len(samples) - len(own) * rate / decoder.rate) <= 1


def test_pictures_and_films_without_sound_are_refused(ffmpeg, tmp_path):
    picture, film, old_film = (tmp_path / name for name in ("a.mp3", "b.mp4", "c.avi"))
    source = ("-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=1")
    run_ffmpeg(*source, "-frames:v", "1", "-f", "image2", "-c:v", "png", str(picture))
    run_ffmpeg(*source, "-c:v", "libx264", str(film))
    run_ffmpeg(*source, "-f", "lavfi", "-i", "sine=d=1", "-c:v", "mpeg4", "-c:a", "pcm_s16le", str(old_film))
    assert decode_error_of(ffmpeg, picture).startswith("it is a picture")
    assert decode_error_of(ffmpeg, film) == "there is no sound in it."
    assert decode_error_of(ffmpeg, old_film).startswith(
        "it is an AVI, FLV or MPEG video, which cannot be read"
    )


def test_of_a_film_the_sound_is_taken(ffmpeg, tmp_path):
    source = ("-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=1", "-f", "lavfi", "-i", "sine=d=1")
    path = tmp_path / "track.mp4"
    run_ffmpeg(*source, "-c:v", "libx264", "-c:a", "aac", str(path))
    samples, decoder = read_all(ffmpeg, path)
    assert len(samples) == RATE
    assert (decoder.info.codec, decoder.info.channels, decoder.decode_errors) == ("aac", 1, 0)


def test_a_cover_of_20_mb_is_no_damage(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "track.mp3", sine(440, 1.0), RATE, "-id3v2_version", "0")
    picture = b"\xff\xd8\xff\xe0" + bytes(20 << 20)
    frame = b"\0image/jpeg\0\x03\0" + picture
    sizes = [bytes(n >> shift & 127 for shift in (21, 14, 7, 0)) for n in (len(frame) + 10, len(frame))]
    tag = b"ID3\x04\0\0" + sizes[0] + b"APIC" + sizes[1] + b"\0\0" + frame
    samples, decoder = read_all(ffmpeg, write_bytes(path, tag + path.read_bytes()))
    assert len(samples) == RATE
    assert decoder.decode_errors == 0


def test_of_two_streams_the_first_is_taken_and_both_are_told(ffmpeg, tmp_path):
    path = tmp_path / "track.mka"
    source = ("-f", "lavfi", "-i", "sine=f=440:d=1", "-f", "lavfi", "-i", "sine=f=880:d=1")
    run_ffmpeg(*source, "-map", "0", "-map", "1", "-c:a", "flac", str(path))
    samples, decoder = read_all(ffmpeg, path)
    assert decoder.info.streams == 2
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=1)


def test_tags_neither_hide_nor_forge_the_facts(ffmpeg, tmp_path):
    lyrics = "\n".join(f"Line {number}: la la la" for number in range(2000))
    forged = "  Stream #0:0: Audio: forged, 1 Hz, mono\n[error] forged\nStream mapping:"
    tags = ("-metadata", f"lyrics={lyrics}", "-metadata", f"title={forged}", "-metadata", f"comment={lyrics}")
    path = write_audio(tmp_path / "track.flac", sine(440, 1.0), RATE, *tags)
    _, decoder = read_all(ffmpeg, path)
    assert (decoder.info.codec, decoder.info.channels, decoder.info.streams) == ("flac", 2, 1)
    assert decoder.decode_errors == 0


def test_facts_are_read_as_both_old_and_new_ffmpeg_say_them():
    stderr = "[info]   Duration: 01:02:03.50\n[info]   Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x61), "
    stderr += "48000 Hz, 5.1(side), fltp, 127 kb/s\n[info] Stream mapping:\n"
    stderr += "[info]   Stream #0:0: Audio: pcm_f32le, 48000 Hz, stereo, flt\n"
    assert parse_stream_info(stderr) == decode.StreamInfo("aac", 6, 3723.5, 1)
    assert parse_stream_info("") == decode.StreamInfo("unknown", None, None, 1)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        ("mono", 1),
        ("stereo", 2),
        ("2.1", 3),
        ("quad(side)", 4),
        ("5.1(side)", 6),
        ("7.1.4", 12),
        ("9 channels", 9),
        ("2 channels (FL+LFE)", 2),
        ("none", None),
    ],
)
def test_channels_are_counted_by_the_name_of_their_layout(layout, channels):
    assert count_channels(layout) == channels


def test_a_wish_to_stop_is_granted(ffmpeg, tmp_path):
    path = write_audio(tmp_path / "track.wav", pink_noise(5.0))
    wishes = iter([False] * 5)
    for rate in (None, 48_000):
        with (
            pytest.raises(Cancelled),
            open_track(ffmpeg, path, rate, should_stop=lambda: next(wishes, True)) as d,
        ):
            while True:
                d.read(1000)


@pytest.fixture
def fake_ffmpeg(tmp_path, monkeypatch):
    """Make a program that behaves in some way in ffmpeg's place; and a file for it to decode."""
    monkeypatch.setattr(decode, "DECODE", Limits(stall_s=0.5))
    path = tmp_path / "track.mp3"
    path.write_bytes(b"x")

    def make(script):
        program = tmp_path / "ffmpeg"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        return program, path

    return make


# A WAV header of float stereo at 44.1 kHz, as ffmpeg writes it, for printf
HEADER = "".join(f"\\{byte:03o}" for byte in riff(44_100, 2, b"", kind=3, bits=32, declared=0xFFFFFFFF))
HEADER_BYTES = HEADER.count("\\")


def progress_end(size):
    """What ffmpeg says at its end of so many bytes."""
    return f"printf 'total_size={size}\\nprogress=end\\n' >&2"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "the program that decodes it ended unexpectedly."),
        ("exit 1", "the program that decodes it ended unexpectedly."),
        ("kill -SEGV $$", "the program that decodes it ended unexpectedly."),
        (f"printf '{HEADER}' | head -c 20; {progress_end(20)}", "it is not an audio file that can be read"),
        (f"printf '{HEADER}'; {progress_end(HEADER_BYTES)}", "there is no sound in it."),
        (f"printf '{HEADER}'; yes | head -c 882000", "the program that decodes it ended unexpectedly."),
        (
            f"printf '{HEADER}'; yes | head -c 882000; {progress_end(HEADER_BYTES + 882_008)}",
            "the program that decodes it ended unexpectedly.",
        ),
        (
            f"printf '{HEADER}'; yes | head -c 882000; kill -SEGV $$",
            "the program that decodes it ended unexpectedly.",
        ),
        (
            f"printf '{HEADER}'; yes | head -c 882000; echo broken >&2; exit 1",
            "decoding broke off after 2.5 seconds.",
        ),
        ("while :; do printf x; sleep 0.02; done", "decoding it came to a standstill"),
        ("kill -STOP $$", "decoding it came to a standstill"),
        ("sleep 60", "decoding it came to a standstill"),
        (f"printf '{HEADER}'; yes | head -c 882000; sleep 60", "decoding it came to a standstill"),
        ("yes RIFFRIFFRIFF", "it is not an audio file that can be read"),
        (r"printf 'RIFFxxxxWAVE'; while :; do printf 'junk\0\0\0\0'; done", "its sample rate of 0 Hz"),
    ],
)
def test_a_decoder_that_lies_or_hangs_is_found_out(fake_ffmpeg, script, reason):
    program, path = fake_ffmpeg(script)
    with pytest.raises(DecodeError) as caught, open_track(program, path, None) as decoder:
        while len(decoder.read(22_050)):
            pass
    assert caught.value.reason.startswith(reason)


def test_endless_patience_is_not_had_with_a_slow_one(fake_ffmpeg, monkeypatch):
    monkeypatch.setattr(decode, "DECODE_TIMEOUT", (0.5, 0.5))
    monkeypatch.setattr(decode, "DECODE", Limits(stall_s=0.5, min_bytes_per_s=1))
    script = f"printf '{HEADER}'; while :; do printf xxxxxxxx; sleep 0.2; done"
    program, path = fake_ffmpeg(script)
    with pytest.raises(DecodeError, match="takes far too long"), open_track(program, path, None) as decoder:
        while True:
            decoder.read(1)


@pytest.mark.parametrize("script", ["kill -KILL $$", "exit 127"])
def test_what_is_not_the_files_fault_is_not_blamed_on_it(fake_ffmpeg, script):
    program, path = fake_ffmpeg(script)
    with pytest.raises(FfmpegError), open_track(program, path, None):
        pass


def song(hz, seconds=1.5, channels=2, rate=RATE):
    """A tone whose sides are the same."""
    return sine(hz, seconds, rate)[:, :channels]


def encoded(path, sound, rate, *options):
    """The bytes of a file that ffmpeg wrote from any number of channels."""
    source = write_wav(path.with_suffix(".source.wav"), sound, rate)
    run_ffmpeg("-i", str(source), *options, str(path))
    return path.read_bytes()


def hz_of(sound, rate):
    """The loudest frequency of a part."""
    return np.argmax(np.abs(np.fft.rfft(sound[:, 0]))) * rate / len(sound)


@pytest.mark.parametrize("layout", [(1, 2), (2, 1), (1, 2, 1), (2, 1, 2)], ids=str)
def test_joined_mp3_of_mono_and_stereo_parts_has_one_level(ffmpeg, tmp_path, layout):
    parts = [encoded(tmp_path / f"{k}.mp3", song(440, channels=n), RATE) for k, n in enumerate(layout)]
    sound, _ = read_all(ffmpeg, write_bytes(tmp_path / "joined.mp3", b"".join(parts)))
    levels = [rms_db(sound[round((1.5 * k + 0.4) * RATE) :][: RATE // 2]) for k in range(len(layout))]
    assert levels == pytest.approx([levels[0]] * len(layout), abs=0.05)
    assert levels[0] == pytest.approx(rms_db(song(440)), abs=0.6)  # LAME turns down a little


VORBIS, OPUS, FLAC = ("-c:a", "libvorbis"), ("-c:a", "libopus"), ("-c:a", "flac")
CHAINS = {
    "Vorbis, then mono": ((VORBIS, 2, 44_100), (VORBIS, 1, 44_100)),
    "Vorbis mono, then stereo": ((VORBIS, 1, 44_100), (VORBIS, 2, 44_100)),
    "Vorbis of two rates": ((VORBIS, 2, 44_100), (VORBIS, 2, 22_050)),
    "Vorbis of one form": ((VORBIS, 2, 44_100), (VORBIS, 2, 44_100)),
    "Opus, then mono": ((OPUS, 2, 48_000), (OPUS, 1, 48_000)),
    "three of Opus": ((OPUS, 2, 48_000), (OPUS, 2, 48_000), (OPUS, 2, 48_000)),
    "FLAC in Ogg of two rates": ((FLAC, 2, 44_100), (FLAC, 2, 48_000)),
    "FLAC in Ogg, then mono": ((FLAC, 2, 44_100), (FLAC, 1, 44_100)),
    "Vorbis, then Opus": ((VORBIS, 2, 44_100), (OPUS, 2, 48_000)),
}


@pytest.mark.parametrize("wanted_rate", [None, 32_000])
@pytest.mark.parametrize("name", CHAINS)
def test_ogg_chain_is_decoded_link_by_link(ffmpeg, tmp_path, name, wanted_rate):
    links = CHAINS[name]
    data = b"".join(
        encoded(tmp_path / f"{k}.ogg", song(400 + 200 * k, channels=channels, rate=rate), rate, *options)
        for k, (options, channels, rate) in enumerate(links)
    )
    sound, decoder = read_all(ffmpeg, write_bytes(tmp_path / "chain.ogg", data), wanted_rate)
    assert decoder.rate == wanted_rate or links[0][2]
    assert len(sound) / decoder.rate == pytest.approx(1.5 * len(links), abs=0.03)
    assert (decoder.decode_errors, decoder.ended_early) == (0, False)
    for k in range(len(links)):
        part = sound[round((1.5 * k + 0.3) * decoder.rate) :][: round(0.9 * decoder.rate)]
        assert hz_of(part, decoder.rate) == pytest.approx(400 + 200 * k, abs=2)
        assert rms_db(part) == pytest.approx(rms_db(song(400)), abs=0.5)


def test_link_of_a_chain_that_cannot_be_read_is_passed_over_and_counted(ffmpeg, tmp_path):
    good = encoded(tmp_path / "a.ogg", song(440), RATE, *VORBIS)
    broken = bytearray(encoded(tmp_path / "b.ogg", song(550), RATE, *VORBIS))
    broken[60:3000] = bytes(2940)
    sound, decoder = read_all(ffmpeg, write_bytes(tmp_path / "c.ogg", good + bytes(broken) + good))
    assert decoder.ended_early and decoder.decode_errors > 0
    assert len(sound) / RATE == pytest.approx(3.0, abs=0.1)


def two_sounds(path, *dispositions):
    """A Matroska file with 440 Hz and 660 Hz as two sounds."""
    sources = [write_wav(path.with_suffix(f".{hz}.wav"), song(hz), RATE) for hz in (440, 660)]
    inputs = [word for source in sources for word in ("-i", str(source))]
    run_ffmpeg(*inputs, "-map", "0:a", "-map", "1:a", "-c:a", "flac", *dispositions, str(path))
    return path


@pytest.mark.parametrize(
    ("first", "second", "hz"),
    [("0", "default", 660), ("default", "0", 440), ("default", "default", 440), ("0", "0", 440)],
)
def test_default_sound_of_several_is_decoded(ffmpeg, tmp_path, first, second, hz):
    path = two_sounds(tmp_path / "film.mkv", "-disposition:a:0", first, "-disposition:a:1", second)
    sound, decoder = read_all(ffmpeg, path)
    assert hz_of(sound, RATE) == pytest.approx(hz, abs=1)
    assert (decoder.info.streams, decoder.info.stream) == (2, int(hz == 660))


@pytest.mark.parametrize("kind", [b"drms", b"enca", b"aavd"])
def test_copy_protected_file_is_refused_as_such(ffmpeg, tmp_path, kind):
    data = bytearray(encoded(tmp_path / "a.m4a", song(440), RATE, "-c:a", "aac"))
    at = data.index(b"mp4a", data.index(b"stsd"))
    data[at : at + 4] = kind
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big") - 8
    data[start : start + size] = np.random.default_rng(5).bytes(size)
    assert decode_error_of(ffmpeg, write_bytes(tmp_path / "bought.m4p", bytes(data))) == decode.COPY_PROTECTED
