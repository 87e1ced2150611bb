"""Tests of AAC streams, decoded by ffmpeg: number of frames, priming and position of each sample."""

import functools

import numpy as np
import pytest

from mixes.engine.codecs import aac
from mixes.engine.codecs.aac import AacWriter, AdtsInfo, adts_info
from mixes.engine.codecs.encoder_pool import EncoderPool
from mixes.engine.errors import OutputError
from mixes.engine.processes.sandbox import ENCODE, run_child
from mixes.engine.synth.songs import DEMO_SONGS, render_song
from mixes.engine.tests.signals import decode_file, lag, pink_noise, run_ffmpeg

RATE = 44_100


@functools.cache
def music(seconds, rate=RATE):
    return render_song(DEMO_SONGS[1], rate)[: seconds * rate]


def write_aac(path, ffmpeg, samples, *, workers=2, block=50_000, rate=RATE, **more):
    with (
        EncoderPool(workers) as pool,
        AacWriter(path, ffmpeg, pool, rate=rate, frames=len(samples), **more) as writer,
    ):
        for at in range(0, len(samples), block):
            writer.push(samples[at : at + block])
    return writer


def signal_to_noise_db(original, decoded):
    noise = np.sum(np.square(decoded.astype(float) - original)) + 1e-12
    return 10 * np.log10(np.sum(np.square(original, dtype=float)) / noise)


@pytest.mark.parametrize(
    ("samples", "info"),
    [
        (1, AdtsInfo(2, 1024, 1024, 1)),
        (1023, AdtsInfo(2, 1024, 1024, 1023)),
        (1024, AdtsInfo(2, 1024, 1024, 1024)),
        (1025, AdtsInfo(3, 1024, 1024, 1)),
        (8 * 3600 * 48_000, AdtsInfo(1_350_001, 1024, 1024, 1024)),
    ],
)
def test_adts_info_accounts_for_every_sample(samples, info):
    assert adts_info(samples) == info
    kept = (info.frames - 1) * info.frame_samples + info.last_frame_samples
    assert kept == info.priming_samples + samples


@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 60_000])
def test_the_file_has_the_frames_of_adts_info(tmp_path, ffmpeg, frames):
    writer = write_aac(tmp_path / "a.aac", ffmpeg, pink_noise(2)[:frames])
    assert len(aac.frame_offsets((tmp_path / "a.aac").read_bytes())) - 1 == writer.info.frames
    decoded = run_ffmpeg("-f", "aac", "-i", str(tmp_path / "a.aac"), "-f", "f32le", "-")
    assert len(decoded) == writer.info.frames * 1024 * 8


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_mix_follows_the_priming(tmp_path, ffmpeg, rate):
    samples = music(6, rate)
    write_aac(tmp_path / "a.aac", ffmpeg, samples, rate=rate, chunk_s=1.5)
    decoded = decode_file(tmp_path / "a.aac", rate)[aac.PRIMING_SAMPLES :][: len(samples)]
    for at in (0, len(samples) // 2, len(samples) - 32_768):
        assert lag(decoded, samples, at=at) == 0
    assert signal_to_noise_db(samples, decoded) > 30


def test_the_requested_bit_rate_is_used(tmp_path, ffmpeg):
    write_aac(tmp_path / "a.aac", ffmpeg, pink_noise(6), chunk_s=2)
    kbps = (tmp_path / "a.aac").stat().st_size * 8 / 6 / 1000
    assert 0.93 * 384 < kbps < 1.07 * 384


def test_neither_workers_nor_blocks_change_the_bytes(tmp_path, ffmpeg):
    samples = music(4)
    write_aac(tmp_path / "usual.aac", ffmpeg, samples, chunk_s=1)
    for workers, block in ((1, 4 * RATE), (3, 1777)):
        write_aac(tmp_path / "other.aac", ffmpeg, samples, chunk_s=1, workers=workers, block=block)
        assert (tmp_path / "other.aac").read_bytes() == (tmp_path / "usual.aac").read_bytes()


def test_a_seam_adds_no_audible_noise(tmp_path, ffmpeg):
    """The signal-to-noise ratio at each cut is 30 dB or more, or at most 6 dB below one encoder's."""
    samples = music(15)
    writer = write_aac(tmp_path / "cut.aac", ffmpeg, samples, chunk_s=1)
    frame = aac.frame_format(ffmpeg, RATE, aac.DEFAULT_KBPS)
    (tmp_path / "whole.aac").write_bytes(
        run_child(frame.argv, limits=ENCODE, feed=[samples.data.cast("B")]).stdout
    )
    cut, whole = (decode_file(tmp_path / f"{name}.aac")[aac.PRIMING_SAMPLES :] for name in ("cut", "whole"))
    cuts = [chunk.first * 1024 - aac.PRIMING_SAMPLES for chunk in writer._plan[1:]]
    assert len(cuts) >= 15
    for at in cuts:
        near = slice(max(0, at - 1024), at + 2 * 1024)
        here = signal_to_noise_db(samples[near], cut[near])
        assert here >= 30 or here >= signal_to_noise_db(samples[near], whole[near]) - 6


@pytest.mark.parametrize("garbage", [b"RIFF" * 300, b"\xff\xf1\x50\x80\x00\x1f\xfc", bytes(2000)])
def test_bytes_that_are_not_frames_are_refused(garbage):
    with pytest.raises(OutputError):
        aac.frame_offsets(garbage)


@pytest.mark.parametrize(("rate", "bitrate_kbps"), [(22_050, 384), (44_100, 192)])
def test_unsupported_rates_are_refused(tmp_path, ffmpeg, rate, bitrate_kbps):
    with EncoderPool(1) as pool, pytest.raises(ValueError, match="No AAC"):
        AacWriter(tmp_path / "a.aac", ffmpeg, pool, rate=rate, frames=9, bitrate_kbps=bitrate_kbps)
    assert not (tmp_path / "a.aac").exists()
