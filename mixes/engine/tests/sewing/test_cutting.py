"""Tests of songs cut out of a mix: played one behind the other, they are the mix, sample for sample."""

import io
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest

from mixes.engine.codecs.encoder_pool import EncoderPool
from mixes.engine.codecs.mp3 import Mp3Writer
from mixes.engine.errors import BrokenOutputError
from mixes.engine.sewing.cutting import open_mix, plan_cut, write_song
from mixes.engine.tests.signals import decode_file
from mixes.engine.timeline import MP3_FRAME as FRAME

RATE = 44_100
SAMPLES = 6 * RATE + 123
CASES = [(44_100, 128), (48_000, 160), (44_100, 320)]


def noise(samples):
    """Return noise that swells, so that every sample differs from its neighbours."""
    rng = np.random.default_rng(5)
    swell = np.linspace(0.05, 0.5, samples)[:, np.newaxis]
    return (rng.normal(size=(samples, 2)) * swell * 0.3).astype(np.float32)


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def mix(case, ffmpeg, tmp_path_factory):
    rate, bitrate_kbps = case
    path = tmp_path_factory.mktemp("mix") / "mix.mp3"
    with EncoderPool(2) as pool:
        writer = Mp3Writer(path, ffmpeg, pool, rate=rate, frames=SAMPLES, bitrate_kbps=bitrate_kbps)
        with writer:
            writer.push(noise(SAMPLES))
    return path


def cut(mix, start, end, folder):
    path = folder / f"{start}.mp3"
    with path.open("wb") as file:
        write_song(file, open_mix(mix, SAMPLES), start, end)
    return path


def test_the_songs_one_behind_the_other_are_the_mix(mix, case, tmp_path):
    # within the first frame, on the border of two frames, one sample beside it, just before the end
    borders = [
        0,
        700,
        20 * FRAME - 1105,
        40 * FRAME - 1106,
        60 * FRAME - 1104,
        3 * RATE,
        SAMPLES - 5,
        SAMPLES,
    ]
    whole = decode_file(mix, case[0])
    heard = [decode_file(cut(mix, *part, tmp_path), case[0]) for part in pairwise(borders)]
    assert [len(song) for song in heard] == np.diff(borders).tolist()
    assert np.array_equal(np.concatenate(heard), whole)


@pytest.mark.parametrize("program", ["mpg123", "lame"])
def test_other_players_leave_the_same_out(program, mix, case, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"no {program} here to decode with")
    path = cut(mix, RATE, 2 * RATE, tmp_path)
    call = {"mpg123": ["-q", "-s", "-e", "s16", path], "lame": ["--quiet", "--decode", "-t", path, "-"]}
    run = subprocess.run([program, *call[program]], capture_output=True, check=True)
    heard = np.frombuffer(run.stdout, "<i2").reshape(-1, 2) / 32768
    assert len(heard) == RATE
    assert np.abs(heard - decode_file(mix, case[0])[RATE : 2 * RATE]).max() < 1e-3


def test_frames_with_data_in_earlier_slots_are_cut_too(ffmpeg, tmp_path):
    """A mix of copied songs has a bit reservoir, as LAME's own files have."""
    source, path = tmp_path / "own.wav", tmp_path / "own.mp3"
    raw = noise(SAMPLES).tobytes()
    form = ["-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0"]
    subprocess.run([ffmpeg, "-v", "error", *form, source], input=raw, check=True)
    subprocess.run([ffmpeg, "-v", "error", "-i", source, "-b:a", "128k", path], check=True)
    whole = decode_file(path)
    stream = open_mix(path, len(whole))
    heard = []
    for start, end in ((0, RATE), (RATE, 2 * RATE + 77), (2 * RATE + 77, len(whole))):
        target = tmp_path / "song.mp3"
        with target.open("wb") as file:
            write_song(file, stream, start, end)
        heard.append(decode_file(target))
    assert [len(song) for song in heard] == [RATE, RATE + 77, len(whole) - 2 * RATE - 77]
    assert np.array_equal(np.concatenate(heard), whole)


def test_nothing_is_cut_out_of_another_file(mix, tmp_path):
    with pytest.raises(BrokenOutputError, match="not the one that was made"):
        open_mix(mix, SAMPLES + 1)
    other = tmp_path / "text.mp3"
    other.write_bytes(b"not music" * 1000)
    with pytest.raises(BrokenOutputError):
        open_mix(other, SAMPLES)


def test_what_players_leave_out_fits_into_its_field(mix):
    stream = open_mix(mix, SAMPLES)
    for start in range(0, 3 * FRAME, 17):
        planned = plan_cut(stream, start, start + FRAME)
        assert 0 <= planned.before - 529 < 4096
        assert 529 <= planned.frames * FRAME - planned.before + 529 - planned.samples < 4096


def test_the_tag_lies_before_the_first_frame(mix):
    file = io.BytesIO()
    write_song(file, open_mix(mix, SAMPLES), 0, RATE, b"ID3 and more")
    assert file.getvalue().startswith(b"ID3 and more\xff\xfb")
